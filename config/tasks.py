"""What the clock asks of the roof."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from config import policy_reports

KEPT_FOR = timedelta(days=30)


@shared_task
def forget_policy_violations() -> None:
    """Drop what browsers have not reported for a month."""
    policy_reports.forget_old(before=timezone.now() - KEPT_FOR)
