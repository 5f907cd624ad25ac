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
from banking.models import Connection, Item, PendingRemoval, WebhookReceipt
from banking.provider import LoginRequired, NotReady, Readiness, Unavailable, WebhookEvent
from banking.sync import sync_queue
from banking.tests.factories import update_item
from banking.tests.job_queue import queued_jobs
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from compliance.isolation import TenantMismatch, tenant

pytestmark = pytest.mark.django_db(transaction=True)


def sync(item: Item) -> None:
    tasks.sync_item(str(item.owner_id), str(item.pk), "test")


def triggers(item: Item) -> list[str]:
    return [job.arguments[-1] for job in queued_jobs(item.pk)]


def lease_to_other_worker(item: Item) -> Item:
    """Lease the Item, as another worker that syncs it does."""
    return update_item(item, lease_holder=uuid4(), leased_until=timezone.now() + timedelta(minutes=1))


# --- One Item ---------------------------------------------------------------------------------------------


def test_it_reads_an_item_and_rests_when_all_of_it_is_here(
    item: Item, provider: ScriptedProvider, stored_transactions: Callable[[], dict[str, object]]
) -> None:
    provider.pages = [transactions_page(added=[transaction_row("a")])]
    sync(item)
    assert set(stored_transactions()) == {"a"}
    assert queued_jobs(item.pk) == []


def test_it_looks_again_in_seconds_while_the_history_is_prepared(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [transactions_page(cursor="", readiness=Readiness.NOT_READY)]
    sync(item)
    (job,) = queued_jobs(item.pk)
    assert job.arguments == [str(item.owner_id), str(item.pk), "follow-up"]
    assert timezone.now() < job.start + timedelta(seconds=1) <= timezone.now() + timedelta(seconds=4)


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [(transactions_page(cursor="", readiness=Readiness.NOT_READY), 3), (NotReady("PRODUCT_NOT_READY"), 10)],
)
def test_it_has_written_down_when_to_look_again_should_the_queue_lose_it(
    item: Item, provider: ScriptedProvider, answer: object, seconds: int
) -> None:
    provider.pages = [answer]
    began = timezone.now()
    sync(item)
    assert began < update_item(item).next_sync_at - timedelta(seconds=seconds) <= timezone.now()


def test_it_leaves_news_of_a_busy_item_to_the_worker_that_holds_it(item: Item, provider: ScriptedProvider) -> None:
    lease_to_other_worker(item)
    sync_queue.request_sync(owner_id=item.owner_id, item_id=item.pk)
    sync(item)
    assert (queued_jobs(item.pk), provider.cursors) == ([], [])


@pytest.mark.parametrize("connection", [Connection.LOGIN_REQUIRED, Connection.REMOVING, Connection.REMOVED])
def test_it_comes_back_to_no_item_that_cannot_be_read(item: Item, provider: ScriptedProvider, connection: str) -> None:
    sync_queue.request_sync(owner_id=item.owner_id, item_id=item.pk)
    update_item(item, connection=connection)
    sync(item)
    assert (queued_jobs(item.pk), provider.cursors) == ([], [])


def test_it_reads_once_for_ten_copies_of_a_job(item: Item, provider: ScriptedProvider) -> None:
    for _ in range(10):
        sync(item)
    assert len(provider.cursors) == 1


def test_it_leaves_a_busy_item_that_has_none(item: Item, provider: ScriptedProvider) -> None:
    lease_to_other_worker(item)
    sync(item)
    assert (queued_jobs(item.pk), provider.cursors) == ([], [])


def test_it_does_not_come_back_to_an_item_that_cannot_be_read(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [LoginRequired("ITEM_LOGIN_REQUIRED")]
    sync(item)
    assert update_item(item).connection == Connection.LOGIN_REQUIRED
    assert queued_jobs(item.pk) == []


def test_it_does_nothing_for_an_item_that_is_gone(alice: User, provider: ScriptedProvider) -> None:
    tasks.sync_item(str(alice.pk), str(uuid4()), "test")
    assert provider.cursors == []


def test_it_reads_no_item_in_somebody_elses_name(mallory: User, item: Item, provider: ScriptedProvider) -> None:
    tasks.sync_item(str(mallory.pk), str(item.pk), "test")
    assert provider.cursors == []
    with tenant(mallory.pk), pytest.raises(TenantMismatch):
        sync(item)


# --- Celery beat ------------------------------------------------------------------------------------------


def test_it_queues_everybodys_due_items_once_and_chunk_by_chunk(
    alice: User, mallory: User, make_item: Callable[..., Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    claims: list[int] = []
    claim = sync_queue.claim_due_syncs

    def claim_and_count(*, limit: int) -> list[object]:
        found = claim(limit=limit)
        claims.append(len(found))
        return found

    monkeypatch.setattr(tasks, "CHUNK", 2)
    monkeypatch.setattr(sync_queue, "claim_due_syncs", claim_and_count)
    items = [make_item(owner, provider_item_id=f"{owner.pk}-{n}") for owner in (alice, mallory) for n in range(2)]
    items.append(make_item(alice, provider_item_id="fifth"))
    rests = make_item(alice, provider_item_id="rests", next_sync_at=timezone.now() + timedelta(hours=1))
    tasks.dispatch_due_syncs()
    tasks.dispatch_due_syncs()
    assert [triggers(item) for item in items] == [["beat"]] * 5
    assert triggers(rests) == []
    assert claims == [2, 2, 1, 0, 0]


def test_it_queues_a_removal_until_it_is_paid(alice: User, item: Item, provider: ScriptedProvider) -> None:
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


def test_it_says_which_removal_is_owed_and_shows_no_token(
    alice: User, item: Item, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    removal = disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    provider.removal_error = Unavailable("TIMEOUT", request_id="req-7")
    tasks.remove_at_provider(str(alice.pk), str(removal.pk))
    assert str(removal.pk) in caplog.text
    assert "req-7" in caplog.text
    assert "access-sandbox-secret" not in caplog.text


# --- Webhooks ---------------------------------------------------------------------------------------------


def webhook_event(provider_item_id: str) -> WebhookEvent:
    return WebhookEvent("plaid", provider_item_id, "TRANSACTIONS", "SYNC_UPDATES_AVAILABLE", "f" * 64)


def test_it_asks_for_the_item_that_a_webhook_speaks_of(item: Item) -> None:
    tasks.handle_webhook(webhook_event(item.provider_item_id))
    assert triggers(item) == ["webhook"]
    assert update_item(item).sync_requested_at is not None


@pytest.mark.parametrize("stranger", ["", "unknown", "' OR true --"])
def test_it_asks_for_nothing_when_the_item_is_not_ours(item: Item, stranger: str) -> None:
    tasks.handle_webhook(webhook_event(stranger))
    assert triggers(item) == []
    assert update_item(item).sync_requested_at is None


def test_it_does_not_mistake_another_environments_item(item: Item) -> None:
    update_item(item, environment="production")
    tasks.handle_webhook(webhook_event(item.provider_item_id))
    assert triggers(item) == []


def test_it_reads_twice_at_most_when_a_bell_rings_while_it_reads(item: Item, provider: ScriptedProvider) -> None:
    def receive_webhook() -> object:
        tasks.handle_webhook(webhook_event(item.provider_item_id))
        return transactions_page(cursor="c1")

    provider.pages = [receive_webhook]
    for _ in range(3):
        sync(item)
    assert triggers(item) == ["webhook", "follow-up"]
    assert len(provider.cursors) == 2


def test_it_reads_once_for_a_burst_of_webhooks(item: Item, provider: ScriptedProvider) -> None:
    sync(item)
    for _ in range(24):
        tasks.handle_webhook(webhook_event(item.provider_item_id))
    provider.cursors.clear()
    with time_machine.travel(max(job.start or timezone.now() for job in queued_jobs(item.pk))):
        for _ in range(24):
            sync(item)
    assert len(provider.cursors) == 1


def test_it_queues_nothing_for_a_webhook_of_an_item_that_cannot_be_read(item: Item) -> None:
    update_item(item, connection=Connection.REMOVED)
    tasks.handle_webhook(webhook_event(item.provider_item_id))
    assert queued_jobs(item.pk) == []


def test_it_forgets_webhooks_that_are_too_old_to_be_played_again() -> None:
    now = timezone.now()
    WebhookReceipt.objects.create(fingerprint="old", received_at=now - sync_queue.REPLAY_WINDOW - timedelta(seconds=1))
    WebhookReceipt.objects.create(fingerprint="new", received_at=now)
    tasks.forget_webhooks()
    assert list(WebhookReceipt.objects.values_list("fingerprint", flat=True)) == ["new"]


# --- A queue that is down ---------------------------------------------------------------------------------


def test_it_leaves_the_item_to_the_clock_when_the_queue_is_away(
    item: Item, queue_down: None, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.enqueue_sync(item, trigger="link")
    assert str(item.pk) in caplog.text
    assert [claimed.item_id for claimed in sync_queue.claim_due_syncs(limit=9)] == [item.pk]


def test_it_leaves_the_removal_to_the_clock_when_the_queue_is_away(alice: User, item: Item, queue_down: None) -> None:
    removal = disconnect_bank(user=alice, item_id=item.pk, keep_history=True)
    tasks.enqueue_removal(removal)
    tasks.enqueue_removal(None)
    assert sync_queue.due_removals(limit=9) == [(alice.pk, removal.pk)]


def test_it_hears_a_webhook_even_when_the_queue_is_away(item: Item, queue_down: None) -> None:
    tasks.handle_webhook(webhook_event(item.provider_item_id))
    assert update_item(item).sync_requested_at is not None
