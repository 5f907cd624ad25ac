"""Which kinds of their data a person looked at on a day, and how often.

Every page that shows bank or credit data says so with ``record_data_access``. The counts of the current day are rows of
their own, because pages are shown far more often than anything else happens; once the day is over, each row becomes one
event of the audit trail. Views within the same minute count once: so the first one is stored at once, in the
transaction of the request, and the others cost nothing and cannot be lost.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from compliance.audit.actions import Action
from compliance.audit.events import DailyAccess
from compliance.audit.recording import record
from compliance.isolation.tenant import tenant

logger = logging.getLogger(__name__)

COUNT: Final = "SELECT compliance_count_accesses(%s, %s)"


class DataKind(StrEnum):
    """A kind of data that pages show. The values are stored; never change or reuse one."""

    BALANCES = "balances"
    TRANSACTIONS = "transactions"
    CREDIT_SCORE = "credit_score"
    CREDIT_REPORT = "credit_report"
    RAW_REPORT = "raw_report"
    NOTIFICATIONS = "notifications"


class RecentMinutes:
    """The minutes in which this process has stored each person's accesses; the oldest ones are dropped."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._minutes: OrderedDict[tuple[UUID, str], int] = OrderedDict()
        self._lock = threading.Lock()

    def has(self, owner: UUID, kind: str, minute: int) -> bool:
        """Whether an access was stored in this minute."""
        return self._minutes.get((owner, kind)) == minute

    def put(self, owner: UUID, kinds: Sequence[str], minute: int) -> None:
        """Remember that accesses were stored in this minute."""
        with self._lock:
            for kind in kinds:
                self._minutes[owner, kind] = minute
                self._minutes.move_to_end((owner, kind))
            while len(self._minutes) > self._size:
                self._minutes.popitem(last=False)


recent_minutes: Final = RecentMinutes(20_000)


def record_data_access(owner: UUID, *kinds: DataKind) -> None:
    """Record that a page shows these kinds of a person's data to them, in the current transaction and as its tenant.

    Each kind counts once in a minute: the first view of a minute is stored, the others cost nothing.
    """
    now = timezone.now()
    minute = int(now.timestamp()) // 60
    missing = sorted(kind for kind in kinds if not recent_minutes.has(owner, kind, minute))
    if not missing:
        return
    with connection.cursor() as cursor:
        # As an array's text, which psycopg composes faster than a list.
        cursor.execute(COUNT, [now, f"{{{','.join(missing)}}}"])
    # After the commit: what is rolled back has to be stored by the next view.
    transaction.on_commit(lambda: recent_minutes.put(owner, missing, minute))


# --- Days that are over -----------------------------------------------------------------------------------


def record_closed_days(*, using: str = "ops", now: datetime | None = None) -> int:
    """Turn the counts of all days that are over into events; returns how many. May be killed and run again.

    If that fails for one person, their counts stay for the next run, and those of the others are recorded.
    """
    today = (now or timezone.now()).astimezone(UTC).date()
    owners = DailyAccess.objects.using(using).filter(day__lt=today).values_list("owner", flat=True)
    return sum(_try_to_record_days(owner, today) for owner in owners.distinct().iterator())


def _try_to_record_days(owner: UUID, today: date) -> int:
    try:
        return record_days_of(owner=owner, today=today)
    except Exception:
        logger.exception("The accesses of user %s could not be recorded", owner)
        return 0


def record_days_of(*, owner: UUID, today: date) -> int:
    """Turn one person's counts of the days before ``today`` into events, in one transaction."""
    with tenant(owner):
        rows = list(DailyAccess.objects.select_for_update().filter(day__lt=today).order_by("day", "kind"))
        for row in rows:
            _record_day(row)
        DailyAccess.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _record_day(row: DailyAccess) -> None:
    record(
        Action.DATA_ACCESSED,
        actor=row.owner,
        subject=row.owner,
        resource=row.kind,
        resource_id=row.day.isoformat(),
        count=row.count,
        first_at=row.first_at,
        last_at=row.last_at,
    )
