"""Sends the receipts of erasures. Until one is sent, the address of the erased account is kept, sealed for the site.

The first attempt after ``TRIED_FOR`` is the last one: then the address is deleted, and the receipt stays without having
been sent. No address is deleted without such an attempt, because nothing may have run until then.
"""

import logging
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.deletion import emails
from accounts.deletion.models import UnsentReceipt
from accounts.emails.tasks import RETRYABLE_ERRORS
from compliance.isolation import SYSTEM, tenant
from compliance.isolation.tenant import tenant_cursor
from compliance.personal_data.receipts import ErasureReceipt
from compliance.vault import SealError

logger = logging.getLogger(__name__)

# Whoever runs ``manage.py purge_deleted`` once a day, and nothing else, still keeps no address for more than 7 days.
TRIED_FOR: Final = timedelta(days=6)
# Less than the interval of the dispatch.
RETRY_DELAY: Final = timedelta(minutes=9)


def keep_address(*, account: UUID, email: str) -> None:
    """Store where the receipt of an erasure has to be sent, in the open transaction of the erasure.

    An address that cannot be sealed is not stored: the erasure does not depend on that. There is one attempt then.
    """
    try:
        # With a savepoint of its own, because the erasure goes on after an error.
        with transaction.atomic(), tenant_cursor(SYSTEM):
            UnsentReceipt.objects.create(account=account, email=email)
    except SealError as error:
        logger.error("The address for the receipt of user %s cannot be stored: %s", account, error)
        transaction.on_commit(lambda: _try_once(account=account, email=email), robust=True)


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
    """Send a receipt that is due, and delete the address, also after the last attempt. A duplicate job does nothing.

    Raises ``SMTPException`` or ``OSError``, and ``SealError`` if the address cannot be decrypted.
    """
    unsent = claim_receipt(account=account)
    if unsent is None:
        return
    is_last_attempt, is_sent = unsent.created_at <= timezone.now() - TRIED_FOR, False
    try:
        _send_to(unsent.email.reveal(), account=account)
        is_sent = True
    finally:
        if is_sent or is_last_attempt:
            _delete_address(unsent, is_sent=is_sent)


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


def _send_to(email: str, *, account: UUID) -> None:
    with tenant(account):
        receipt = ErasureReceipt.objects.get(owner=account)
    emails.send_receipt_email(email=email, receipt=receipt)


def _try_once(*, account: UUID, email: str) -> None:
    """Send a receipt to an address that is stored nowhere."""
    try:
        _send_to(email, account=account)
    except RETRYABLE_ERRORS as error:
        logger.error("The receipt of user %s was not sent and never will be: %s", account, type(error).__name__)


def _delete_address(unsent: UnsentReceipt, *, is_sent: bool) -> None:
    with tenant_cursor(SYSTEM):
        UnsentReceipt.objects.filter(pk=unsent.pk).delete()
    if not is_sent:
        logger.error("The receipt of user %s could not be sent in %s days", unsent.account, TRIED_FOR.days)
