"""Notifications about large transactions and lost connections."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Notification, User
from accounts.notifications.inbox import change_settings, notify
from accounts.notifications.notification_types import NotificationType
from banking import tasks
from banking.categorization import rules
from banking.categorization.rules import RuleValues
from banking.linking import removals
from banking.linking.disconnecting import disconnect_bank
from banking.models import Item, PendingRemoval, SyncRun, Transaction
from banking.notification_messages import LargeTransactionsMessage
from banking.provider import (
    ConsentRequired,
    InstitutionDown,
    ItemNotFound,
    LoginRequired,
    Readiness,
    TransactionRow,
    TransactionsPage,
)
from banking.retention.transaction_rule import RULE
from banking.splits.splitting import PartValues, split_transaction
from banking.sync import notifications
from banking.tests.factories import update_item
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from compliance.isolation import tenant
from compliance.retention import OwnerIsBusy, purging
from compliance.retention.choosing import choose_period
from compliance.tests.threads import Contender

pytestmark = pytest.mark.django_db(transaction=True)


def make_recent_row(provider_id: str, amount: str, **changes: object) -> TransactionRow:
    """Build a transaction of yesterday."""
    day = timezone.localdate() - timedelta(days=1)
    return transaction_row(provider_id, amount, **{"date": day, "authorized_date": day, **changes})


def sync(item: Item) -> None:
    """Run the sync task at once, even if the last sync was recent."""
    update_item(item, lease_holder=None, leased_until=None, next_sync_at=timezone.now())
    tasks.sync_item(str(item.owner_id), str(item.pk), "test")


def list_notifications(user: User) -> list[tuple[str, str]]:
    with tenant(user.pk):
        return [(row.title, row.text) for row in Notification.objects.order_by("id")]


@pytest.fixture
def imported_item(item: Item, provider: ScriptedProvider) -> Item:
    """An Item whose first import is done."""
    provider.pages = [transactions_page(added=[make_recent_row("old", "-9000")])]
    sync(item)
    return item


# --- Large amounts ----------------------------------------------------------------------------------------


def test_it_does_not_notify_of_the_first_import(imported_item: Item, alice: User) -> None:
    assert list_notifications(alice) == []


def test_it_does_not_notify_while_the_history_is_incomplete(
    item: Item, provider: ScriptedProvider, alice: User
) -> None:
    provider.pages = [
        transactions_page(added=[make_recent_row("a", "-9000")], readiness=Readiness.INITIAL),
        transactions_page(added=[make_recent_row("b", "-9000")]),
    ]
    sync(item)
    sync(item)
    assert list_notifications(alice) == []
    provider.pages = [transactions_page(added=[make_recent_row("c", "-9000")])]
    sync(item)
    assert len(list_notifications(alice)) == 1


@pytest.mark.parametrize(
    ("amount", "title"),
    [
        ("-1234.5", "$1,234.50 went out: Starbucks"),
        ("2500", "$2,500.00 came in: Starbucks"),
        ("-500", "$500.00 went out: Starbucks"),
    ],
)
def test_it_notifies_of_a_large_transaction(
    imported_item: Item, provider: ScriptedProvider, alice: User, amount: str, title: str
) -> None:
    provider.pages = [transactions_page(added=[make_recent_row("a", amount), make_recent_row("b", "-499.99")])]
    sync(imported_item)
    assert list_notifications(alice) == [(title, "Checking ••0000, First Platypus Bank.")]


def test_it_notifies_once_of_many_large_transactions(
    imported_item: Item, provider: ScriptedProvider, alice: User
) -> None:
    provider.pages = [
        transactions_page(
            added=[
                make_recent_row("a", "-600"),
                make_recent_row("b", "-7000", currency="EUR"),
                make_recent_row("c", "800"),
                make_recent_row("d", "-1"),
            ]
        )
    ]
    sync(imported_item)
    assert list_notifications(alice) == [
        ("3 large transactions at First Platypus Bank", "Largest: 7,000.00 EUR out, Starbucks.")
    ]


@pytest.mark.parametrize(
    ("currency", "text"), [("JPY", "700 JPY"), ("BTC", "700.00314159 BTC"), ("KWD", "700.003 KWD")]
)
def test_it_formats_an_amount_by_its_currency(
    imported_item: Item, provider: ScriptedProvider, alice: User, currency: str, text: str
) -> None:
    provider.pages = [transactions_page(added=[make_recent_row("a", "-700.00314159", currency=currency)])]
    sync(imported_item)
    assert list_notifications(alice)[0][0] == f"{text} went out: Starbucks"


@pytest.mark.parametrize(
    "row",
    [
        make_recent_row("a", "-900", pending=True),
        make_recent_row("a", "-900", date=timezone.localdate() - timedelta(days=40), authorized_date=None),
        make_recent_row("a", "499.99"),
    ],
    ids=["pending", "old", "small"],
)
def test_it_does_not_notify_of_pending_old_or_small_transactions(
    imported_item: Item, provider: ScriptedProvider, alice: User, row: TransactionRow
) -> None:
    provider.pages = [transactions_page(added=[row])]
    sync(imported_item)
    assert list_notifications(alice) == []


def test_it_does_not_notify_of_a_known_transaction(
    imported_item: Item, provider: ScriptedProvider, alice: User
) -> None:
    provider.pages = [transactions_page(modified=[make_recent_row("old", "-9000.01", name="Renamed")])]
    sync(imported_item)
    assert list_notifications(alice) == []


def test_it_notifies_when_a_pending_transaction_is_posted(
    imported_item: Item, provider: ScriptedProvider, alice: User
) -> None:
    provider.pages = [transactions_page(added=[make_recent_row("p", "-900", pending=True)])]
    sync(imported_item)
    provider.pages = [transactions_page(added=[make_recent_row("q", "-900", pending_id="p")], removed=["p"])]
    sync(imported_item)
    assert [title for title, _ in list_notifications(alice)] == ["$900.00 went out: Starbucks"]


def test_it_notifies_of_the_whole_of_a_split_transaction_and_of_no_part(
    imported_item: Item, provider: ScriptedProvider, alice: User
) -> None:
    provider.pages = [transactions_page(added=[make_recent_row("p", "-900", pending=True)])]
    sync(imported_item)
    with tenant(alice.pk):
        row = Transaction.objects.get(provider_id="p")

    def split_and_post() -> TransactionsPage:
        # The parts are newer than the run.
        parts = [PartValues(amount=Decimal(-600)), PartValues(amount=Decimal(-300))]
        split_transaction(user=alice, transaction_id=row.pk, parts=parts)
        return transactions_page(added=[make_recent_row("q", "-900", pending_id="p")], removed=["p"])

    provider.pages = [split_and_post]
    sync(imported_item)
    assert [title for title, _ in list_notifications(alice)] == ["$900.00 went out: Starbucks"]


def test_it_calls_a_merchant_as_the_person_does(imported_item: Item, provider: ScriptedProvider, alice: User) -> None:
    rules.create_rule(user=alice, values=RuleValues(merchant="Starbucks", rename="Coffee place"))
    provider.pages = [transactions_page(added=[make_recent_row("a", "-900")])]
    sync(imported_item)
    assert [title for title, _ in list_notifications(alice)] == ["$900.00 went out: Coffee place"]


def test_it_uses_the_users_threshold(imported_item: Item, provider: ScriptedProvider, alice: User) -> None:
    change_settings(user_id=alice.pk, large_transaction=Decimal("50.00"))
    provider.pages = [transactions_page(added=[make_recent_row("a", "-50"), make_recent_row("b", "-49.99")])]
    sync(imported_item)
    assert [title for title, _ in list_notifications(alice)] == ["$50.00 went out: Starbucks"]


def test_it_links_to_the_large_transactions(
    imported_item: Item, provider: ScriptedProvider, alice: User, as_alice: Client
) -> None:
    provider.pages = [transactions_page(added=[make_recent_row("a", "-1234.56"), make_recent_row("b", "-20")])]
    sync(imported_item)
    with tenant(alice.pk):
        page = as_alice.get(Notification.objects.get().url).content.decode()
    assert "1,234.56" in page
    assert "20.00" not in page


def test_it_notifies_once_per_sync_run(imported_item: Item, provider: ScriptedProvider, alice: User) -> None:
    provider.pages = [transactions_page(added=[make_recent_row("a", "-900")])]
    sync(imported_item)
    with tenant(alice.pk):
        run = SyncRun.objects.latest("started_at")
    assert not notifications.notify_large_transactions(owner_id=alice.pk, item_id=imported_item.pk, run_id=run.pk)
    assert len(list_notifications(alice)) == 1


def test_they_are_deleted_with_the_history_of_their_bank_alone(
    imported_item: Item, provider: ScriptedProvider, alice: User, make_item: Any
) -> None:
    provider.pages = [transactions_page(added=[make_recent_row("a", "-900")])]
    sync(imported_item)
    message = LargeTransactionsMessage(
        count=2, bank="Other", amount=Decimal(-900), currency="USD", counterparty="Payee"
    )
    notify(
        user_id=alice.pk,
        type=NotificationType.BANK_LARGE_CHANGE,
        message=message,
        fingerprint="another",
        subject_id=make_item(alice, provider_item_id="another").pk,
    )
    disconnect_bank(user=alice, item_id=imported_item.pk, keep_history=False)
    assert [title for title, _ in list_notifications(alice)] == ["2 large transactions at Other"]
    assert User.objects.get(pk=alice.pk).unread == 1


def test_no_alert_stays_if_the_history_is_deleted_while_it_is_written(
    imported_item: Item, provider: ScriptedProvider, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_largest, found = notifications.find_largest, []

    def find_and_disconnect(**ids: Any) -> notifications.LargestTransaction | None:
        found.append(find_largest(**ids))
        if len(found) == 1:
            with ThreadPoolExecutor() as pool:
                pool.submit(disconnect_elsewhere).result()
        return found[-1]

    def disconnect_elsewhere() -> None:
        try:
            disconnect_bank(user=alice, item_id=imported_item.pk, keep_history=False)
        finally:
            connection.close()

    monkeypatch.setattr(notifications, "find_largest", find_and_disconnect)
    provider.pages = [transactions_page(added=[make_recent_row("a", "-900")])]
    sync(imported_item)
    assert (found[0] is not None, list_notifications(alice)) == (True, [])


def delete_by_worker(item: Item) -> None:
    with tenant(item.owner_id):
        removal = PendingRemoval.objects.create(owner_id=item.owner_id, item=item, access_token="t", history="delete")
    removals.remove_at_provider(owner_id=item.owner_id, removal_id=removal.pk)


def purge(item: Item) -> None:
    choose_period(user=item.owner, rule=RULE, days=0, at_once=True)
    (claim,) = purging.claim_due_settings(limit=10)
    # The sync reads its products after the notification, and stores them under the same lock.
    assert any(try_to_purge(claim) for _ in range(1000))


def try_to_purge(claim: purging.ClaimedSetting) -> bool:
    """Purge as a worker does; ``False`` if it has to try again because a sync stores something."""
    try:
        purging.purge_expired(claim)
    except OwnerIsBusy:
        return False
    return True


@pytest.mark.parametrize("delete", [delete_by_worker, purge])
def test_no_alert_stays_if_the_history_is_deleted_before_it_is_committed(
    imported_item: Item,
    provider: ScriptedProvider,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    delete: Callable[[Item], None],
) -> None:
    provider.pages = [transactions_page(added=[make_recent_row("a", "-900")])]
    contender = Contender(lambda: delete(imported_item))
    contender.come_before(monkeypatch, notifications, "notify")
    sync(imported_item)
    contender.finish()
    with tenant(alice.pk):
        assert not Transaction.objects.exists()
    assert list_notifications(alice) == []


def test_they_stay_with_the_history_of_their_bank(imported_item: Item, provider: ScriptedProvider, alice: User) -> None:
    provider.pages = [transactions_page(added=[make_recent_row("a", "-900")])]
    sync(imported_item)
    disconnect_bank(user=alice, item_id=imported_item.pk, keep_history=True)
    assert len(list_notifications(alice)) == 1


def test_it_reads_the_threshold_only_if_there_are_new_rows(imported_item: Item, provider: ScriptedProvider) -> None:
    counts = []
    for rows in ([], [make_recent_row("a", "-1")]):
        provider.pages = [transactions_page(added=rows)]
        with CaptureQueriesContext(connection) as queries:
            sync(imported_item)
        counts.append(sum("large_transaction" in query["sql"] for query in queries))
    assert counts == [0, 1]


def test_it_does_not_notify_another_user(imported_item: Item, provider: ScriptedProvider, mallory: User) -> None:
    provider.pages = [transactions_page(added=[make_recent_row("a", "-900")])]
    sync(imported_item)
    assert list_notifications(mallory) == []
    with tenant(imported_item.owner_id):
        run = SyncRun.objects.latest("started_at")
    assert not notifications.notify_large_transactions(owner_id=mallory.pk, item_id=imported_item.pk, run_id=run.pk)


# --- Lost connections -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "title", "path"),
    [
        (LoginRequired("ITEM_LOGIN_REQUIRED"), "First Platypus Bank needs you to sign in again", "reconnect/"),
        (ConsentRequired("ACCESS_NOT_GRANTED"), "First Platypus Bank needs you to sign in again", "reconnect/"),
        (ItemNotFound("ITEM_NOT_FOUND"), "We no longer have access to First Platypus Bank", "/bank-accounts/"),
    ],
)
def test_it_notifies_of_a_lost_connection(
    imported_item: Item,
    provider: ScriptedProvider,
    alice: User,
    as_alice: Client,
    error: Exception,
    title: str,
    path: str,
) -> None:
    provider.pages = [error]
    sync(imported_item)
    with tenant(alice.pk):
        row = Notification.objects.get()
    assert (row.type, row.title) == ("bank_reconnect", title)
    assert path in row.url
    assert as_alice.get(row.url).status_code == 200


def test_it_does_not_notify_of_a_temporary_error(imported_item: Item, provider: ScriptedProvider, alice: User) -> None:
    provider.pages = [InstitutionDown("INSTITUTION_DOWN")]
    sync(imported_item)
    assert list_notifications(alice) == []
