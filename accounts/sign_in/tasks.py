"""Sends the email that ends a lockout, and deletes expired sessions and old failures."""

from typing import Any
from uuid import UUID

from celery import shared_task

from accounts.emails.tasks import FIRST_RETRY_DELAY, RETRYABLE_ERRORS, enqueue_after_commit
from accounts.sessions import active_sessions
from accounts.sign_in import lockout, lockout_email
from accounts.users.models import User


@shared_task(bind=True, max_retries=4)
def send_unlock_email(self: Any, user_id: str) -> None:
    """Send the link that ends a lockout. Nothing for an empty ``user_id``: the address has no account."""
    if not user_id:
        return
    try:
        lockout_email.send_unlock_email(user_id=UUID(user_id))
    except RETRYABLE_ERRORS as error:
        raise self.retry(exc=error, countdown=FIRST_RETRY_DELAY.total_seconds()) from error


@shared_task
def delete_expired_sessions_and_failures() -> None:
    active_sessions.delete_expired_sessions()
    lockout.delete_old_failures()


def enqueue_unlock_email(user: User | None) -> None:
    """Enqueue the email that ends a lockout. Takes the same time if there is no user."""
    enqueue_after_commit(send_unlock_email, str(user.pk) if user else "")
