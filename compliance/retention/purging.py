"""Delete what a person's rules no longer keep, in batches, each in a transaction of its own.

A killed purge goes on with the next batch when its claim expires.
"""

from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import F
from django.utils import timezone

from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.retention.models import RetentionSetting
from compliance.retention.registry import get_rule

BATCH_ROWS: Final = 5_000
CLAIM_DURATION: Final = timedelta(minutes=10)
CLAIM_DUE: Final = "SELECT owner_id, data_type FROM compliance_claim_due_retention(%s, %s, %s)"


class ClaimedSetting(NamedTuple):
    """A setting that a worker has claimed: whose it is, about what, and when the claim expires."""

    owner_id: UUID
    data_type: str
    until: datetime


def claim_due_settings(*, limit: int) -> list[ClaimedSetting]:
    """Claim up to ``limit`` settings whose notice or purge is due."""
    now = timezone.now()
    until = now + CLAIM_DURATION
    with connection.cursor() as cursor:
        cursor.execute(CLAIM_DUE, [now, until, limit])
        return [ClaimedSetting(owner_id, data_type, until) for owner_id, data_type in cursor.fetchall()]


def get_claimed(claim: ClaimedSetting) -> RetentionSetting | None:
    """Return a claimed setting; ``None`` if the claim was lost or the setting changed since. Needs a tenant."""
    return RetentionSetting.objects.filter(owner=claim.owner_id, data_type=claim.data_type, due_at=claim.until).first()


def purge_expired(claim: ClaimedSetting, *, batch_rows: int = BATCH_ROWS) -> int:
    """Delete what the claimed setting no longer keeps, and return how many rows that were.

    The choice is read again before each batch. Raises ``OwnerIsBusy``; the rest is deleted when the claim expires.
    """
    rule, total = get_rule(claim.data_type), 0
    while (before := _first_day_kept(claim)) is not None:
        count = rule.purge(owner_id=claim.owner_id, before=before, limit=batch_rows)
        if not count:
            break
        total += count
        _count_purged(claim, count)
    return total


def finish(claim: ClaimedSetting, *, purged: int) -> None:
    """Record a purge that deleted rows, and set when the setting is due again."""
    now = timezone.now()
    with tenant(claim.owner_id):
        setting = (
            RetentionSetting.objects.select_for_update()
            .filter(owner=claim.owner_id, data_type=claim.data_type, due_at=claim.until)
            .first()
        )
        if setting is not None:
            setting.due_at = setting.next_due_at(now)
            setting.save(update_fields=["due_at"])
        if purged:
            what = {"resource": "retention", "resource_id": claim.data_type}
            record(Action.DATA_PURGED, subject=claim.owner_id, **what, rows=purged)


def _first_day_kept(claim: ClaimedSetting) -> date | None:
    with tenant(claim.owner_id):
        setting = get_claimed(claim)
        return None if setting is None else setting.first_day_kept(timezone.now())


def _count_purged(claim: ClaimedSetting, count: int) -> None:
    today = timezone.localdate()
    with tenant(claim.owner_id):
        rows = RetentionSetting.objects.filter(owner=claim.owner_id, data_type=claim.data_type)
        rows.exclude(last_purge_date=today).update(last_purge_date=today, last_purged_rows=0)
        rows.update(last_purged_rows=F("last_purged_rows") + count)
