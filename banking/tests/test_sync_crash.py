"""Syncs that end in an unexpected error or a killed worker: the lease is released and the sync retried soon."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.utils import OperationalError
from django.utils import timezone

from banking.models import Item, SyncRun
from banking.provider import Readiness, Unavailable
from banking.sync import item_state, item_sync, sync_item, sync_queue
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import StoredTransactions
from compliance.isolation import tenant
from conftest import terminate_database_connection

pytestmark = pytest.mark.django_db(transaction=True)

SOON = timedelta(minutes=1)


def sync(item: Item) -> None:
    try:
        sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test")
    finally:
        reload(item)


def reload(item: Item) -> Item:
    with tenant(item.owner_id):
        item.refresh_from_db()
    return item


def list_results(item: Item) -> list[tuple[str, str]]:
    with tenant(item.owner_id):
        runs = SyncRun.objects.filter(item=item).order_by("started_at")
        return [(run.result, run.error_code) for run in runs]


@pytest.mark.parametrize("readiness", [Readiness.NOT_READY, Readiness.HISTORICAL])
def test_it_releases_the_lease_after_an_unexpected_error(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions, readiness: str
) -> None:
    with tenant(item.owner_id):
        Item.objects.update(readiness=readiness)
    provider.pages = [RuntimeError("an unexpected error")]
    with pytest.raises(RuntimeError):
        sync(item)
    assert not item.is_syncing
    assert item.next_sync_at - timezone.now() < SOON
    assert (item.failures, item.error_code) == (1, "RuntimeError")
    provider.pages = [transactions_page(added=[transaction_row("a")])]
    sync(item)
    assert (item.failures, set(stored_transactions())) == (0, {"a"})
    assert list_results(item) == [("failed", "RuntimeError"), ("ok", "")]


def test_it_waits_longer_after_each_unexpected_error(item: Item, provider: ScriptedProvider) -> None:
    waits = []
    provider.pages = [RuntimeError("again")] * 4
    for _ in range(4):
        with pytest.raises(RuntimeError):
            sync(item)
        waits.append((item.next_sync_at - timezone.now()).total_seconds())
    assert waits == sorted(waits)
    assert waits[3] > 4 * waits[0]


def test_it_continues_if_the_database_connection_breaks_during_a_call(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    def respond() -> object:
        terminate_database_connection()
        return transactions_page(added=[transaction_row("a")])

    provider.pages = [respond]
    sync(item)
    assert set(stored_transactions()) == {"a"}
    assert list_results(item) == [("ok", "")]


def test_it_records_a_failure_if_the_database_connection_breaks(item: Item, provider: ScriptedProvider) -> None:
    def respond() -> object:
        terminate_database_connection()
        raise Unavailable("TIMEOUT")

    provider.pages = [respond]
    sync(item)
    assert list_results(item) == [("failed", "TIMEOUT")]


def test_it_releases_the_lease_after_an_error_if_the_database_connection_breaks(
    item: Item, provider: ScriptedProvider
) -> None:
    def respond() -> object:
        terminate_database_connection()
        raise RuntimeError("an unexpected error")

    provider.pages = [respond]
    with pytest.raises(RuntimeError):
        sync(item)
    assert list_results(item) == [("failed", "RuntimeError")]
    assert not item.is_syncing


def test_it_releases_the_lease_if_the_database_connection_breaks_while_storing(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = item_sync.store

    def store_and_disconnect(**options: object) -> None:
        store(**options)
        terminate_database_connection()

    monkeypatch.setattr(item_sync, "store", store_and_disconnect)
    provider.pages = [transactions_page(added=[transaction_row("a")])]
    with pytest.raises(OperationalError):
        sync(item)
    assert not item.is_syncing
    assert item.next_sync_at - timezone.now() < SOON
    monkeypatch.setattr(item_sync, "store", store)
    provider.pages = [transactions_page(added=[transaction_row("a")])]
    sync(item)
    assert set(stored_transactions()) == {"a"}


def test_it_retries_soon_if_a_sync_was_requested_during_a_failure(item: Item, provider: ScriptedProvider) -> None:
    def request_then_fail() -> object:
        sync_queue.request_sync(owner_id=item.owner_id, item_id=item.pk)
        raise Unavailable("TIMEOUT")

    with tenant(item.owner_id):
        Item.objects.update(failures=9, readiness=Readiness.HISTORICAL)
    provider.pages = [request_then_fail]
    sync(item)
    assert item.next_sync_at - timezone.now() < timedelta(minutes=3)


@pytest.mark.parametrize("failures", [38, 32_767])
def test_it_retries_within_hours_after_many_failures(item: Item, provider: ScriptedProvider, failures: int) -> None:
    with tenant(item.owner_id):
        Item.objects.update(failures=failures, readiness=Readiness.HISTORICAL)
    provider.pages = [Unavailable("TIMEOUT")]
    sync(item)
    assert timedelta(hours=4) < item.next_sync_at - timezone.now() < timedelta(hours=8)


def lose_workers(item: Item, times: int) -> Item:
    """Record ``times`` workers that were killed during a sync of the Item."""
    for _ in range(times):
        with tenant(item.owner_id):
            SyncRun.objects.create(owner_id=item.owner_id, item=item, trigger="beat")
            Item.objects.update(lease_holder=uuid4(), leased_until=timezone.now())
            item_state.close_run_of_lost_worker(item=item)
    return reload(item)


def test_it_waits_longer_for_an_item_whose_workers_are_killed(item: Item, provider: ScriptedProvider) -> None:
    assert lose_workers(item, 2).next_sync_at <= timezone.now()
    first_wait = lose_workers(item, 1).next_sync_at - timezone.now()
    second_wait = lose_workers(item, 1).next_sync_at - timezone.now()
    assert timedelta(minutes=1) < first_wait < second_wait < timedelta(minutes=6)
    assert lose_workers(item, 30).next_sync_at - timezone.now() < timedelta(hours=8)
    assert set(list_results(item)) == {("failed", "WORKER_LOST")}
