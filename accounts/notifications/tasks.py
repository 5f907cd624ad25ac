"""Sends the emails about new notifications in the background."""

import logging
from datetime import datetime
from typing import Final
from uuid import UUID

from celery import shared_task

from accounts.emails.sending import NOT_SENT
from accounts.notifications import digest
from compliance.isolation.tasks import TenantTask

logger = logging.getLogger(__name__)

CHUNK: Final = 100


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
