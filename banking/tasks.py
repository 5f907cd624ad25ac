"""Jobs about Items. Each loads nothing: it calls one deed and decides when to come back."""

import logging
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError

from banking.linking import recovery, removals
from banking.models import Item, PendingRemoval
from banking.provider import ProviderError, WebhookEvent
from banking.sync import notifications, sync_queue
from banking.sync import sync_item as run_sync
from banking.sync.timeouts import LONG_TIMEOUTS, QUICK_TIMEOUTS
from compliance.isolation.tasks import TenantTask
from compliance.queues import Lane, count_waiting_jobs

logger = logging.getLogger(__name__)

CHUNK = 100
# Above this the clock adds nothing to a queue: what is due stays due, and a queue without workers does not fill Redis.
MOST_WAITING = 2000


@shared_task(base=TenantTask)
def sync_item(owner_id: str, item_id: str, trigger: str, *, patient: bool = False) -> None:
    """Read one Item if its time has come; look again soon while its history is prepared or news came meanwhile.

    ``patient`` is for workers behind which nobody else waits.
    """
    owner, item = UUID(owner_id), UUID(item_id)
    timeouts = LONG_TIMEOUTS if patient else QUICK_TIMEOUTS
    outcome = run_sync(owner_id=owner, item_id=item, trigger=trigger, if_due=True, timeouts=timeouts)
    if outcome.new_rows_run_id is not None:
        notifications.notify_large_transactions(owner_id=owner, item_id=item, run_id=outcome.new_rows_run_id)
    if outcome.retry_in is not None:
        lane = Lane.SLOW if outcome.is_slow else Lane.SHARED
        queue_sync(owner, item, "follow-up", lane=lane, wait=outcome.retry_in)


@shared_task
def dispatch_due_syncs() -> None:
    """Queue every Item whose time has come, a chunk at a time, so that one beat never holds many rows."""
    while count_waiting_jobs(Lane.ROUTINE) < MOST_WAITING and (claimed := sync_queue.claim_due_syncs(limit=CHUNK)):
        for owner_id, item_id, lane in claimed:
            queue_sync(owner_id, item_id, "beat", lane=lane)


@shared_task(base=TenantTask)
def remove_at_provider(owner_id: str, removal_id: str) -> None:
    """Pay one owed removal; a failure has been written down and the clock tries again."""
    try:
        removals.remove_at_provider(owner_id=UUID(owner_id), removal_id=UUID(removal_id))
    except ProviderError as error:
        logger.warning("Removal %s is still owed: %s", removal_id, error)


@shared_task
def retry_removals() -> None:
    """Queue every removal at the provider that is still owed and due."""
    for owner_id, removal_id in sync_queue.due_removals(limit=CHUNK):
        queue_removal(owner_id, removal_id)


@shared_task(base=TenantTask)
def recover_link(owner_id: str, session_id: str) -> None:
    """Ask once what became of a dialog, and begin the import of the Item that was got back."""
    item = recovery.recover_link(owner_id=UUID(owner_id), session_id=UUID(session_id))
    if item is not None:
        enqueue_sync(item, trigger="link")


@shared_task
def retry_link_recoveries() -> None:
    """Queue every dialog whose outcome did not reach us and has to be asked for."""
    for owner_id, session_id in sync_queue.due_link_recoveries(limit=CHUNK):
        recover_link.delay(str(owner_id), str(session_id))


def enqueue_sync(item: Item, *, trigger: str, wait: int = 0) -> None:
    """Queue a reading, in ``wait`` seconds. With the queue out of reach the Item is due still: the clock finds it."""
    try:
        queue_sync(item.owner_id, item.pk, trigger, lane=Lane.SLOW if item.is_slow else Lane.SHARED, wait=wait)
    except OperationalError as error:
        logger.warning("The queue does not answer, Item %s waits for the clock: %s", item.pk, error)


def queue_sync(owner_id: UUID, item_id: UUID, trigger: str, *, lane: Lane, wait: int = 0) -> None:
    """Queue a reading in a lane. Raises ``OperationalError`` when the queue does not answer."""
    sync_item.apply_async(
        (str(owner_id), str(item_id), trigger), {"patient": lane is Lane.SLOW}, queue=lane.queue, countdown=wait
    )


def enqueue_removal(owed: PendingRemoval | None) -> None:
    """Queue an owed removal; the clock retries it when the queue does not answer."""
    if owed is None:
        return
    try:
        queue_removal(owed.owner_id, owed.pk)
    except OperationalError as error:
        logger.warning("The queue does not answer, removal %s waits for the clock: %s", owed.pk, error)


def queue_removal(owner_id: UUID, removal_id: UUID) -> None:
    """Queue a removal where nobody waits behind it. Raises ``OperationalError`` when the queue does not answer."""
    remove_at_provider.apply_async((str(owner_id), str(removal_id)), queue=Lane.SLOW.queue)


def handle_webhook(event: WebhookEvent) -> None:
    """Ask for a sync of the Item that a webhook speaks of, if it is one of ours."""
    named = sync_queue.find_current_item(provider_key=event.provider, provider_item_id=event.provider_item_id)
    if named is None and event.provider_item_id:
        # It may be the Item of an exchange whose answer was lost: an operator finds its id here.
        logger.warning("A webhook names Item %s, which is unknown here", event.provider_item_id)
    if named is not None:
        owner_id, item_id = named
        item = sync_queue.request_sync(owner_id=owner_id, item_id=item_id)
        if item is not None:
            enqueue_sync(item, trigger="webhook", wait=sync_queue.WEBHOOK_DELAY_SECONDS)


@shared_task
def forget_webhooks() -> None:
    """Drop the fingerprints of webhooks that are too old to be played again."""
    sync_queue.delete_old_webhooks()
