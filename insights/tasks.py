"""Scheduled jobs that check users' runways and figures."""

from typing import Final
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from compliance.isolation.tasks import TenantTask
from insights.cash_flow import runway
from insights.due_owners import list_owners_due
from insights.reconciliation import nightly

CHUNK: Final = 500


@shared_task
def dispatch_daily_checks() -> None:
    """Queue the checks of every user whose hour of the day this is."""
    for owner_id in list_owners_due(hour=timezone.now().hour, limit=CHUNK):
        check_runway.delay(str(owner_id))
        check_figures.delay(str(owner_id))


@shared_task(base=TenantTask)
def check_runway(owner_id: str) -> None:
    """Check one user's runway, and notify them if it became low."""
    runway.update_alerts(owner_id=UUID(owner_id))


@shared_task(base=TenantTask)
def check_figures(owner_id: str) -> None:
    """Check that one user's figures equal what the rows behind them add up to."""
    nightly.check_figures(owner_id=UUID(owner_id))
