"""Mails that nobody waits for, and that a mail server or a queue that is away neither stops nor loses."""

import logging
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from celery import Task, shared_task
from django.db import InterfaceError, transaction
from django.db import OperationalError as DatabaseAway
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts import lockout
from accounts.emails import sending
from accounts.emails.sending import NOT_SENT
from accounts.notifications import digest
from accounts.sessions import active_sessions
from accounts.sessions.user_agents import device_words
from accounts.sign_in import lockout_email
from accounts.users.models import User
from compliance.audit.facts import current_facts
from compliance.isolation.tasks import TenantTask

logger = logging.getLogger(__name__)

# Nothing but the job tells of such a mail: without another try it would be lost with a database that is away.
PASSES: Final = (*NOT_SENT, DatabaseAway, InterfaceError)
RETRY_SECONDS: Final = 30
# Half of what the broker's visibility timeout allows a job that waits, and less.
LONGEST_RETRY_SECONDS: Final = 900
CHUNK: Final = 100


@shared_task(bind=True, max_retries=13)
def send_notice(self: Any, template: str, user_id: str, email: str, facts: dict[str, Any]) -> None:
    """Send a notice; while the mail server or the database is away, try again later and later, for two hours."""
    try:
        sending.send_notice(template, user_id=UUID(user_id), email=email, facts=facts)
    except PASSES as error:
        wait = min(RETRY_SECONDS * 2**self.request.retries, LONGEST_RETRY_SECONDS)
        raise self.retry(exc=error, countdown=wait) from error


@shared_task(bind=True, max_retries=4)
def send_unlock_link(self: Any, user_id: str) -> None:
    """Send the link that ends a lock; an address without an account comes here too and ends at once."""
    if not user_id:
        return
    try:
        lockout_email.send_unlock_link(user_id=UUID(user_id))
    except PASSES as error:
        raise self.retry(exc=error, countdown=RETRY_SECONDS) from error


@shared_task
def forget_old() -> None:
    """Drop sessions that are over, and failures to sign in that no longer count."""
    active_sessions.forget_over()
    lockout.forget_old()


@shared_task
def dispatch_alert_mails() -> None:
    """Queue the mail of every person for whom one is due, a chunk at a time."""
    held_until, people = digest.claim_due(limit=CHUNK)
    while people:
        for person_id in people:
            send_alert_mail.delay(str(person_id), held_until.isoformat())
        held_until, people = digest.claim_due(limit=CHUNK)


@shared_task(base=TenantTask)
def send_alert_mail(owner_id: str, held_until: str) -> None:
    """Send one person's mail about news; what the mail server does not take, the clock brings again."""
    try:
        digest.deliver(person_id=UUID(owner_id), held_until=datetime.fromisoformat(held_until))
    except NOT_SENT as error:
        # No more than its kind: servers repeat in their answers whom a mail was for.
        logger.warning("alert-mail-not-sent, tried again in %s: %s", digest.HELD, type(error).__name__)


def queue_notice(template: str, *, user: User, email: str = "", **facts: Any) -> None:
    """Have a person told of something, with when and from where, once it is committed."""
    here = current_facts()
    facts |= {"timestamp": timezone.now().isoformat(), "ip": here.ip, "user_agent": device_words(here.user_agent)}
    _after_commit(send_notice, template, str(user.pk), email, facts)


def queue_unlock_mail(person: User | None) -> None:
    """Queue the mail that ends a lock, in the same time whether or not there is anybody to mail."""
    _after_commit(send_unlock_link, str(person.pk) if person else "")


def _after_commit(task: "Task[..., Any]", *arguments: Any) -> None:
    # Robust: the deed stands whatever becomes of the mail. Not a partial, which Django cannot name in its log.
    transaction.on_commit(lambda: _queue(task, *arguments), robust=True)


def _queue(task: "Task[..., Any]", *arguments: Any) -> None:
    try:
        task.delay(*arguments)
    except OperationalError as error:
        logger.warning("The queue does not answer, so the mail is sent at once: %s", error)
        task(*arguments)
