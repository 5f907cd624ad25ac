"""Celery tasks of credit. Each calls one action. The enrollment stores when the next pull is due."""

import logging
from uuid import UUID

from celery import shared_task
from django.conf import settings

from compliance.isolation.tasks import TenantTask
from compliance.queues import Lane
from credit import bureau_password
from credit.enrollment import lifecycle
from credit.models import Trigger
from credit.provider import BureauError
from credit.pulls import due_pulls, pulling

logger = logging.getLogger(__name__)

CHUNK = 100
NOT_CALLED = (
    pulling.NotDue,
    pulling.PullInProgress,
    pulling.NoConsent,
    pulling.NotEnrolled,
    pulling.ProcessingStopped,
)


@shared_task(base=TenantTask)
def pull_report(owner_id: str, trigger: str) -> None:
    """Pull one user's report. A failure is recorded, and Celery beat retries if the enrollment says so."""
    try:
        pulling.pull(owner_id=UUID(owner_id), trigger=Trigger(trigger))
    except NOT_CALLED as reason:
        logger.info("The bureau was not called for user %s: %s", owner_id, type(reason).__name__)
    except BureauError as error:
        logger.warning("No report for user %s: %s", owner_id, error)


@shared_task
def dispatch_due_pulls() -> None:
    """Queue every due user, a chunk at a time, so that no transaction locks many rows."""
    if settings.CREDIT_ENV == "off":
        return
    while claimed := due_pulls.claim_due_pulls(limit=CHUNK):
        for owner_id in claimed:
            # In the slow lane, so that a bureau that hangs does not delay bank syncs.
            pull_report.apply_async((str(owner_id), Trigger.SCHEDULED.value), queue=Lane.SLOW.queue)


@shared_task(base=TenantTask)
def delete_ssn(owner_id: str) -> None:
    """Delete one idle Social Security number."""
    lifecycle.delete_ssn(owner_id=UUID(owner_id))


@shared_task
def delete_idle_ssns() -> None:
    """Queue every user with an idle stored number. Users beyond the limit are queued the next day."""
    for owner_id in due_pulls.list_idle_ssns(limit=CHUNK * CHUNK):
        delete_ssn.delay(str(owner_id))


@shared_task
def check_bureau_password() -> None:
    """Warn operators, once a day, that our password at the bureau is about to expire."""
    if settings.CREDIT_ENV != "off" and (message := bureau_password.password_warning()):
        logger.warning("%s", message)
