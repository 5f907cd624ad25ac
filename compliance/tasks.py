"""Scheduled tasks of the compliance app."""

import logging

from celery import shared_task

from compliance.audit import daily_access, verification_results
from compliance.audit.anchors.writing import write_anchor
from compliance.audit.checkpoints import purge_trail

logger = logging.getLogger(__name__)


@shared_task
def verify_audit_trail() -> None:
    """Recompute every chain; report broken ones in the log and in the system's own trail."""
    verification_results.verify_all()


@shared_task
def anchor_audit_trail() -> None:
    """Sign the heads of all chains, and write them outside the database."""
    write_anchor()


@shared_task
def purge_audit_trail() -> None:
    """Delete the events that are older than 365 days."""
    logger.info("%s audit events were purged", purge_trail())


@shared_task
def record_daily_accesses() -> None:
    """Turn the counts of days that are over into events of the audit trail."""
    daily_access.record_closed_days()
