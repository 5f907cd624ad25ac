"""Jobs about Items. Each calls one action and decides about the retry."""

import logging
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError

from banking import sync
from banking.account_settings import removal_jobs
from banking.connection_status import expiry
from banking.linking import orphaned_removals, recovery, removals
from banking.models import AccountRemoval, Item, PendingRemoval
from banking.provider import ProviderError
from banking.retention import sync_runs
from banking.sync import sync_queue, webhook_events
from banking.sync.item_refresh import ItemBusy
from banking.sync.timeouts import LONG_TIMEOUTS, QUICK_TIMEOUTS
from banking.usage import call_counts
from banking.webhooks import inbox, webhook_urls
from compliance.isolation.tasks import TenantTask
from compliance.queues import Lane, count_waiting_jobs, queue_many

logger = logging.getLogger(__name__)

CHUNK = 100
SYNC_CHUNK = 2000
# With so many jobs in a lane, Celery beat adds none: Items stay due, and a queue without workers does not fill Redis.
MAX_WAITING = 2000
# In five minutes. Plaid documents no limit for it; a worker needs about two minutes for them.
WEBHOOK_UPDATES = 1000


@shared_task(base=TenantTask)
def sync_item(owner_id: str, item_id: str, trigger: str, *, patient: bool = False) -> None:
    """Sync one Item if it is due; retry soon while its history is prepared or a sync was requested meanwhile.

    ``patient`` is for the slow queue, in which no user waits.
    """
    owner, item = UUID(owner_id), UUID(item_id)
    timeouts = LONG_TIMEOUTS if patient else QUICK_TIMEOUTS
    outcome = sync.sync_item(owner_id=owner, item_id=item, trigger=trigger, if_due=True, timeouts=timeouts)
    if outcome.run_again_in is not None:
        queue_sync(owner, item, "follow-up", lane=outcome.lane, wait=outcome.run_again_in)


@shared_task(base=TenantTask)
def queue_due_sync(owner_id: str, item_id: str, trigger: str, *, lane: str) -> None:
    """Queue a sync whose wait is over. It takes its turn in the lane then, see ``queue_sync``."""
    queue_sync(UUID(owner_id), UUID(item_id), trigger, lane=Lane(lane))


@shared_task
def dispatch_due_syncs() -> None:
    """Queue every Item that is due, a chunk at a time, so that no transaction locks many rows.

    Items of a lane without room stay due. While that is the one of most Items, one chunk is enough: else all that are
    due would be claimed every minute for nothing.
    """
    while claimed := sync_queue.claim_due_syncs(limit=SYNC_CHUNK):
        for lane in filter(has_room, Lane):
            jobs = [(str(owner), str(item), "beat") for owner, item, its_lane in claimed if its_lane is lane]
            queue_many(sync_item, jobs, options={"patient": lane is Lane.SLOW}, lane=lane)
        if not has_room(Lane.ROUTINE):
            break


def has_room(lane: Lane) -> bool:
    """Whether few enough jobs wait in a lane for Celery beat to add more."""
    return count_waiting_jobs(lane) < MAX_WAITING


@shared_task(base=TenantTask)
def check_connection(owner_id: str, item_id: str) -> None:
    """Ask the provider whether a required sign-in was done elsewhere, and sync the Item then."""
    try:
        item = webhook_events.refresh_item(UUID(owner_id), UUID(item_id))
    except (ProviderError, ItemBusy) as error:
        logger.warning("Item %s was not checked: %r", item_id, error)
    else:
        if item is not None:
            enqueue_sync(item, trigger="check")


@shared_task
def dispatch_due_checks() -> None:
    """Queue the daily check of Items that require a sign-in, which no sync reads."""
    if has_room(Lane.SLOW):
        for owner_id, item_id in sync_queue.claim_due_checks(limit=MAX_WAITING):
            check_connection.apply_async((str(owner_id), str(item_id)), queue=Lane.SLOW.queue)


@shared_task(base=TenantTask)
def remove_at_provider(owner_id: str, removal_id: str) -> None:
    """Execute one pending removal; a failure is recorded and Celery beat retries it."""
    try:
        removals.remove_at_provider(owner_id=UUID(owner_id), removal_id=UUID(removal_id))
    except ProviderError as error:
        logger.warning("Removal %s is still pending: %s", removal_id, error)


@shared_task
def remove_orphan_at_provider(removal_id: str) -> None:
    """Execute one removal of an Item that this site does not have; a failure is recorded and Celery beat retries it."""
    try:
        orphaned_removals.remove_orphan_at_provider(removal_id=UUID(removal_id))
    except ProviderError as error:
        logger.warning("Orphaned removal %s is still pending: %s", removal_id, error)


@shared_task(base=TenantTask)
def finish_account_removal(owner_id: str, removal_id: str) -> None:
    """Finish the removal of one account; if it fails, Celery beat queues it again."""
    removal_jobs.finish_account_removal(owner_id=UUID(owner_id), removal_id=UUID(removal_id))


@shared_task
def retry_account_removals() -> None:
    """Queue every removal of one account that is due."""
    for owner_id, removal_id in removal_jobs.list_due_account_removals(limit=CHUNK):
        finish_account_removal.delay(str(owner_id), str(removal_id))


@shared_task
def retry_removals() -> None:
    """Queue every removal at the provider that is due, also of Items that this site does not have."""
    for owner_id, removal_id in sync_queue.due_removals(limit=CHUNK):
        queue_removal(owner_id, removal_id)
    for removal_id in orphaned_removals.list_due_orphans(limit=CHUNK):
        remove_orphan_at_provider.apply_async((str(removal_id),), queue=Lane.SLOW.queue)


@shared_task(base=TenantTask)
def recover_link(owner_id: str, session_id: str) -> None:
    """Try once to recover a link, and start the import of the recovered Item."""
    item = recovery.recover_link(owner_id=UUID(owner_id), session_id=UUID(session_id))
    if item is not None:
        enqueue_sync(item, trigger="link")


@shared_task
def retry_link_recoveries() -> None:
    """Queue every pending link whose recovery is due."""
    for owner_id, session_id in sync_queue.due_link_recoveries(limit=CHUNK):
        recover_link.delay(str(owner_id), str(session_id))


def enqueue_sync(item: Item, *, trigger: str, wait: int = 0) -> None:
    """Queue a sync, in ``wait`` seconds. If the queue is unavailable, the Item stays due for Celery beat."""
    lane = Lane.WEBHOOKS if trigger == "webhook" else Lane.SHARED
    try:
        queue_sync(item.owner_id, item.pk, trigger, lane=Lane.SLOW if item.is_slow else lane, wait=wait)
    except OperationalError as error:
        logger.warning("The queue does not answer, Item %s waits for Celery beat: %s", item.pk, error)


def queue_sync(owner_id: UUID, item_id: UUID, trigger: str, *, lane: Lane, wait: int = 0) -> None:
    """Queue a sync in a lane, in ``wait`` seconds. Raises ``OperationalError`` when the queue does not answer.

    A worker keeps jobs that wait in its memory, any number of them, and runs them before all that are in the queues.
    So a sync never waits there, only a job that takes a moment and queues the sync.
    """
    arguments = (str(owner_id), str(item_id), trigger)
    if wait:
        queue_due_sync.apply_async(arguments, {"lane": lane}, queue=lane.queue, countdown=wait)
    else:
        sync_item.apply_async(arguments, {"patient": lane is Lane.SLOW}, queue=lane.queue)


def enqueue_removal(removal: PendingRemoval | None) -> None:
    """Queue a pending removal; Celery beat retries it when the queue does not answer."""
    if removal is None:
        return
    try:
        queue_removal(removal.owner_id, removal.pk)
    except OperationalError as error:
        logger.warning("The queue does not answer, removal %s waits for Celery beat: %s", removal.pk, error)


def queue_removal(owner_id: UUID, removal_id: UUID) -> None:
    """Queue a removal in the slow lane. Raises ``OperationalError`` when the queue does not answer."""
    remove_at_provider.apply_async((str(owner_id), str(removal_id)), queue=Lane.SLOW.queue)


def enqueue_account_removal(removal: AccountRemoval | None) -> None:
    """Queue the removal of one account; Celery beat retries it when the queue does not answer."""
    if removal is None:
        return
    try:
        finish_account_removal.delay(str(removal.owner_id), str(removal.pk))
    except OperationalError as error:
        logger.warning("The queue does not answer, removal %s waits for Celery beat: %s", removal.pk, error)


def enqueue_webhook(event_id: UUID) -> None:
    """Queue the processing of a stored webhook; Celery beat does when the queue does not answer."""
    try:
        queue_webhook(event_id)
    except OperationalError as error:
        logger.warning("The queue does not answer, webhook %s waits for Celery beat: %s", event_id, error)


def queue_webhook(event_id: UUID) -> None:
    """Queue the processing of a stored webhook. Raises ``OperationalError`` when the queue does not answer."""
    process_webhook.apply_async((str(event_id),), queue=Lane.WEBHOOKS.queue)


@shared_task
def process_webhook(event_id: str) -> None:
    """Do what follows from a stored webhook, and sync its Item if it has changed."""
    item = webhook_events.process_webhook(event_id=UUID(event_id))
    if item is not None:
        enqueue_sync(item, trigger="webhook", wait=sync_queue.WEBHOOK_DELAY_SECONDS)


@shared_task
def retry_webhooks() -> None:
    """Queue every stored webhook whose job was lost, whose retry is due, or whose Item may be stored by now."""
    if has_room(Lane.WEBHOOKS):
        for event_id in inbox.list_overdue_events(limit=MAX_WAITING):
            queue_webhook(event_id)


@shared_task
def delete_old_webhooks() -> None:
    """Delete the webhooks that were kept long enough."""
    inbox.delete_old_events()


@shared_task
def delete_old_sync_runs() -> None:
    """Delete the runs of syncs that were kept long enough, some Items at a time."""
    while sync_runs.delete_old_runs(limit=SYNC_CHUNK):
        pass


@shared_task(base=TenantTask)
def update_webhook(owner_id: str, item_id: str) -> None:
    """Move the webhooks of one Item to the URL in the settings. A failure is retried by Celery beat."""
    try:
        webhook_urls.update_webhook_url(owner_id=UUID(owner_id), item_id=UUID(item_id))
    except ProviderError as error:
        logger.warning("The webhook URL of Item %s could not be changed: %s", item_id, error)


@shared_task
def dispatch_webhook_updates() -> None:
    """Queue a number of Items whose webhooks go to another URL than that in the settings."""
    if has_room(Lane.SLOW):
        for owner_id, item_id in webhook_urls.claim_webhook_updates(limit=WEBHOOK_UPDATES):
            update_webhook.apply_async((str(owner_id), str(item_id)), queue=Lane.SLOW.queue)


@shared_task
def dispatch_expiry_reminders() -> None:
    """Queue a reminder for every bank whose access ends soon."""
    for owner_id, item_id in expiry.list_due_reminders(limit=CHUNK):
        send_expiry_reminder.delay(str(owner_id), str(item_id))


@shared_task(base=TenantTask)
def send_expiry_reminder(owner_id: str, item_id: str) -> None:
    """Remind one user that the access to one bank ends, if that is still due."""
    expiry.send_reminder(owner_id=UUID(owner_id), item_id=UUID(item_id))


@shared_task
def store_call_counts() -> None:
    """Move the counts of calls of providers from Redis to the database."""
    call_counts.store_call_counts()
