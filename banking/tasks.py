"""Jobs about Items. Each loads nothing: it calls one deed and decides when to come back."""

import logging
from uuid import UUID

from celery import shared_task
from django.conf import settings
from kombu.exceptions import OperationalError

from banking import due, telling, unlinking
from banking.models import Item, PendingRemoval
from banking.provider import Doorbell, ProviderError
from banking.sync import sync_item as read_item
from compliance.isolation.tasks import TenantTask
from compliance.queues import Lane, waiting

logger = logging.getLogger(__name__)

CHUNK = 100
# Above this the clock adds nothing to a queue: what is due stays due, and a queue without workers does not fill Redis.
MOST_WAITING = 2000


@shared_task(base=TenantTask)
def sync_item(owner_id: str, item_id: str, trigger: str) -> None:
    """Read one Item if its time has come; look again soon while its history is prepared or news came meanwhile."""
    outcome = read_item(owner_id=UUID(owner_id), item_id=UUID(item_id), trigger=trigger, if_due=True)
    if outcome.news is not None:
        telling.large_changes(owner_id=UUID(owner_id), item_id=UUID(item_id), run_id=outcome.news)
    if outcome.again_in is not None:
        sync_item.apply_async((owner_id, item_id, "follow-up"), countdown=outcome.again_in)


@shared_task
def dispatch_due_syncs() -> None:
    """Queue every Item whose time has come, a chunk at a time, so that one beat never holds many rows."""
    while waiting(Lane.ROUTINE) < MOST_WAITING and (claimed := due.claim_syncs(limit=CHUNK)):
        for owner_id, item_id, lane in claimed:
            sync_item.apply_async((str(owner_id), str(item_id), "beat"), queue=lane.queue)


@shared_task(base=TenantTask)
def remove_at_provider(owner_id: str, removal_id: str) -> None:
    """Pay one owed removal; a failure has been written down and the clock tries again."""
    try:
        unlinking.remove_at_provider(owner_id=UUID(owner_id), removal_id=UUID(removal_id))
    except ProviderError as error:
        logger.warning("Removal %s is still owed: %s", removal_id, error)


@shared_task
def retry_removals() -> None:
    """Queue every removal at the provider that is still owed and due."""
    for owner_id, removal_id in due.owed_removals(limit=CHUNK):
        remove_at_provider.delay(str(owner_id), str(removal_id))


def enqueue_sync(item: Item, *, trigger: str, wait: int = 0) -> None:
    """Queue a reading, in ``wait`` seconds. With the queue out of reach the Item is due still: the clock finds it."""
    lane = Lane.SLOW if item.reads_slowly else Lane.SHARED
    try:
        sync_item.apply_async((str(item.owner_id), str(item.pk), trigger), countdown=wait, queue=lane.queue)
    except OperationalError as error:
        logger.warning("The queue does not answer, Item %s waits for the clock: %s", item.pk, error)


def enqueue_removal(owed: PendingRemoval | None) -> None:
    """Queue an owed removal; the clock retries it when the queue does not answer."""
    if owed is None:
        return
    try:
        remove_at_provider.delay(str(owed.owner_id), str(owed.pk))
    except OperationalError as error:
        logger.warning("The queue does not answer, removal %s waits for the clock: %s", owed.pk, error)


def ring(doorbell: Doorbell) -> None:
    """Ask for a sync of the Item that a webhook speaks of, if it is one of ours."""
    named = due.item_named(environment=settings.PLAID_ENV, provider_item_id=doorbell.provider_item_id)
    if named is not None:
        owner_id, item_id = named
        item = due.want(owner_id=owner_id, item_id=item_id)
        if item is not None:
            enqueue_sync(item, trigger="webhook", wait=due.SETTLE)


@shared_task
def forget_webhooks() -> None:
    """Drop the fingerprints of webhooks that are too old to be played again."""
    due.forget_webhooks()
