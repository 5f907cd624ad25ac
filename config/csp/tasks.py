"""Scheduled tasks of the content security policy's reports."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from config.csp import reports

RETENTION = timedelta(days=30)


@shared_task
def delete_old_policy_violations() -> None:
    """Delete violations that browsers have not reported for 30 days."""
    reports.delete_old_violations(before=timezone.now() - RETENTION)
