"""All work takes locks in one order: the user's row, the consent, rows of Items, the accounts. So nothing deadlocks."""

import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.deletion import erasure, requests
from accounts.models import Notification, User
from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from accounts.users.processing import hold_processing
from banking.account_matching import locks
from banking.linking import account_deletion, consent_withdrawal, disconnecting, removals
from banking.linking.data_consent import hold_consent
from banking.models import Connection, Item, OrphanedRemoval, PendingRemoval, Transaction
from banking.notification_messages import LargeTransactionsMessage
from banking.provider import LoginRequired
from banking.retention.transaction_rule import RULE
from banking.sync import notifications, sync_item
from banking.tests.factories import make_account, make_transaction
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from banking.tests.test_sync_lease import wait_until
from compliance.isolation import SYSTEM, tenant
from compliance.retention import purging
from compliance.retention.choosing import choose_period
from compliance.tests.threads import Contender, is_blocking

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops"])


@pytest.fixture(params=["other environment", "without token"])
def items(request: pytest.FixtureRequest, alice: User, make_item: Callable[..., Item], settings: object) -> list[Item]:
    """Two banks of Alice's whose disconnect waits for the lock of the accounts, because no worker could finish it."""
    items = [make_item(alice, provider_item_id=f"item-{number}") for number in (1, 2)]
    if request.param == "other environment":
        settings.PLAID_ENV = "sandbox"
    else:
        # As after a restore from an export.
        with tenant(alice.pk):
            Item.objects.update(access_token=None)
    return items


@pytest.mark.parametrize(
    ("module", "name", "disconnect_all"),
    [
        (
            consent_withdrawal,
            "disconnect_in_transaction",
            lambda user: consent_withdrawal.withdraw_bank_data(user=user, keep_history=True),
        ),
        (account_deletion, "disconnect_by_system", lambda user: requests.request_deletion(user=user)),
    ],
    ids=["withdrawal", "deletion"],
)
def test_all_banks_can_be_disconnected_while_one_of_them_is(
    alice: User,
    items: list[Item],
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    disconnect_all: Callable[[User], object],
) -> None:
    """While the first bank is disconnected, a request for the second one comes, and waits."""
    failures: list[Exception] = []
    disconnect_one, done = getattr(module, name), []

    def disconnect_other(item_id: object) -> None:
        try:
            disconnecting.disconnect_bank(user=alice, item_id=item_id, keep_history=True)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    def start_other_after_first(**arguments: object) -> object:
        result = disconnect_one(**arguments)
        done.append(arguments["item_id"])
        if len(done) == 1:
            other.start()
            wait_until(is_blocking)
        return result

    other = threading.Thread(target=lambda: disconnect_other(next(i.pk for i in items if i.pk not in done)))
    monkeypatch.setattr(module, name, start_other_after_first)
    disconnect_all(alice)
    other.join(30)
    assert failures == []
    with tenant(alice.pk):
        assert set(Item.objects.for_user(alice).values_list("connection", flat=True)) == {Connection.REMOVED}


@pytest.fixture
def alerted_item(alice: User, make_item: Callable[..., Item], provider: ScriptedProvider) -> Item:
    """A bank of Alice's with a large transaction and its alert."""
    item = make_item(alice)
    make_transaction(make_account(item), "-900")
    message = LargeTransactionsMessage(count=1, bank="Bank", amount=Decimal(-900), currency="USD", counterparty="Payee")
    kind = NotificationType.BANK_LARGE_CHANGE
    notify(user_id=alice.pk, type=kind, message=message, fingerprint="large", subject_id=item.pk)
    return item


def disconnect(item: Item) -> None:
    disconnecting.disconnect_bank(user=item.owner, item_id=item.pk, keep_history=False)


def withdraw(item: Item) -> None:
    consent_withdrawal.withdraw_bank_data(user=item.owner, keep_history=False)


def purge(item: Item) -> None:
    choose_period(user=item.owner, rule=RULE, days=0, at_once=True)
    (claim,) = purging.claim_due_settings(limit=10)
    purging.purge_expired(claim)


def remove(item: Item) -> None:
    with tenant(item.owner_id):
        removal = PendingRemoval.objects.create(item=item, owner=item.owner, access_token="t", history="delete")
    removals.remove_at_provider(owner_id=item.owner_id, removal_id=removal.pk)


@pytest.mark.parametrize("delete", [disconnect, withdraw, purge, remove])
def test_alerts_are_deleted_while_another_transaction_takes_all_locks(
    alice: User,
    alerted_item: Item,
    delete: Callable[[Item], None],
) -> None:
    """Such as one that links a bank, or erases the account."""
    failures: list[Exception] = []

    def run() -> None:
        try:
            delete(alerted_item)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    with tenant(alice.pk):
        hold_processing(alice.pk)
        thread.start()
        wait_until(is_blocking)
        hold_consent(user=alice)
        list(Item.objects.for_user(alice).select_for_update(of=["self"]).order_by("pk"))
        locks.lock_accounts(owner_id=alice.pk)
    thread.join(30)
    assert failures == []
    with tenant(alice.pk):
        assert (Notification.objects.count(), Transaction.objects.count()) == (0, 0)


# --- A sync that loses its connection ---------------------------------------------------------------------


@pytest.fixture
def synced_item(alice: User, make_item: Callable[..., Item], provider: ScriptedProvider) -> Item:
    """A bank whose stream still returns data, although its login has to be repaired."""
    provider.pages = [transactions_page(added=[transaction_row("t1")], cursor="c1")]
    provider.item_details = replace(provider.item_details, error=LoginRequired("ITEM_LOGIN_REQUIRED"))
    return make_item(alice, provider_item_id="synced")


def disconnect_other(user: User, item: Item) -> None:
    disconnecting.disconnect_bank(user=user, item_id=item.pk, keep_history=False)


def request_deletion(user: User, item: Item) -> None:
    requests.request_deletion(user=user)


def erase(user: User, item: Item | None = None) -> None:
    requests.request_deletion(user=user, at_once=True)
    erasure.erase_account(owner_id=user.pk)


@pytest.mark.parametrize("act", [disconnect_other, request_deletion])
def test_a_connection_is_lost_while_another_one_is_disconnected(
    alice: User,
    synced_item: Item,
    make_item: Callable[..., Item],
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[User, Item], None],
) -> None:
    """The other one was restored from an export, so its disconnect waits for the lock of the accounts."""
    restored = make_item(alice, provider_item_id="restored")
    make_account(restored)
    with tenant(alice.pk):
        Item.objects.filter(pk=restored.pk).update(access_token=None, connection=Connection.REVOKED)
    contender = Contender(lambda: act(alice, restored))
    contender.come_before(monkeypatch, notifications, "notify_connection_lost")
    sync_item(owner_id=alice.pk, item_id=synced_item.pk, trigger="test")
    contender.finish()
    with tenant(alice.pk):
        assert Item.objects.get(pk=restored.pk).connection == Connection.REMOVED
        assert Notification.objects.count() == 1


@pytest.mark.parametrize("fails", [True, False])
def test_a_connection_is_lost_while_the_account_is_erased(
    alice: User, synced_item: Item, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    if fails:
        provider.pages = [LoginRequired("ITEM_LOGIN_REQUIRED")]
    contender = Contender(lambda: erase(alice))
    contender.come_before(monkeypatch, notifications, "notify_connection_lost")
    sync_item(owner_id=alice.pk, item_id=synced_item.pk, trigger="test")
    contender.finish()
    assert not User.objects.exists()


def test_an_ordinary_sync_does_not_lock_the_users_row(synced_item: Item, provider: ScriptedProvider) -> None:
    provider.item_details = replace(provider.item_details, error=None)
    with CaptureQueriesContext(connection) as queries:
        assert sync_item(owner_id=synced_item.owner_id, item_id=synced_item.pk, trigger="test").ran
    table = User._meta.db_table
    assert [query["sql"] for query in queries if f'FROM "{table}"' in query["sql"] and " FOR " in query["sql"]] == []


# --- A removal at the provider ----------------------------------------------------------------------------


def test_a_removal_is_confirmed_while_the_account_is_erased(
    alice: User, item: Item, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests.request_deletion(user=alice, at_once=True)
    with tenant(alice.pk):
        removal = PendingRemoval.objects.get()
    contender = Contender(lambda: removals.remove_at_provider(owner_id=alice.pk, removal_id=removal.pk))
    contender.come_before(monkeypatch, account_deletion, "keep_removal")
    erasure.erase_account(owner_id=alice.pk)
    contender.finish()
    with tenant(SYSTEM):
        assert [orphan.provider_item_id for orphan in OrphanedRemoval.objects.all()] == [item.provider_item_id]
