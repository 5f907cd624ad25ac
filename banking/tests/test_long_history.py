"""Deleting more transactions than a web request has time for: a worker does it, and the request is done at once."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Notification, User
from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from banking.linking import removals
from banking.linking.consent_withdrawal import withdraw_bank_data
from banking.linking.disconnecting import MAX_ROWS_IN_REQUEST, disconnect_bank
from banking.linking.removals import remove_at_provider
from banking.models import Account, Connection, Item, PendingRemoval, Transaction
from banking.notification_messages import LargeTransactionsMessage
from banking.sync import sync_queue
from banking.tests.factories import copy_transaction, make_account, make_transaction, update_item
from banking.tests.scripted_provider import ScriptedProvider
from compliance.consent import Purpose, get_active_consent
from compliance.isolation import tenant
from compliance.tests.tampering import connect_as_superuser

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def long_item(alice: User, make_item: Callable[..., Item], provider: ScriptedProvider) -> Item:
    """A bank with one transaction more than a request deletes, and an alert."""
    item = make_item(alice)
    copy_transaction(make_transaction(make_account(item), "-900"), MAX_ROWS_IN_REQUEST)
    message = LargeTransactionsMessage(count=1, bank="Bank", amount=-900, currency="USD", counterparty="Payee")
    kind = NotificationType.BANK_LARGE_CHANGE
    notify(user_id=alice.pk, type=kind, message=message, fingerprint="large", subject_id=item.pk)
    return item


@pytest.fixture
def outdated_statistics(alice: User, make_item: Callable[..., Item]) -> Iterator[None]:
    """Statistics from when the table had one row. PostgreSQL once compared each row with each other one then."""
    make_transaction(make_account(make_item(alice, provider_item_id="first")), "-900")
    with connect_as_superuser() as superuser, connection.cursor() as cursor:
        superuser.execute("ALTER TABLE banking_transaction SET (autovacuum_enabled = off)")
        superuser.execute("ANALYZE banking_transaction")
        cursor.execute("SET statement_timeout = '5s'")
        yield
        cursor.execute("RESET statement_timeout")
        superuser.execute("ALTER TABLE banking_transaction RESET (autovacuum_enabled)")


def count_rows(user: User) -> tuple[int, int, int]:
    """Count the user's accounts, transactions and notifications."""
    with tenant(user.pk):
        rows = (Account.objects, Transaction.objects, Notification.objects)
        return tuple(manager.for_user(user).count() for manager in rows)


def execute_removals(user: User) -> None:
    """Execute what is due, as Celery beat does."""
    for owner_id, removal_id in sync_queue.due_removals(limit=10):
        remove_at_provider(owner_id=owner_id, removal_id=removal_id)
    with tenant(user.pk):
        assert not PendingRemoval.objects.exists()
        assert set(Item.objects.values_list("connection", flat=True)) == {Connection.REMOVED}


def test_it_disconnects_at_once_and_leaves_a_long_history_to_a_worker(
    as_alice: Client, alice: User, long_item: Item, provider: ScriptedProvider
) -> None:
    response = as_alice.post(reverse("disconnect", args=[long_item.pk]), {"history": "delete"}, follow=True)
    assert "We finish this in the background." in response.content.decode()
    assert update_item(long_item).connection == Connection.REMOVING
    assert count_rows(alice) == (1, MAX_ROWS_IN_REQUEST + 1, 1)
    execute_removals(alice)
    assert (count_rows(alice), provider.removed_tokens) == ((0, 0, 0), ["access-sandbox-secret"])


def test_it_keeps_a_long_history_in_the_request(alice: User, long_item: Item) -> None:
    removal = disconnect_bank(user=alice, item_id=long_item.pk, keep_history=True)
    assert (removal.history, count_rows(alice)) == ("", (1, MAX_ROWS_IN_REQUEST + 1, 1))


@pytest.mark.parametrize(("is_kept", "history", "rows"), [(True, "keep", 2), (False, "delete", 1)])
def test_it_leaves_to_a_worker_which_rows_of_a_long_history_count_then(
    alice: User,
    long_item: Item,
    make_item: Callable[..., Item],
    provider: ScriptedProvider,
    is_kept: bool,
    history: str,
    rows: int,
) -> None:
    """Another connection of the same bank is disconnected, which has few rows itself."""
    item = make_item(alice, provider_item_id="short")
    make_account(item)
    removal = disconnect_bank(user=alice, item_id=item.pk, keep_history=is_kept)
    assert (removal.history, update_item(item).connection) == (history, Connection.REMOVING)
    remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    assert update_item(item).connection == Connection.REMOVED
    assert count_rows(alice) == (rows, MAX_ROWS_IN_REQUEST + 1, 1)


def test_it_deletes_a_history_at_the_limit_in_the_request(alice: User, long_item: Item) -> None:
    with tenant(alice.pk):
        Transaction.objects.first().delete()
    removal = disconnect_bank(user=alice, item_id=long_item.pk, keep_history=False)
    assert (removal.history, count_rows(alice)) == ("", (0, 0, 0))


@pytest.mark.parametrize(("surplus", "is_long"), [(0, True), (2, False)])
def test_it_deletes_any_history_under_outdated_statistics(
    outdated_statistics: None, alice: User, long_item: Item, provider: ScriptedProvider, surplus: int, is_long: bool
) -> None:
    """In the background and in the request."""
    with tenant(alice.pk):
        rows = Transaction.objects.filter(account__item=long_item)[:surplus]
        Transaction.objects.filter(pk__in=[row.pk for row in rows]).delete()
    removal = disconnect_bank(user=alice, item_id=long_item.pk, keep_history=False)
    assert (removal.history == "delete") is is_long
    remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    assert count_rows(alice)[1] == 1


def test_a_worker_deletes_the_long_history_of_a_restored_bank_without_the_provider(
    alice: User, long_item: Item, provider: ScriptedProvider
) -> None:
    """This site never had its token."""
    update_item(long_item, access_token=None, connection=Connection.REVOKED)
    removal = disconnect_bank(user=alice, item_id=long_item.pk, keep_history=False)
    assert (removal.history, update_item(long_item).connection) == ("delete", Connection.REMOVED)
    execute_removals(alice)
    assert (count_rows(alice), provider.removed_tokens) == ((0, 0, 0), [])


@pytest.mark.parametrize("is_former", [False, True])
def test_a_withdrawal_does_not_wait_for_a_long_history(
    alice: User, long_item: Item, provider: ScriptedProvider, is_former: bool
) -> None:
    if is_former:
        disconnect_bank(user=alice, item_id=long_item.pk, keep_history=True)
        execute_removals(alice)
    (removal,) = withdraw_bank_data(user=alice, keep_history=False)
    assert get_active_consent(user_id=alice.pk, purpose=Purpose.BANK_DATA) is None
    assert (removal.history, count_rows(alice)) == ("delete", (1, MAX_ROWS_IN_REQUEST + 1, 1))
    execute_removals(alice)
    assert (count_rows(alice), provider.removed_tokens) == ((0, 0, 0), ["access-sandbox-secret"])


@pytest.mark.parametrize("step", ["delete_batch", "close_accounts", "delete_alerts"])
def test_a_worker_that_was_killed_is_followed_by_one_that_does_the_rest(
    alice: User, long_item: Item, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def work_and_die(*args: object, **arguments: object) -> None:
        if step != "delete_alerts":
            work(*args, **arguments)
        raise KeyboardInterrupt

    removal, work = disconnect_bank(user=alice, item_id=long_item.pk, keep_history=False), getattr(removals, step)
    monkeypatch.setattr(removals, step, work_and_die)
    with pytest.raises(KeyboardInterrupt):
        remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    monkeypatch.setattr(removals, step, work)
    assert (count_rows(alice)[2], provider.removed_tokens) == (1, [])
    with tenant(alice.pk):
        PendingRemoval.objects.update(next_attempt_at=removal.next_attempt_at)
    execute_removals(alice)
    assert (count_rows(alice), provider.removed_tokens) == ((0, 0, 0), ["access-sandbox-secret"])


def test_a_worker_stops_deleting_if_the_user_wants_to_keep_the_rest(
    alice: User, long_item: Item, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_and_choose_again(**arguments: object) -> int:
        deleted = delete_batch(**arguments)
        disconnect_bank(user=alice, item_id=long_item.pk, keep_history=True)
        return deleted

    removal, delete_batch = disconnect_bank(user=alice, item_id=long_item.pk, keep_history=False), removals.delete_batch
    monkeypatch.setattr(removals, "delete_batch", delete_and_choose_again)
    remove_at_provider(owner_id=alice.pk, removal_id=removal.pk)
    assert (count_rows(alice), provider.removed_tokens) == ((1, 1, 1), [])
    with tenant(alice.pk):
        PendingRemoval.objects.update(next_attempt_at=removal.next_attempt_at)
    execute_removals(alice)
    assert count_rows(alice) == (1, 1, 1)
