"""Jobs of the deletion of accounts: emails, and the erasure itself."""

import logging
from typing import Any, Final
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from accounts.deletion import erasure, request_emails, unsent_receipts
from compliance.isolation.tasks import TenantTask
from compliance.personal_data.processors import ErasureDelayed
from compliance.queues import Lane

logger = logging.getLogger(__name__)

# How often Celery beat queues what is due. A job that waits for longer is dropped, because it is queued again.
DISPATCH_INTERVAL_SECONDS: Final = 600
DISPATCH_OPTIONS: Final[dict[str, Any]] = {"queue": Lane.SLOW.queue, "expires": DISPATCH_INTERVAL_SECONDS}


@shared_task(base=TenantTask)
def send_deletion_request_email(owner_id: str, request_id: str) -> None:
    """Send the email with the link that cancels a deletion, if it waits."""
    request_emails.try_to_send(owner_id=UUID(owner_id), request_id=UUID(request_id))


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
    """Queue every erasure and every email that is due; what fails or has to wait is queued again the next time."""
    now = timezone.now()
    for identifiers in request_emails.list_unsent(at=now):
        send_deletion_request_email.apply_async(tuple(map(str, identifiers)), **DISPATCH_OPTIONS)
    for account in unsent_receipts.list_due(at=now):
        send_receipt.apply_async((str(account),), **DISPATCH_OPTIONS)
    for owner_id in erasure.iterate_due_deletions(at=now):
        erase_account.apply_async((str(owner_id),), **DISPATCH_OPTIONS)
