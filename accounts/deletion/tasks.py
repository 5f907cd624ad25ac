"""Jobs of the deletion of accounts: emails, and the erasure itself."""

import logging
from typing import Any
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from accounts.deletion import emails, erasure, unsent_receipts
from accounts.emails.tasks import RETRYABLE_ERRORS, retry_delay_seconds
from compliance.isolation.tasks import TenantTask
from compliance.personal_data.processors import ErasureDelayed
from compliance.queues import Lane

logger = logging.getLogger(__name__)

# How often Celery beat queues what is due. A job that waits for longer is dropped, because it is queued again.
DISPATCH_INTERVAL_SECONDS = 600


@shared_task(bind=True, max_retries=13)
def send_deletion_request_email(self: Any, user_id: str, request_id: str) -> None:
    """Send the email with the link that cancels a deletion. Retries for two hours."""
    try:
        emails.send_request_email(user_id=UUID(user_id), request_id=UUID(request_id))
    except RETRYABLE_ERRORS as error:
        raise self.retry(exc=error, countdown=retry_delay_seconds(self.request.retries)) from error


@shared_task(base=TenantTask)
def erase_account(owner_id: str) -> None:
    """Erase one account if it is due, and send the receipt."""
    try:
        receipt = erasure.erase_account(owner_id=UUID(owner_id))
    except ErasureDelayed as reason:
        logger.info("The erasure of user %s has to wait: %s", owner_id, reason)
        return
    if receipt is not None:
        unsent_receipts.try_to_send(account=receipt.owner)


@shared_task
def send_receipt(account: str) -> None:
    """Send the receipt of an erasure, if it is due."""
    unsent_receipts.try_to_send(account=UUID(account))


@shared_task
def dispatch_due_deletions() -> None:
    """Queue every erasure and every receipt that is due; what fails or has to wait is queued again the next time."""
    now = timezone.now()
    for account in unsent_receipts.list_due(at=now):
        send_receipt.apply_async((str(account),), queue=Lane.SLOW.queue, expires=DISPATCH_INTERVAL_SECONDS)
    for owner_id in erasure.iterate_due_deletions(at=now):
        erase_account.apply_async((str(owner_id),), queue=Lane.SLOW.queue, expires=DISPATCH_INTERVAL_SECONDS)
