"""Sends emails in the background, and retries if the mail server or the database is down."""

import logging
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from celery import Task, shared_task
from django.db import InterfaceError, transaction
from django.db import OperationalError as DatabaseAway
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.emails import sending
from accounts.emails.sending import DELIVERY_ERRORS
from accounts.users.models import User
from compliance.audit.request_details import current_request_details
from compliance.backoff import exponential_delay

logger = logging.getLogger(__name__)
# A security email is stored only in its task, so it is lost without a retry.
RETRYABLE_ERRORS: Final = (*DELIVERY_ERRORS, DatabaseAway, InterfaceError)
FIRST_RETRY_DELAY: Final = timedelta(seconds=30)
# At most half of the broker's visibility timeout.
MAX_RETRY_DELAY: Final = timedelta(minutes=15)


@shared_task(bind=True, max_retries=13)
def send_security_email(self: Any, template: str, user_id: str, email: str, context: dict[str, Any]) -> None:
    """Send a security email. Retries for two hours, at growing intervals, while mail server or database is down."""
    try:
        sending.send_security_email(template, user_id=UUID(user_id), email=email, context=context)
    except RETRYABLE_ERRORS as error:
        raise self.retry(exc=error, countdown=retry_delay_seconds(self.request.retries)) from error


def retry_delay_seconds(retries: int) -> float:
    """Return how long a task waits before it tries to send an email again."""
    return exponential_delay(FIRST_RETRY_DELAY, retries, maximum=MAX_RETRY_DELAY).total_seconds()


def enqueue_security_email(template: str, *, user: User, email: str = "", **context: Any) -> None:
    """Enqueue a security email with the time, IP address and user agent, to be sent once the transaction commits."""
    details = current_request_details()
    context |= {"timestamp": timezone.now().isoformat(), "ip": details.ip, "user_agent": details.user_agent}
    enqueue_after_commit(send_security_email, template, str(user.pk), email, context)


def enqueue_after_commit(task: "Task[..., Any]", *arguments: Any) -> None:
    """Enqueue a task once the transaction is committed. If the queue is down, run it at once."""
    # Robust: the action is kept even if the email fails. A lambda, because Django cannot log the name of a partial.
    transaction.on_commit(lambda: _enqueue(task, *arguments), robust=True)


def _enqueue(task: "Task[..., Any]", *arguments: Any) -> None:
    try:
        task.delay(*arguments)
    except OperationalError as error:
        logger.warning("The queue does not answer, so the mail is sent at once: %s", error)
        task(*arguments)
