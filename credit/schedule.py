"""When a person's report is asked for: once a month, on their own day, at an hour of their own, and never too soon.

Days and hours are UTC. The hour comes of the person's id, so that the pulls of one day spread over the day.
"""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.conf import settings

SECONDS_A_DAY = 24 * 60 * 60


def period() -> timedelta:
    """For how long a report that was made keeps a person from having another one made."""
    return timedelta(days=settings.CREDIT_REFRESH_DAYS)


def next_pull(*, owner: UUID, day: int, after: datetime, earliest: datetime | None = None) -> datetime:
    """The person's own day in the month after ``after``, at their own hour, or ``earliest`` where that is later.

    A month that is shorter than the day is asked in on its last day.
    """
    year, month = (after.year, after.month + 1) if after.month < 12 else (after.year + 1, 1)
    own = date(year, month, min(day, calendar.monthrange(year, month)[1]))
    moment = datetime.combine(own, time(), UTC) + timedelta(seconds=owner.int % SECONDS_A_DAY)
    return moment if earliest is None else max(moment, earliest)
