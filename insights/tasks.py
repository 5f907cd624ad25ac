"""Scheduled jobs that check users' runways."""

from typing import Final
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from compliance.isolation.tasks import TenantTask
from insights.cash_flow import runway

CHUNK: Final = 500


@shared_task
def dispatch_runway_checks() -> None:
    """Queue a runway check for every user whose hour of the day this is."""
    for owner_id in runway.list_owners_due(hour=timezone.now().hour, limit=CHUNK):
        check_runway.delay(str(owner_id))


@shared_task(base=TenantTask)
def check_runway(owner_id: str) -> None:
    """Check one user's runway, and notify them if it became low."""
    runway.update_alerts(owner_id=UUID(owner_id))
