"""Jobs of the deletion of accounts: emails, and the erasure itself."""

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from accounts.deletion import emails, erasure
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
        erased = erasure.erase_account(owner_id=UUID(owner_id))
    except ErasureDelayed as reason:
        logger.info("The erasure of user %s has to wait: %s", owner_id, reason)
        return
    if erased is not None:
        send_receipt_at_once(erased)


def send_receipt_at_once(erased: erasure.ErasedAccount) -> None:
    """Send a receipt without the queue, so that the address is stored nowhere. If that fails, the queue has to hold it.

    The receipt itself is stored: operators can send it again.
    """
    arguments = (erased.email, emails.format_receipt(erased.receipt), erased.receipt.erased_at.isoformat())
    try:
        send_receipt.run(*arguments)
    except RETRYABLE_ERRORS:
        logger.warning("The receipt of user %s could not be sent at once", erased.receipt.owner)
        send_receipt.apply_async(arguments, countdown=retry_delay_seconds(0))


@shared_task(autoretry_for=RETRYABLE_ERRORS, max_retries=13, retry_backoff=30, retry_backoff_max=900)
def send_receipt(email: str, attachment: str, erased_at: str) -> None:
    """Send the receipt of an erasure. Retries for a few hours, in which the queue has the address."""
    emails.send_receipt_email(email=email, attachment=attachment, erased_at=datetime.fromisoformat(erased_at))


@shared_task
def dispatch_due_deletions() -> None:
    """Queue the erasure of every account that is due; one that fails or has to wait is queued again the next time."""
    for owner_id in erasure.iterate_due_deletions(at=timezone.now()):
        erase_account.apply_async((str(owner_id),), queue=Lane.SLOW.queue, expires=DISPATCH_INTERVAL_SECONDS)
