"""Jobs about Items. Each loads nothing: it calls one deed and decides when to come back."""

import logging
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from kombu.exceptions import OperationalError

from banking import due, telling, unlinking
from banking.models import Item, PendingRemoval
from banking.provider import Doorbell, ProviderError
from banking.sync import sync_item as read_item
from compliance.isolation.tasks import TenantTask

logger = logging.getLogger(__name__)

BUSY_RETRY = 15
CHUNK = 100


@shared_task(bind=True, base=TenantTask, max_retries=12)
def sync_item(self: Any, owner_id: str, item_id: str, trigger: str) -> None:
    """Read one Item; look again soon while its history is being prepared or another sync was asked for."""
    outcome = read_item(owner_id=UUID(owner_id), item_id=UUID(item_id), trigger=trigger)
    if outcome.news is not None:
        telling.large_changes(owner_id=UUID(owner_id), item_id=UUID(item_id), run_id=outcome.news)
    if not outcome.ran:
        if due.is_wanted(owner_id=UUID(owner_id), item_id=UUID(item_id)):
            raise self.retry(countdown=BUSY_RETRY)
    elif outcome.again_in is not None:
        sync_item.apply_async((owner_id, item_id, "follow-up"), countdown=outcome.again_in)


@shared_task
def dispatch_due_syncs() -> None:
    """Queue every Item whose time has come, a chunk at a time, so that one beat never holds many rows."""
    while claimed := due.claim_syncs(limit=CHUNK):
        for owner_id, item_id in claimed:
            sync_item.delay(str(owner_id), str(item_id), "beat")


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


def enqueue_sync(item: Item, *, trigger: str) -> None:
    """Queue a reading. With the queue out of reach nothing is lost: the Item is due, and the clock finds it."""
    try:
        sync_item.delay(str(item.owner_id), str(item.pk), trigger)
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
        due.want(owner_id=owner_id, item_id=item_id)
        enqueue_sync(Item(pk=item_id, owner_id=owner_id), trigger="webhook")


@shared_task
def forget_webhooks() -> None:
    """Drop the fingerprints of webhooks that are too old to be played again."""
    due.forget_webhooks()
