"""What people are told of their banks, by readings against a scripted stream."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Notification, User
from accounts.notifications.inbox import change_settings
from banking import tasks
from banking.models import Connection, Item, SyncRun
from banking.provider import ConsentRequired, InstitutionDown, ItemNotFound, LoginRequired, Readiness, TransactionRow
from banking.sync import notifications
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)


def new(provider_id: str, amount: str, **changes: object) -> TransactionRow:
    """A payment of yesterday."""
    day = timezone.localdate() - timedelta(days=1)
    return transaction_row(provider_id, amount, **{"date": day, "authorized_date": day, **changes})


def sync(item: Item) -> None:
    """One reading by the job, as the clock or a webhook starts it."""
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).update(lease_holder=None, leased_until=None, next_sync_at=timezone.now())
    tasks.sync_item(str(item.owner_id), str(item.pk), "test")


def told(person: User) -> list[tuple[str, str]]:
    with tenant(person.pk):
        return [(row.title, row.text) for row in Notification.objects.order_by("id")]


@pytest.fixture
def whole(item: Item, provider: ScriptedProvider) -> Item:
    """An Item whose first import is done."""
    provider.pages = [transactions_page(added=[new("old", "-9000")])]
    sync(item)
    return item


# --- Large amounts ----------------------------------------------------------------------------------------


def test_it_tells_nothing_of_the_first_import(whole: Item, alice: User) -> None:
    assert told(alice) == []


def test_it_tells_nothing_while_the_history_comes_in_parts(item: Item, provider: ScriptedProvider, alice: User) -> None:
    provider.pages = [
        transactions_page(added=[new("a", "-9000")], readiness=Readiness.INITIAL),
        transactions_page(added=[new("b", "-9000")]),
    ]
    sync(item)
    sync(item)
    assert told(alice) == []
    provider.pages = [transactions_page(added=[new("c", "-9000")])]
    sync(item)
    assert len(told(alice)) == 1


@pytest.mark.parametrize(
    ("amount", "title"),
    [
        ("-1234.5", "$1,234.50 went out: Starbucks"),
        ("2500", "$2,500.00 came in: Starbucks"),
        ("-500", "$500.00 went out: Starbucks"),
    ],
)
def test_it_tells_of_a_large_amount(
    whole: Item, provider: ScriptedProvider, alice: User, amount: str, title: str
) -> None:
    provider.pages = [transactions_page(added=[new("a", amount), new("b", "-499.99")])]
    sync(whole)
    assert told(alice) == [(title, "Checking ••0000, First Platypus Bank.")]


def test_it_tells_once_of_many_large_amounts(whole: Item, provider: ScriptedProvider, alice: User) -> None:
    provider.pages = [
        transactions_page(added=[new("a", "-600"), new("b", "-7000", currency="EUR"), new("c", "800"), new("d", "-1")])
    ]
    sync(whole)
    assert told(alice) == [("3 large transactions at First Platypus Bank", "Largest: 7,000.00 EUR out, Starbucks.")]


@pytest.mark.parametrize(
    ("currency", "said"), [("JPY", "700 JPY"), ("BTC", "700.00314159 BTC"), ("KWD", "700.003 KWD")]
)
def test_it_says_an_amount_as_its_currency_is_written(
    whole: Item, provider: ScriptedProvider, alice: User, currency: str, said: str
) -> None:
    provider.pages = [transactions_page(added=[new("a", "-700.00314159", currency=currency)])]
    sync(whole)
    assert told(alice)[0][0] == f"{said} went out: Starbucks"


@pytest.mark.parametrize(
    "row",
    [
        new("a", "-900", pending=True),
        new("a", "-900", date=timezone.localdate() - timedelta(days=40), authorized_date=None),
        new("a", "499.99"),
    ],
    ids=["pending", "old", "small"],
)
def test_it_tells_nothing_of_what_is_no_large_news(
    whole: Item, provider: ScriptedProvider, alice: User, row: TransactionRow
) -> None:
    provider.pages = [transactions_page(added=[row])]
    sync(whole)
    assert told(alice) == []


def test_it_tells_nothing_of_a_row_that_was_known(whole: Item, provider: ScriptedProvider, alice: User) -> None:
    provider.pages = [transactions_page(modified=[new("old", "-9000.01", name="Renamed")])]
    sync(whole)
    assert told(alice) == []


def test_it_tells_when_a_pending_payment_is_posted(whole: Item, provider: ScriptedProvider, alice: User) -> None:
    provider.pages = [transactions_page(added=[new("p", "-900", pending=True)])]
    sync(whole)
    provider.pages = [transactions_page(added=[new("q", "-900", pending_id="p")], removed=["p"])]
    sync(whole)
    assert [title for title, _ in told(alice)] == ["$900.00 went out: Starbucks"]


def test_it_keeps_to_the_persons_own_threshold(whole: Item, provider: ScriptedProvider, alice: User) -> None:
    change_settings(user_id=alice.pk, large_transaction=Decimal("50.00"))
    provider.pages = [transactions_page(added=[new("a", "-50"), new("b", "-49.99")])]
    sync(whole)
    assert [title for title, _ in told(alice)] == ["$50.00 went out: Starbucks"]


def test_it_leads_to_the_list_of_them(whole: Item, provider: ScriptedProvider, alice: User, as_alice: Client) -> None:
    provider.pages = [transactions_page(added=[new("a", "-1234.56"), new("b", "-20")])]
    sync(whole)
    with tenant(alice.pk):
        said = as_alice.get(Notification.objects.get().url).content.decode()
    assert "1,234.56" in said
    assert "20.00" not in said


def test_it_tells_a_run_once(whole: Item, provider: ScriptedProvider, alice: User) -> None:
    provider.pages = [transactions_page(added=[new("a", "-900")])]
    sync(whole)
    with tenant(alice.pk):
        run = SyncRun.objects.latest("started_at")
    assert not notifications.notify_large_transactions(owner_id=alice.pk, item_id=whole.pk, run_id=run.pk)
    assert len(told(alice)) == 1


def test_it_asks_once_and_not_at_all_when_nothing_came(whole: Item, provider: ScriptedProvider) -> None:
    counts = []
    for rows in ([], [new("a", "-1")]):
        provider.pages = [transactions_page(added=rows)]
        with CaptureQueriesContext(connection) as queries:
            sync(whole)
        counts.append(sum("large_transaction" in query["sql"] for query in queries))
    assert counts == [0, 1]


def test_it_tells_mallory_nothing(whole: Item, provider: ScriptedProvider, mallory: User) -> None:
    provider.pages = [transactions_page(added=[new("a", "-900")])]
    sync(whole)
    assert told(mallory) == []
    with tenant(whole.owner_id):
        run = SyncRun.objects.latest("started_at")
    assert not notifications.notify_large_transactions(owner_id=mallory.pk, item_id=whole.pk, run_id=run.pk)


# --- A connection that is lost ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "title", "where"),
    [
        (LoginRequired("ITEM_LOGIN_REQUIRED"), "First Platypus Bank needs you to sign in again", "reconnect/"),
        (ConsentRequired("ACCESS_NOT_GRANTED"), "First Platypus Bank needs you to sign in again", "reconnect/"),
        (ItemNotFound("ITEM_NOT_FOUND"), "We no longer have access to First Platypus Bank", "/bank-accounts/"),
    ],
)
def test_it_tells_that_a_connection_is_lost(
    whole: Item,
    provider: ScriptedProvider,
    alice: User,
    as_alice: Client,
    error: Exception,
    title: str,
    where: str,
) -> None:
    provider.pages = [error]
    sync(whole)
    with tenant(alice.pk):
        row = Notification.objects.get()
    assert (row.type, row.title) == ("bank_reconnect", title)
    assert where in row.url
    assert as_alice.get(row.url).status_code == 200


def test_it_tells_once_for_each_loss(
    whole: Item, provider: ScriptedProvider, alice: User, back: Callable[[Item], None]
) -> None:
    for _ in range(2):
        provider.pages = [LoginRequired("ITEM_LOGIN_REQUIRED")]
        sync(whole)
        sync(whole)
        back(whole)
        sync(whole)
    assert len(told(alice)) == 2


@pytest.fixture
def back() -> Callable[[Item], None]:
    """Let the bank in again, as reconnecting does."""

    def reconnect(item: Item) -> None:
        with tenant(item.owner_id):
            Item.objects.filter(pk=item.pk).update(connection=Connection.ACTIVE, error_code="", failures=0)

    return reconnect


def test_it_tells_nothing_of_trouble_that_heals_by_itself(whole: Item, provider: ScriptedProvider, alice: User) -> None:
    provider.pages = [InstitutionDown("INSTITUTION_DOWN")]
    sync(whole)
    assert told(alice) == []
