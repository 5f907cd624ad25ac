"""Scheduled work on reports of the content security policy."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from config.csp import reports

KEPT_FOR = timedelta(days=30)


@shared_task
def delete_old_policy_violations() -> None:
    """Drop what browsers have not reported for a month."""
    reports.delete_old_violations(before=timezone.now() - KEPT_FOR)
