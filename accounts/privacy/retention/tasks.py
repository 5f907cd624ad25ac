"""Jobs about people's own data."""

import logging
from datetime import datetime
from typing import Final
from uuid import UUID

from celery import shared_task

from accounts.emails.sending import DELIVERY_ERRORS
from accounts.privacy.retention import announcements
from compliance.isolation.tasks import TenantTask
from compliance.queues import Lane
from compliance.retention import OwnerIsBusy, purging

logger = logging.getLogger(__name__)

BATCH_SIZE: Final = 100


@shared_task
def dispatch_due_retention() -> None:
    """Queue each person's notice or purge that is due, a batch at a time."""
    while claims := purging.claim_due_settings(limit=BATCH_SIZE):
        for claim in claims:
            arguments = (str(claim.owner_id), claim.data_type, claim.until.isoformat())
            apply_retention.apply_async(arguments, queue=Lane.ROUTINE.queue)


@shared_task(base=TenantTask)
def apply_retention(owner_id: str, data_type: str, claimed_until: str) -> None:
    """Purge what one person's setting no longer keeps, and send its notice. What fails is due again in ten minutes."""
    claim = purging.ClaimedSetting(UUID(owner_id), data_type, datetime.fromisoformat(claimed_until))
    try:
        purging.purge_expired(claim)
        announcements.send_notice(claim)
        purging.finish(claim)
    except (OwnerIsBusy, *DELIVERY_ERRORS) as error:
        # Only the class of the error: servers repeat the recipient in their replies.
        logger.warning("retention-not-applied, tried again in %s: %s", purging.CLAIM_DURATION, type(error).__name__)
