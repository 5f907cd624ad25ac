"""Scheduled tasks of the compliance app."""

import logging

from celery import shared_task

from compliance.audit import Action, record
from compliance.audit.anchors.writing import write_anchor
from compliance.audit.chain import Verification
from compliance.audit.checkpoints import purge_trail

logger = logging.getLogger(__name__)


@shared_task
def verify_audit_trail() -> None:
    """Recompute every chain; report broken ones in the log and in the system's own trail."""
    count = 0
    for problem in Verification().find_problems():
        count += 1
        logger.error("Audit trail of %s at %s: %s", problem.subject, problem.sequence, problem.description)
    if count:
        record(Action.SECURITY_ALERT, subject=None, resource="audit trail", outcome="failed", problems=count)


@shared_task
def anchor_audit_trail() -> None:
    """Sign the heads of all chains, and write them outside the database."""
    write_anchor()


@shared_task
def purge_audit_trail() -> None:
    """Delete the events that are older than 365 days."""
    logger.info("%s audit events were purged", purge_trail())
