"""Disconnecting a bank while a sync stores rows of the same owner: the request does not wait, a worker completes it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from unittest.mock import Mock

import pytest
from celery import current_app
from celery.schedules import crontab
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.deletion import requests
from accounts.models import User
from banking import connections
from banking.account_matching import locks, succession
from banking.credentials import CredentialUnreadable
from banking.linking import account_deletion, disconnecting, removals
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata
from banking.linking.update_mode import open_update_mode
from banking.models import Account, Connection, Item, PendingRemoval, Transaction
from banking.plaid.provider import PlaidProvider
from banking.provider import Credential, ItemNotFound, RateLimited, TimedOut, TransactionsPage, Unavailable
from banking.sync import item_sync, sync_item, sync_queue
from banking.sync.timeouts import QUICK_TIMEOUTS
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import get_last_run
from banking.tests.test_credentials import corrupt_token
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def synced_item(item: Item, provider: ScriptedProvider) -> Item:
    provider.pages = [transactions_page(added=[transaction_row("a"), transaction_row("b")])]
    sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test")
    return item


@pytest.fixture
def finish_other_sync(alice: User) -> Iterator[Callable[[], None]]:
    """Hold Alice's advisory lock on another connection until this is called. Waiting for it times out soon."""
    other_connection = connection.copy()
    with other_connection.cursor() as cursor, connection.cursor() as own_cursor:
        other_connection.set_autocommit(False)
        cursor.execute(locks.LOCK, [str(alice.pk)])
        own_cursor.execute("SET lock_timeout = '100ms'")
        yield other_connection.rollback
        own_cursor.execute("RESET lock_timeout")
    other_connection.close()


@contextmanager
def lock_item_row(item: Item, pool: ThreadPoolExecutor) -> Iterator[None]:
    """Hold a lock on the Item's row in another transaction."""
    locked, released = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with tenant(item.owner_id):
                Item.objects.select_for_update(of=["self"], no_key=True).get(pk=item.pk)
                locked.set()
                released.wait(20)
        finally:
            connection.close()

    holder = pool.submit(hold)
    assert locked.wait(20)
    try:
        yield
    finally:
        released.set()
        holder.result()


def execute_removal(removal: PendingRemoval) -> None:
    removals.remove_at_provider(owner_id=removal.owner_id, removal_id=removal.pk)


def count_remaining(user: User) -> tuple[int, int, int]:
    """Count the user's transactions, open accounts and visible connections."""
    with tenant(user.pk):
        accounts = Account.objects.for_user(user)
        count = accounts.filter(closed_at=None).count()
        return Transaction.objects.for_user(user).count(), count, len(connections.list_connections(user))


@pytest.mark.parametrize(("is_kept", "history", "rows"), [(True, "keep", 2), (False, "delete", 0)])
def test_it_hides_the_bank_at_once_and_leaves_the_history_to_a_worker(
    alice: User,
    synced_item: Item,
    provider: ScriptedProvider,
    finish_other_sync: Callable[[], None],
    is_kept: bool,
    history: str,
    rows: int,
) -> None:
    removal = disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=is_kept)
    assert removal.history == history
    assert count_remaining(alice) == (2, 2, 0)
    assert sync_queue.due_removals(limit=9) == [(alice.pk, removal.pk)]
    finish_other_sync()
    execute_removal(removal)
    assert count_remaining(alice) == (rows, 0, 0)
    assert provider.removed_tokens == ["access-sandbox-secret"]
    with tenant(alice.pk):
        assert Item.objects.get(pk=synced_item.pk).connection == Connection.REMOVED


def test_it_retries_within_a_minute_while_the_user_waits(
    alice: User, synced_item: Item, provider: ScriptedProvider, finish_other_sync: Callable[[], None]
) -> None:
    removal = disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=False)
    finish_other_sync()
    provider.removal_error = Unavailable("TIMEOUT")
    with pytest.raises(Unavailable):
        execute_removal(removal)
    assert count_remaining(alice) == (0, 0, 0)
    with tenant(alice.pk):
        removal.refresh_from_db()
        assert (removal.history, removal.next_attempt_at - timezone.now() < timedelta(minutes=1)) == ("", True)
    assert current_app.conf.beat_schedule["retry removals at the provider"]["schedule"] == crontab()


@pytest.mark.parametrize(("is_kept", "rows"), [(True, 1), (False, 0)])
def test_it_accepts_the_request_during_a_sync_of_the_same_item(
    alice: User, item: Item, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, is_kept: bool, rows: int
) -> None:
    results: list[PendingRemoval | None] = []

    def disconnect() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '500ms'")
            results.append(disconnecting.disconnect_bank(user=alice, item_id=item.pk, keep_history=is_kept))
        finally:
            connection.close()

    def while_storing(**options: object) -> succession.SuccessionResult:
        with ThreadPoolExecutor() as pool:
            pool.submit(disconnect).result()
        return update_succession(**options)

    update_succession = succession.update_succession
    monkeypatch.setattr(item_sync.succession, "update_succession", while_storing)
    provider.pages = [transactions_page(added=[transaction_row("a")])]
    assert sync_item(owner_id=alice.pk, item_id=item.pk, trigger="test").ran
    monkeypatch.undo()
    assert count_remaining(alice) == (1, 2, 1)
    monkeypatch.setattr(PlaidProvider, "connect", lambda self: provider)
    execute_removal(results[0])
    assert count_remaining(alice) == (rows, 0, 0)
    assert provider.removed_tokens == ["access-sandbox-secret"]
    with tenant(alice.pk):
        item.refresh_from_db()
    assert (item.connection, item.access_token) == (Connection.REMOVED, None)


def test_it_creates_no_removal_for_an_unbilled_item_of_another_environment(alice: User, synced_item: Item) -> None:
    with tenant(alice.pk):
        Item.objects.filter(pk=synced_item.pk).update(environment="sandbox")
    with ThreadPoolExecutor() as pool, lock_item_row(synced_item, pool), connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
        with pytest.raises(OperationalError):
            disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
        cursor.execute("RESET lock_timeout")
    with tenant(alice.pk):
        assert not PendingRemoval.objects.for_user(alice).exists()
    assert disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True) is None
    assert count_remaining(alice) == (2, 0, 0)


def test_it_creates_one_removal_for_repeated_requests(
    alice: User, synced_item: Item, finish_other_sync: Callable[[], None]
) -> None:
    first = disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
    assert disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True) == first
    with tenant(alice.pk):
        assert PendingRemoval.objects.for_user(alice).get() == first


def test_it_keeps_the_new_connection_while_the_replaced_one_cannot_be_removed(
    alice: User,
    synced_item: Item,
    provider: ScriptedProvider,
    finish_other_sync: Callable[[], None],
    as_operator: Callable[..., object],
) -> None:
    corrupt_token(synced_item)
    session = open_update_mode(user=alice, item_id=synced_item.pk).session
    assert session.replaces_id == synced_item.pk
    provider.credential = Credential("access-sandbox-new", "item-new", "req")
    metadata = LinkMetadata("ins_1", "First Platypus Bank", frozenset())
    new_item = finish_link(user=alice, session_id=session.pk, public_token="public-sandbox-1", metadata=metadata)
    assert provider.removed_tokens == []
    with tenant(alice.pk):
        assert [item.pk for item in connections.list_connections(alice)] == [new_item.pk]
        removal = PendingRemoval.objects.get(item=synced_item)
    finish_other_sync()
    with pytest.raises(CredentialUnreadable):
        execute_removal(removal)
    assert count_remaining(alice) == (2, 0, 1)


def test_it_tells_the_user_that_a_worker_completes_it(
    as_alice: Client, synced_item: Item, finish_other_sync: Callable[[], None]
) -> None:
    response = as_alice.post(reverse("disconnect", args=[synced_item.pk]), {"history": "keep"}, follow=True)
    assert "We finish this in the background." in response.content.decode()


def test_it_follows_the_last_request(alice: User, synced_item: Item, provider: ScriptedProvider) -> None:
    with ThreadPoolExecutor() as pool, lock_item_row(synced_item, pool):
        first = disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=False)
    last = disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
    assert (first.history, last.history) == ("delete", "")
    execute_removal(last)
    assert count_remaining(alice) == (2, 0, 0)


def test_a_request_for_deletion_does_not_override_that_the_history_is_deleted(
    alice: User, synced_item: Item, provider: ScriptedProvider
) -> None:
    with ThreadPoolExecutor() as pool, lock_item_row(synced_item, pool):
        removal = disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=False)
    requests.request_deletion(user=alice)
    requests.cancel_deletion(owner_id=alice.pk)
    execute_removal(removal)
    assert count_remaining(alice) == (0, 0, 0)


def test_it_accepts_another_request_until_the_first_one_is_completed(
    alice: User, synced_item: Item, provider: ScriptedProvider, finish_other_sync: Callable[[], None]
) -> None:
    removal = disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
    disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=False)
    finish_other_sync()
    execute_removal(removal)
    assert count_remaining(alice) == (0, 0, 0)


def test_it_follows_a_request_that_arrives_while_a_worker_executes_another(
    alice: User, synced_item: Item, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor() as pool, lock_item_row(synced_item, pool):
        removal = disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
    close_accounts = removals.close_accounts

    def disconnect_again() -> None:
        try:
            disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=False)
        finally:
            connection.close()

    def while_settling(**options: object) -> None:
        with ThreadPoolExecutor() as pool:
            pool.submit(disconnect_again).result()
        close_accounts(**options)

    monkeypatch.setattr(removals, "close_accounts", while_settling)
    execute_removal(removal)
    monkeypatch.setattr(removals, "close_accounts", close_accounts)
    assert provider.removed_tokens == []
    with tenant(alice.pk):
        PendingRemoval.objects.update(next_attempt_at=timezone.now())
    execute_removal(removal)
    assert (count_remaining(alice), provider.removed_tokens) == ((0, 0, 0), ["access-sandbox-secret"])


def test_it_completes_the_request_if_no_worker_can_remove_the_item(
    alice: User, synced_item: Item, finish_other_sync: Callable[[], None]
) -> None:
    with tenant(alice.pk):
        Item.objects.filter(pk=synced_item.pk).update(environment="production")
    with pytest.raises(OperationalError):
        disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=False)
    finish_other_sync()
    removal = disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=False)
    assert (removal.history, count_remaining(alice)) == ("", (0, 0, 0))


def test_it_does_not_override_the_users_request_for_a_redundant_item(alice: User, synced_item: Item) -> None:
    with ThreadPoolExecutor() as pool, lock_item_row(synced_item, pool):
        removal = disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=False)
    with tenant(alice.pk):
        Item.objects.filter(pk=synced_item.pk).update(connection=Connection.REVOKED)
        disconnecting.disconnect_redundant_items(owner_id=alice.pk, item_ids=[synced_item.pk])
        removal.refresh_from_db()
    assert removal.history == "delete"


@pytest.mark.parametrize(("is_kept", "rows"), [(True, 2), (False, 0)])
def test_a_worker_ends_the_removal_of_a_restored_bank_without_a_call(
    alice: User,
    synced_item: Item,
    provider: ScriptedProvider,
    is_kept: bool,
    rows: int,
) -> None:
    """This site never had its token."""
    with tenant(alice.pk):
        Item.objects.filter(pk=synced_item.pk).update(connection=Connection.REVOKED, access_token=None)
        events = AuditEvent.objects.filter(subject=alice.pk).order_by("id").values_list("action", flat=True)
        before = list(events)
    with ThreadPoolExecutor() as pool, lock_item_row(synced_item, pool):
        removal = disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=is_kept)
    execute_removal(removal)
    assert (count_remaining(alice), provider.removed_tokens) == ((rows, 0, 0), [])
    with tenant(alice.pk):
        assert not PendingRemoval.objects.exists()
        item = Item.objects.get()
        assert list(events.all()) == [*before, "disconnect"]
    assert (item.connection, item.removed_at is None) == (Connection.REMOVED, False)


@pytest.mark.parametrize("step", ["before", "during"])
def test_an_erasure_has_nothing_to_say_of_a_restored_bank(
    alice: User, synced_item: Item, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """It comes before a worker ends the removal, or after one was killed."""
    with tenant(alice.pk):
        Item.objects.filter(pk=synced_item.pk).update(connection=Connection.REVOKED, access_token=None)
    with ThreadPoolExecutor() as pool, lock_item_row(synced_item, pool):
        removal = disconnecting.disconnect_bank(user=alice, item_id=synced_item.pk, keep_history=True)
    if step == "during":
        monkeypatch.setattr(removals, "close_accounts", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            execute_removal(removal)
    with tenant(alice.pk):
        counts = account_deletion.prepare_erasure(alice.pk)
    assert counts == {"connections_to_remove_at_provider": 0, "connections_we_could_not_remove": 0}


# --- The run of the sync ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "outcome",
    [
        transactions_page(),
        ItemNotFound("ITEM_NOT_FOUND"),
        TimedOut("TIMEOUT"),
        RateLimited("RATE_LIMIT", scope="item"),
        SystemExit(),
    ],
)
def test_it_ends_the_run_of_a_sync(
    alice: User, item: Item, provider: ScriptedProvider, outcome: TransactionsPage | BaseException
) -> None:
    """The provider may refuse the next call, because the Item has been removed by then, or the worker may die."""

    def disconnect() -> TransactionsPage:
        disconnecting.disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    provider.pages = [disconnect]
    with suppress(SystemExit):
        sync_item(owner_id=alice.pk, item_id=item.pk, trigger="person", timeouts=QUICK_TIMEOUTS)
    run = get_last_run(item)
    assert (run.result, run.error_code, run.finished_at is None) == ("failed", "DISCONNECTED", False)
