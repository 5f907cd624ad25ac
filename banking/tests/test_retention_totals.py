"""Monthly totals stay what they are when a bank is connected again, an account ends, or a person changes the period."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from banking.linking.disconnecting import disconnect_bank
from banking.models import Connection, Item
from banking.provider import TransactionRow
from banking.retention.monthly_totals import list_monthly_totals
from banking.retention.purging import purge_transactions
from banking.retention.transaction_rule import RULE
from banking.tests.scripted_provider import CHECKING, ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import StoredTransactions, run_sync
from compliance.isolation import tenant
from compliance.retention.choosing import choose_period
from compliance.retention.models import RetentionSetting, first_day_kept
from compliance.retention.rules import EVERYTHING

pytestmark = pytest.mark.django_db(transaction=True)

TODAY = date(2026, 11, 22)
OLD = TODAY - timedelta(days=91)
SAVINGS = CHECKING._replace(provider_id="acc-2", name="Savings", mask="1111", subtype="savings")
BOTH = [CHECKING, SAVINGS]
NEW_ID = "new-id"


@pytest.fixture(autouse=True)
def _today() -> Iterable[None]:
    with time_machine.travel("2026-11-22T12:00Z", tick=False):
        yield


@pytest.fixture
def second_item(make_item: Callable[..., Item], alice: User) -> Item:
    """Alice's second connection to the same bank."""
    return make_item(alice, provider_item_id="again", connected_at=timezone.now() + timedelta(seconds=1))


def row(provider_id: str, day: date, amount: str = "-5", **changes: object) -> TransactionRow:
    return transaction_row(provider_id, amount, date=day, authorized_date=None, **changes)


def make_stream(days: int, *, account_id: str = CHECKING.provider_id, step: int = 3) -> list[TransactionRow]:
    """A row every few days until today, each with another amount, as one connection delivers them."""
    return [
        row(f"{ago} of {account_id}", TODAY - timedelta(days=ago), f"-{ago + 1}", account_id=account_id)
        for ago in range(0, days, step)
    ]


def sync_stream(item: Item, provider: ScriptedProvider, stream: Sequence[TransactionRow]) -> None:
    provider.pages = [transactions_page(added=stream)]
    run_sync(item)


def purge(user: User, before: date) -> None:
    while purge_transactions(owner_id=user.pk, before=before, limit=20):
        pass


def list_months(user: User) -> dict[date, Decimal]:
    """The net of each month as the page shows it."""
    with tenant(user.pk):
        return {month.month: month.net for month in list_monthly_totals(owner_id=user.pk)}


def add_up(stream: Iterable[TransactionRow]) -> dict[date, Decimal]:
    """The net of each month of a bank's rows."""
    months: dict[date, Decimal] = defaultdict(Decimal)
    for transaction in stream:
        months[transaction.date.replace(day=1)] += transaction.amount
    return dict(months)


def revoke(item: Item) -> None:
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).update(connection=Connection.REVOKED)


# --- A bank that is connected again -----------------------------------------------------------------------


@pytest.mark.parametrize("history", [20, 45, 80, 200, 300, 400])
@pytest.mark.parametrize("kept", [None, 30, 0])
def test_it_counts_a_bank_once_that_is_connected_again(
    alice: User, item: Item, second_item: Item, provider: ScriptedProvider, kept: int | None, history: int
) -> None:
    first = make_stream(300)
    if kept == 0:
        choose_period(user=alice, rule=RULE, days=0)
    sync_stream(item, provider, first)
    if kept:
        choose_period(user=alice, rule=RULE, days=kept, at_once=True)
        purge(alice, TODAY - timedelta(days=kept))
    assert list_months(alice) == add_up(first)
    revoke(item)
    choose_period(user=alice, rule=RULE, days=None)
    provider.listed_accounts = [CHECKING._replace(provider_id=NEW_ID)]
    sync_stream(second_item, provider, make_stream(history, account_id=NEW_ID))
    expected = add_up(make_stream(max(history, 300)))
    assert list_months(alice) == expected
    # Nor do later purges and downloads change anything.
    for days in (200, 60, 30):
        purge(alice, TODAY - timedelta(days=days))
        assert list_months(alice) == expected
    sync_stream(second_item, provider, [])
    assert list_months(alice) == expected


@pytest.mark.parametrize("history", [20, 80, 300, 400])
def test_it_counts_a_bank_once_of_which_only_totals_are_kept(
    alice: User, item: Item, second_item: Item, provider: ScriptedProvider, history: int
) -> None:
    choose_period(user=alice, rule=RULE, days=0)
    sync_stream(item, provider, make_stream(300))
    revoke(item)
    provider.listed_accounts = [CHECKING._replace(provider_id=NEW_ID)]
    for _ in range(2):
        sync_stream(second_item, provider, make_stream(history, account_id=NEW_ID))
        assert list_months(alice) == add_up(make_stream(max(history, 300)))


def test_it_counts_the_new_connection_alone_when_the_former_history_is_deleted(
    alice: User, item: Item, second_item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    sync_stream(item, provider, make_stream(300))
    purge(alice, TODAY - timedelta(days=30))
    provider.listed_accounts = [CHECKING._replace(provider_id=NEW_ID)]
    sync_stream(second_item, provider, make_stream(200, account_id=NEW_ID))
    assert list_months(alice) == add_up(make_stream(300))
    disconnect_bank(user=alice, item_id=item.pk, keep_history=False)
    assert list_months(alice) == add_up(make_stream(200))
    assert len(stored_transactions()) == len(make_stream(200))


STEPS = st.lists(st.sampled_from(["sync", "connect again", "keep none", "keep 30 days", "keep all"]), max_size=7)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_it_has_the_same_months_whatever_happens(
    make_user: Callable[..., User], make_item: Callable[..., Item], provider: ScriptedProvider, steps: list[str]
) -> None:
    user = make_user(f"user-{uuid4().hex}")
    expected, items = add_up(make_stream(200)), []

    def sync() -> None:
        with tenant(user.pk):
            Item.objects.filter(pk=items[-1].pk).update(cursor="")
        account_id = str(items[-1].pk)
        provider.listed_accounts = [CHECKING._replace(provider_id=account_id)]
        sync_stream(items[-1], provider, make_stream(200, account_id=account_id))

    def connect() -> None:
        for item in items[-1:]:
            revoke(item)
        connected_at = timezone.now() + timedelta(seconds=len(items))
        items.append(make_item(user, provider_item_id=uuid4().hex, connected_at=connected_at))
        sync()

    def keep(days: int | None) -> None:
        choose_period(user=user, rule=RULE, days=days, at_once=True)
        if days is not None:
            purge(user, first_day_kept(days, timezone.now()) or TODAY)

    connect()
    actions = {
        "sync": sync,
        "connect again": connect,
        "keep none": lambda: keep(0),
        "keep 30 days": lambda: keep(30),
        "keep all": lambda: keep(None),
    }
    for step in steps:
        actions[step]()
        assert list_months(user) == expected


# --- An account that ends, or has a shorter history -------------------------------------------------------


@pytest.mark.parametrize("then", [0, None])
def test_it_keeps_the_totals_of_an_account_that_the_bank_no_longer_lists(
    alice: User, item: Item, provider: ScriptedProvider, then: int | None
) -> None:
    choose_period(user=alice, rule=RULE, days=0)
    provider.listed_accounts = BOTH
    sync_stream(item, provider, [row("a", OLD), row("b", OLD, account_id="acc-2")])
    choose_period(user=alice, rule=RULE, days=then)
    provider.listed_accounts = BOTH[:1]
    sync_stream(item, provider, [row("a", OLD)])
    assert list_months(alice) == {OLD.replace(day=1): -10}


@pytest.mark.parametrize("then", [0, None])
@pytest.mark.parametrize("second_day", [date(2026, 3, 20), date(2026, 11, 1)])
def test_it_keeps_the_totals_of_before_an_accounts_stream_begins(
    alice: User, item: Item, provider: ScriptedProvider, second_day: date, then: int | None
) -> None:
    provider.listed_accounts = BOTH
    savings = [row("b", date(2026, 3, 3), account_id="acc-2"), row("b2", second_day, account_id="acc-2")]
    stream = [row("a", date(2026, 2, 3)), *savings]
    sync_stream(item, provider, stream)
    choose_period(user=alice, rule=RULE, days=0, at_once=True)
    purge(alice, EVERYTHING)
    choose_period(user=alice, rule=RULE, days=then)
    for _ in range(2):
        sync_stream(item, provider, [stream[0], stream[2]])
        assert list_months(alice) == add_up(stream)
        with tenant(alice.pk):
            Item.objects.filter(pk=item.pk).update(cursor="")
    purge(alice, TODAY)
    assert list_months(alice) == add_up(stream)


# --- From nothing to a period -----------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [True, False])
def test_it_keeps_the_totals_of_what_a_new_period_does_not_keep(
    alice: User, item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions, at_once: bool
) -> None:
    choose_period(user=alice, rule=RULE, days=0)
    stream = [row("old", date(2026, 1, 5)), row("new", TODAY)]
    sync_stream(item, provider, stream)
    choose_period(user=alice, rule=RULE, days=90, at_once=at_once)
    with tenant(alice.pk):
        # This bank was out of reach while rows of another one led to the notice.
        RetentionSetting.objects.update(effective_at=timezone.now())
    sync_stream(item, provider, stream)
    assert list_months(alice) == add_up(stream)
    purge(alice, TODAY - timedelta(days=90))
    assert list_months(alice) == add_up(stream)
    assert set(stored_transactions()) == {"new"}
