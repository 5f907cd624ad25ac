"""Sends the receipts of erasures. Until one is sent, the address of the erased account is kept, sealed for the site.

That is for ``KEPT_FOR`` at most: then the address is deleted, and the receipt stays without having been sent.
"""

import logging
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone

from accounts.deletion import emails
from accounts.deletion.models import UnsentReceipt
from accounts.emails.tasks import RETRYABLE_ERRORS
from compliance.isolation import SYSTEM, tenant
from compliance.isolation.tenant import tenant_cursor
from compliance.personal_data.receipts import ErasureReceipt
from compliance.vault import SealError

logger = logging.getLogger(__name__)

KEPT_FOR: Final = timedelta(days=7)
# Less than the interval of the dispatch.
RETRY_DELAY: Final = timedelta(minutes=9)


def keep_address(*, account: UUID, email: str) -> None:
    """Store where the receipt of an erasure has to be sent, in the open transaction of the erasure."""
    with tenant_cursor(SYSTEM):
        UnsentReceipt.objects.create(account=account, email=email)


def try_to_send(*, account: UUID) -> bool:
    """Send the receipt of an erased account, if it is due. ``False`` if it has to wait for the next attempt."""
    try:
        send_receipt(account=account)
    except (*RETRYABLE_ERRORS, SealError) as error:
        # Only the class of the error: servers repeat the recipient in their replies.
        logger.warning("The receipt of user %s waits: %s", account, type(error).__name__)
        return False
    return True


def send_receipt(*, account: UUID) -> None:
    """Send a receipt that is due, and delete the address. A duplicate job does nothing.

    Raises ``SMTPException`` or ``OSError``, and ``SealError`` if the address cannot be decrypted.
    """
    unsent = claim_receipt(account=account)
    if unsent is None:
        return
    email = unsent.email.reveal()
    with tenant(account):
        receipt = ErasureReceipt.objects.get(owner=account)
    emails.send_receipt_email(email=email, receipt=receipt)
    with tenant_cursor(SYSTEM):
        UnsentReceipt.objects.filter(pk=unsent.pk).delete()


def claim_receipt(*, account: UUID) -> UnsentReceipt | None:
    """Claim a receipt that is due, and schedule the next attempt, in case this one fails."""
    now = timezone.now()
    with tenant_cursor(SYSTEM):
        unsent = UnsentReceipt.objects.select_for_update().filter(account=account, next_attempt_at__lte=now).first()
        if unsent is not None:
            unsent.next_attempt_at = now + RETRY_DELAY
            unsent.save(update_fields=["next_attempt_at"])
        return unsent


def list_due(*, at: datetime) -> list[UUID]:
    """List the erased accounts whose receipts are due."""
    with tenant_cursor(SYSTEM):
        due = UnsentReceipt.objects.filter(next_attempt_at__lte=at)
        return list(due.order_by("next_attempt_at").values_list("account", flat=True))


def delete_expired(*, at: datetime) -> None:
    """Delete the addresses of receipts that could not be sent in time."""
    with tenant_cursor(SYSTEM):
        expired = UnsentReceipt.objects.select_for_update().filter(created_at__lte=at - KEPT_FOR)
        for unsent in expired:
            logger.error("The receipt of user %s could not be sent in %s days", unsent.account, KEPT_FOR.days)
            unsent.delete()
