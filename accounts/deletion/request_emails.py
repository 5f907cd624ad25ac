"""Sends the email with the link that cancels a deletion, until the mail server accepts it or the link is over."""

import logging
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts.deletion import emails
from accounts.deletion.models import DeletionRequest
from accounts.emails.tasks import RETRYABLE_ERRORS
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

# Less than the interval of the dispatch.
RETRY_DELAY: Final = timedelta(minutes=9)
# Those that fail come last the next time.
MOST_AT_ONCE: Final = 1000


def try_to_send(*, owner_id: UUID, request_id: UUID) -> None:
    """Send the email about a request, unless another job has done so or is doing it. If that fails, it waits."""
    try:
        _send(owner_id=owner_id, request_id=request_id)
    except RETRYABLE_ERRORS as error:
        # Only the class of the error: servers repeat the recipient in their replies.
        logger.warning("The email about the deletion of user %s waits: %s", owner_id, type(error).__name__)


def list_unsent(*, at: datetime) -> list[tuple[UUID, UUID]]:
    """List the users and the requests whose email waits, and whose link still works."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT owner_id, request_id FROM accounts_unsent_deletion_emails(%s, %s)", [at, MOST_AT_ONCE])
        return cursor.fetchall()


def _send(*, owner_id: UUID, request_id: UUID) -> None:
    request = _claim(owner_id=owner_id, request_id=request_id)
    if request is None:
        return
    emails.send_request_email(request)
    with tenant(owner_id):
        DeletionRequest.objects.filter(pk=request.pk).update(emailed_at=timezone.now())


def _claim(*, owner_id: UUID, request_id: UUID) -> DeletionRequest | None:
    """Claim an email that waits, and schedule the next attempt, in case this one fails."""
    now = timezone.now()
    waiting = DeletionRequest.objects.filter(canceled_at=None, emailed_at=None, due_at__gt=now, next_email_at__lte=now)
    with tenant(owner_id):
        request = waiting.select_related("owner").select_for_update(of=["self"]).filter(pk=request_id).first()
        if request is not None:
            request.next_email_at = now + RETRY_DELAY
            request.save(update_fields=["next_email_at"])
        return request
