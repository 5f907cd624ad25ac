"""The lease on an Item: a slow sync keeps it, a stopped one loses it."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import connections
from django.db.utils import OperationalError
from django.utils import timezone

from accounts.models import User
from banking.models import Item
from banking.sync import lease, sync_item, sync_queue
from banking.tests.factories import update_item
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import StoredTransactions, run_sync
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def fast_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renew the lease every 20 ms."""
    monkeypatch.setattr(lease, "HEARTBEAT_SECONDS", 0.02)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "The condition was not met in time."
        time.sleep(0.01)


def get_seconds_left(item: Item) -> float:
    with tenant(item.owner_id):
        leased_until = Item.objects.get(pk=item.pk).leased_until
    assert leased_until is not None
    return (leased_until - timezone.now()).total_seconds()


def shorten_lease(item: Item) -> None:
    """Let the lease expire in a second."""
    with tenant(item.owner_id):
        Item.objects.filter(pk=item.pk).update(leased_until=timezone.now() + timedelta(seconds=1))


def test_it_renews_the_lease_during_a_long_call(item: Item, provider: ScriptedProvider, fast_heartbeat: None) -> None:
    def respond() -> object:
        for _ in range(3):
            shorten_lease(item)
            wait_until(lambda: get_seconds_left(item) > 20)
        assert sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="other").ran is False
        return transactions_page(cursor="c1")

    provider.pages = [respond]
    assert sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test").ran


@pytest.mark.parametrize(("due_in", "clock_error", "ran"), [(1, 5, False), (-1, -5, True)], ids=["ahead", "behind"])
def test_it_decides_by_the_databases_clock_what_is_due(
    item: Item, provider: ScriptedProvider, own_database_clock: None, due_in: int, clock_error: int, ran: bool
) -> None:
    update_item(item, next_sync_at=timezone.now() + timedelta(minutes=due_in))
    with time_machine.travel(timezone.now() + timedelta(minutes=clock_error)):
        outcome = sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="beat", if_due=True)
    assert outcome.ran is ran
    hours_left = (update_item(item).next_sync_at - timezone.now()).total_seconds() / 3600
    assert (5.4 < hours_left < 6.6) is ran


def test_it_keeps_the_lease_if_another_workers_clock_is_ahead(
    item: Item, provider: ScriptedProvider, own_database_clock: None
) -> None:
    def respond() -> object:
        with time_machine.travel(timezone.now() + timedelta(minutes=5)):
            assert sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="other").ran is False
        return transactions_page()

    provider.pages = [respond]
    assert sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test").ran is True


def test_it_loses_the_lease_within_30_seconds_after_its_death(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [SystemExit()]
    with pytest.raises(SystemExit):
        sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test")
    assert 0 < get_seconds_left(item) <= 30


def test_it_stops_at_the_next_page_if_it_lost_the_lease(
    item: Item, provider: ScriptedProvider, fast_heartbeat: None
) -> None:
    thread_count = threading.active_count()

    def respond() -> object:
        with tenant(item.owner_id):
            Item.objects.filter(pk=item.pk).update(lease_holder=None, leased_until=None)
        # The heartbeat thread ends once it has seen that.
        wait_until(lambda: threading.active_count() <= thread_count)
        return transactions_page(cursor="c1", more=True)

    provider.pages = [respond, transactions_page(cursor="c2")]
    assert sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test").ran is False
    assert provider.cursors == [""]


def test_it_ends_its_thread_and_closes_its_connection(
    item: Item, provider: ScriptedProvider, fast_heartbeat: None, as_operator: Callable[..., list]
) -> None:
    def respond() -> object:
        shorten_lease(item)
        wait_until(lambda: get_seconds_left(item) > 20)
        return transactions_page(cursor="c1")

    def list_connections() -> set[int]:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'app_rw'"
        return {pid for (pid,) in as_operator(query)}

    # A thread of an earlier test may have left one.
    connections.close_all()
    left_open = list_connections()
    provider.pages = [respond]
    threads = threading.active_count()
    sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test")
    assert threading.active_count() == threads
    connections["default"].close()
    wait_until(lambda: list_connections() <= left_open)


def test_it_continues_to_renew_after_database_errors(
    item: Item, provider: ScriptedProvider, fast_heartbeat: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew, errors = lease.Lease.renew, [OperationalError("server closed the connection")] * 2

    def fail_then_renew(self: lease.Lease) -> None:
        if errors:
            raise errors.pop()
        renew(self)

    def respond() -> object:
        shorten_lease(item)
        wait_until(lambda: get_seconds_left(item) > 20)
        return transactions_page(cursor="c1")

    monkeypatch.setattr(lease.Lease, "renew", fail_then_renew)
    provider.pages = [respond]
    assert sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test").ran
    assert errors == []


# --- Accounts that may not be synced ------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"is_active": False}, {"deleted_at": timezone.now()}])
def test_it_syncs_no_account_that_is_deactivated_or_scheduled_for_deletion(
    item: Item, provider: ScriptedProvider, change: dict[str, object]
) -> None:
    provider.pages = [transactions_page(cursor="c1")]
    User.objects.filter(pk=item.owner_id).update(**change)
    assert sync_queue.claim_due_syncs(limit=10) == []
    assert sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test").ran is False
    User.objects.filter(pk=item.owner_id).update(is_active=True, deleted_at=None)
    assert [claimed.item_id for claimed in sync_queue.claim_due_syncs(limit=10)] == [item.pk]
    assert sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test").ran


def test_it_stores_nothing_when_the_account_is_deactivated_during_the_download(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    def respond() -> object:
        User.objects.filter(pk=item.owner_id).update(is_active=False)
        return transactions_page(added=[transaction_row("t1")], cursor="c1")

    provider.pages = [respond]
    assert run_sync(item).ran is False
    assert (stored_transactions(), item.cursor) == ({}, "")
