"""Delete what a person's rules no longer keep, in batches, each in a transaction of its own.

A killed purge goes on with the next batch when its claim expires.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.utils import timezone

from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.personal_data.account_lock import lock_account
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
    """Return a claimed setting, locked until the open transaction ends, so that nobody changes the choice meanwhile.

    ``None`` if the claim was lost or the setting changed since. Needs a tenant.
    """
    claimed = RetentionSetting.objects.filter(owner=claim.owner_id, data_type=claim.data_type, due_at=claim.until)
    return claimed.select_for_update().first()


def purge_expired(claim: ClaimedSetting, *, batch_rows: int = BATCH_ROWS) -> int:
    """Delete what the claimed setting no longer keeps, and return how many rows that were.

    The choice is read again before each batch. Raises ``OwnerIsBusy``; the rest is deleted when the claim expires.
    """
    total = 0
    while batch := _purge_batch(claim, batch_rows):
        total += batch
    return total


def finish(claim: ClaimedSetting) -> None:
    """Set when the claimed setting is due again."""
    with tenant(claim.owner_id):
        setting = get_claimed(claim)
        if setting is not None:
            setting.due_at = setting.next_due_at(timezone.now())
            setting.save(update_fields=["due_at"])


def _purge_batch(claim: ClaimedSetting, limit: int) -> int:
    """Delete, count and record one batch in one transaction."""
    with tenant(claim.owner_id):
        # Before the setting: an erasure deletes the rows of a rule while it holds the account, and then the setting.
        lock_account(claim.owner_id)
        setting = get_claimed(claim)
        before = None if setting is None else setting.first_day_kept(timezone.now())
        if setting is None or before is None:
            return 0
        rows = get_rule(claim.data_type).purge(owner_id=claim.owner_id, before=before, limit=limit)
        if rows:
            setting.add_purged(rows, on=timezone.localdate())
            data_type = claim.data_type
            record(Action.DATA_PURGED, subject=claim.owner_id, resource="retention", resource_id=data_type, rows=rows)
        return rows
