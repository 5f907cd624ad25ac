"""Sends emails in the background: one that fails because a service is down is sent again later."""

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
# Only the task knows of such an email: without a retry it would be lost when the database is down.
RETRYABLE_ERRORS: Final = (*DELIVERY_ERRORS, DatabaseAway, InterfaceError)
FIRST_RETRY_DELAY: Final = timedelta(seconds=30)
# At most half of the broker's visibility timeout.
MAX_RETRY_DELAY: Final = timedelta(minutes=15)


@shared_task(bind=True, max_retries=13)
def send_security_email(self: Any, template: str, user_id: str, email: str, facts: dict[str, Any]) -> None:
    """Send a security email; retry for two hours, at growing intervals, while mail server or database is down."""
    try:
        sending.send_security_email(template, user_id=UUID(user_id), email=email, facts=facts)
    except RETRYABLE_ERRORS as error:
        delay = exponential_delay(FIRST_RETRY_DELAY, self.request.retries, maximum=MAX_RETRY_DELAY)
        raise self.retry(exc=error, countdown=delay.total_seconds()) from error


def enqueue_security_email(template: str, *, user: User, email: str = "", **facts: Any) -> None:
    """Enqueue a security email with its time and place, to be sent once the transaction is committed."""
    here = current_request_details()
    facts |= {"timestamp": timezone.now().isoformat(), "ip": here.ip, "user_agent": here.user_agent}
    enqueue_after_commit(send_security_email, template, str(user.pk), email, facts)


def enqueue_after_commit(task: "Task[..., Any]", *arguments: Any) -> None:
    # Robust: the action is kept even if the email fails. Not a partial, which Django cannot name in its log.
    """Enqueue a task once the transaction is committed; run it at once when the queue is down."""
    transaction.on_commit(lambda: _enqueue(task, *arguments), robust=True)


def _enqueue(task: "Task[..., Any]", *arguments: Any) -> None:
    try:
        task.delay(*arguments)
    except OperationalError as error:
        logger.warning("The queue does not answer, so the mail is sent at once: %s", error)
        task(*arguments)
