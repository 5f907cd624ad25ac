"""Banking's Celery tasks with the real queue; ``config/tests/test_resilience.py`` runs them in a real worker."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from banking import tasks
from banking.linking.disconnecting import disconnect_bank
from banking.models import Connection, Item, PendingRemoval
from banking.provider import LoginRequired, NotReady, Readiness, Unavailable
from banking.sync import sync_queue
from banking.tests.factories import update_item
from banking.tests.job_queue import queued_jobs
from banking.tests.received_webhooks import make_events_older, receive
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from compliance.isolation import TenantMismatch, tenant
from compliance.isolation.tenant import without_tenant
from compliance.queues import Lane

pytestmark = pytest.mark.django_db(transaction=True)


def sync(item: Item) -> None:
    tasks.sync_item(str(item.owner_id), str(item.pk), "test")


def list_triggers(item: Item) -> list[str]:
    return [job.arguments[-1] for job in queued_jobs(item.pk)]


def lease_to_other_worker(item: Item) -> Item:
    """Lease the Item, as another worker that syncs it does."""
    return update_item(item, lease_holder=uuid4(), leased_until=timezone.now() + timedelta(minutes=1))


# --- One Item ---------------------------------------------------------------------------------------------


def test_it_queues_no_further_sync_when_the_history_is_complete(
    item: Item, provider: ScriptedProvider, stored_transactions: Callable[[], dict[str, object]]
) -> None:
    provider.pages = [transactions_page(added=[transaction_row("a")])]
    sync(item)
    assert set(stored_transactions()) == {"a"}
    assert queued_jobs(item.pk) == []


def test_it_queues_another_sync_while_the_history_is_prepared(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [transactions_page(cursor="", readiness=Readiness.NOT_READY)]
    sync(item)
    (job,) = queued_jobs(item.pk)
    assert job.arguments == [str(item.owner_id), str(item.pk), "follow-up"]
    assert timezone.now() < job.start + timedelta(seconds=1) <= timezone.now() + timedelta(seconds=4)


@pytest.mark.parametrize(
    ("outcome", "seconds"),
    [(transactions_page(cursor="", readiness=Readiness.NOT_READY), 3), (NotReady("PRODUCT_NOT_READY"), 10)],
)
def test_it_stores_the_time_of_the_next_sync_in_case_the_queue_loses_the_job(
    item: Item, provider: ScriptedProvider, outcome: object, seconds: int
) -> None:
    provider.pages = [outcome]
    started_at = timezone.now()
    sync(item)
    assert started_at < update_item(item).next_sync_at - timedelta(seconds=seconds) <= timezone.now()


def test_it_does_not_sync_a_requested_item_that_another_worker_syncs(item: Item, provider: ScriptedProvider) -> None:
    lease_to_other_worker(item)
    sync_queue.request_sync(owner_id=item.owner_id, item_id=item.pk)
    sync(item)
    assert (queued_jobs(item.pk), provider.cursors) == ([], [])


@pytest.mark.parametrize("connection", [Connection.LOGIN_REQUIRED, Connection.REMOVING, Connection.REMOVED])
def test_it_does_not_sync_a_requested_item_that_is_not_active(
    item: Item, provider: ScriptedProvider, connection: str
) -> None:
    sync_queue.request_sync(owner_id=item.owner_id, item_id=item.pk)
    update_item(item, connection=connection)
    sync(item)
    assert (queued_jobs(item.pk), provider.cursors) == ([], [])


def test_it_syncs_once_for_ten_copies_of_a_job(item: Item, provider: ScriptedProvider) -> None:
    for _ in range(10):
        sync(item)
    assert len(provider.cursors) == 1


def test_it_does_not_sync_an_item_that_another_worker_syncs(item: Item, provider: ScriptedProvider) -> None:
    lease_to_other_worker(item)
    sync(item)
    assert (queued_jobs(item.pk), provider.cursors) == ([], [])


def test_it_queues_no_further_sync_if_a_sign_in_is_required(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [LoginRequired("ITEM_LOGIN_REQUIRED")]
    sync(item)
    assert update_item(item).connection == Connection.LOGIN_REQUIRED
    assert queued_jobs(item.pk) == []


def test_it_does_nothing_for_an_unknown_item(alice: User, provider: ScriptedProvider) -> None:
    tasks.sync_item(str(alice.pk), str(uuid4()), "test")
    assert provider.cursors == []


def test_it_does_not_sync_another_users_item(mallory: User, item: Item, provider: ScriptedProvider) -> None:
    tasks.sync_item(str(mallory.pk), str(item.pk), "test")
    assert provider.cursors == []
    with tenant(mallory.pk), pytest.raises(TenantMismatch):
        sync(item)


# --- Celery beat ------------------------------------------------------------------------------------------


def test_it_queues_all_due_items_once_in_chunks(
    alice: User, mallory: User, make_item: Callable[..., Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    claims: list[int] = []
    claim = sync_queue.claim_due_syncs

    def claim_and_count(*, limit: int) -> list[object]:
        items_ = claim(limit=limit)
        claims.append(len(items_))
        return items_

    monkeypatch.setattr(tasks, "SYNC_CHUNK", 2)
    monkeypatch.setattr(sync_queue, "claim_due_syncs", claim_and_count)
    items = [make_item(owner, provider_item_id=f"{owner.pk}-{n}") for owner in (alice, mallory) for n in range(2)]
    items.append(make_item(alice, provider_item_id="fifth"))
    later_item = make_item(alice, provider_item_id="rests", next_sync_at=timezone.now() + timedelta(hours=1))
    tasks.dispatch_due_syncs()
    tasks.dispatch_due_syncs()
    assert [list_triggers(item) for item in items] == [["beat"]] * 5
    assert list_triggers(later_item) == []
    assert claims == [2, 2, 1, 0, 0]


def test_it_queues_a_removal_until_it_has_succeeded(alice: User, item: Item, provider: ScriptedProvider) -> None:
    removal = disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    provider.removal_error = Unavailable("TIMEOUT")
    tasks.retry_removals()
    assert [job.task for job in queued_jobs(removal.pk)] == ["remove_at_provider"]
    tasks.remove_at_provider(str(alice.pk), str(removal.pk))
    tasks.retry_removals()
    assert len(queued_jobs(removal.pk)) == 1

    provider.removal_error = None
    with tenant(alice.pk):
        PendingRemoval.objects.filter(pk=removal.pk).update(next_attempt_at=timezone.now())
    tasks.retry_removals()
    assert len(queued_jobs(removal.pk)) == 2
    tasks.remove_at_provider(str(alice.pk), str(removal.pk))
    tasks.remove_at_provider(str(alice.pk), str(removal.pk))
    assert provider.removed_tokens == ["access-sandbox-secret"]
    assert update_item(item).connection == Connection.REMOVED


def test_it_logs_a_failed_removal_without_its_token(
    alice: User, item: Item, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    removal = disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    provider.removal_error = Unavailable("TIMEOUT", request_id="req-7")
    tasks.remove_at_provider(str(alice.pk), str(removal.pk))
    assert str(removal.pk) in caplog.text
    assert "req-7" in caplog.text
    assert "access-sandbox-secret" not in caplog.text


# --- Webhooks ---------------------------------------------------------------------------------------------


def process_webhook(item: Item) -> None:
    tasks.process_webhook(str(receive(item)))


def test_it_syncs_once_more_for_a_webhook_during_a_sync(item: Item, provider: ScriptedProvider) -> None:
    def receive_webhook() -> object:
        # Of another process, which has no tenant.
        with without_tenant():
            process_webhook(item)
        return transactions_page(cursor="c1")

    provider.pages = [receive_webhook]
    for _ in range(3):
        sync(item)
    assert list_triggers(item) == ["webhook", "follow-up"]
    assert len(provider.cursors) == 2


def test_it_queues_webhooks_and_their_syncs_behind_those_of_users(item: Item, provider: ScriptedProvider) -> None:
    """A worker would keep a sync that waits in its memory, and run it before all jobs of users."""
    sync(item)
    event_id = receive(item)
    tasks.enqueue_webhook(event_id)
    make_events_older(timedelta(minutes=1))
    tasks.retry_webhooks()
    assert [(job.task, job.lane) for job in queued_jobs(event_id)] == [("process_webhook", Lane.WEBHOOKS)] * 2
    tasks.process_webhook(str(event_id))
    (wait,) = queued_jobs(item.pk)
    assert (wait.task, wait.lane) == ("queue_due_sync", Lane.WEBHOOKS)
    assert wait.start is not None
    tasks.queue_due_sync(*wait.arguments, lane=wait.lane)
    _, job = queued_jobs(item.pk)
    assert (job.task, job.arguments, job.lane) == ("sync_item", wait.arguments, Lane.WEBHOOKS)
    assert job.start is None


# What lets a due Item wait in a lane.
LANES = {
    Lane.SHARED: {"readiness": Readiness.INITIAL},
    Lane.WEBHOOKS: {"sync_requested_at": timezone.now() + timedelta(days=1), "checked_at": timezone.now()},
    Lane.ROUTINE: {},
    Lane.SLOW: {"is_slow": True},
}


@pytest.mark.parametrize("full", Lane)
def test_it_queues_due_items_in_all_lanes_but_a_full_one(
    alice: User, make_item: Callable[..., Item], monkeypatch: pytest.MonkeyPatch, full: Lane
) -> None:
    """Else a queue without workers fills Redis, or the people and banks of the others wait for its workers."""
    items = {
        lane: make_item(alice, provider_item_id=lane, **{"readiness": Readiness.HISTORICAL} | columns)
        for lane, columns in LANES.items()
    }
    monkeypatch.setattr(tasks, "count_waiting_jobs", lambda lane: tasks.MAX_WAITING if lane is full else 0)
    tasks.dispatch_due_syncs()
    jobs = {lane: [job.lane for job in queued_jobs(item.pk)] for lane, item in items.items()}
    assert jobs == {lane: [] if lane is full else [lane] for lane in Lane}


def test_it_claims_few_items_at_a_time_while_no_worker_takes_them(
    alice: User, make_item: Callable[..., Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [make_item(alice, provider_item_id=f"{n}", readiness=Readiness.HISTORICAL) for n in range(3)]
    monkeypatch.setattr(tasks, "SYNC_CHUNK", 1)
    monkeypatch.setattr(tasks, "count_waiting_jobs", lambda lane: tasks.MAX_WAITING)
    tasks.dispatch_due_syncs()
    assert [update_item(item).claimed_until is None for item in items].count(False) == 1


def test_it_syncs_once_for_many_webhooks(item: Item, provider: ScriptedProvider) -> None:
    sync(item)
    for _ in range(24):
        process_webhook(item)
    provider.cursors.clear()
    with time_machine.travel(max(job.start or timezone.now() for job in queued_jobs(item.pk))):
        for _ in range(24):
            sync(item)
    assert len(provider.cursors) == 1


# --- A queue that is down ---------------------------------------------------------------------------------


def test_it_leaves_the_sync_to_the_scheduler_if_the_queue_is_unavailable(
    item: Item, queue_down: None, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.enqueue_sync(item, trigger="link")
    assert str(item.pk) in caplog.text
    assert [claimed.item_id for claimed in sync_queue.claim_due_syncs(limit=9)] == [item.pk]


def test_it_leaves_the_removal_to_the_scheduler_if_the_queue_is_unavailable(
    alice: User, item: Item, queue_down: None
) -> None:
    removal = disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    tasks.enqueue_removal(removal)
    tasks.enqueue_removal(None)
    assert sync_queue.due_removals(limit=9) == [(alice.pk, removal.pk)]


def test_it_stores_the_request_of_a_webhook_if_the_queue_is_unavailable(item: Item, queue_down: None) -> None:
    process_webhook(item)
    assert update_item(item).sync_requested_at is not None
