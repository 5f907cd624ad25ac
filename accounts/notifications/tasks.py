"""Sends email digests of new notifications in the background."""

import logging
from datetime import datetime
from typing import Final
from uuid import UUID

from celery import shared_task

from accounts.emails.sending import DELIVERY_ERRORS
from accounts.notifications import digest
from compliance.isolation.tasks import TenantTask

logger = logging.getLogger(__name__)

BATCH_SIZE: Final = 100


@shared_task
def dispatch_due_digests() -> None:
    """Queue every digest that is due, a batch at a time."""
    claimed_until, user_ids = digest.claim_due_digests(limit=BATCH_SIZE)
    while user_ids:
        for user_id in user_ids:
            send_due_digest.delay(str(user_id), claimed_until.isoformat())
        claimed_until, user_ids = digest.claim_due_digests(limit=BATCH_SIZE)


@shared_task(base=TenantTask)
def send_due_digest(owner_id: str, claimed_until: str) -> None:
    """Send one user's digest. If the mail server is down, Celery beat queues it again later."""
    try:
        digest.send_digest(user_id=UUID(owner_id), claimed_until=datetime.fromisoformat(claimed_until))
    except DELIVERY_ERRORS as error:
        # Only the class of the error: servers repeat the recipient in their replies.
        logger.warning("digest-not-sent, tried again in %s: %s", digest.CLAIM_DURATION, type(error).__name__)
