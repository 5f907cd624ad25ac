"""When a user's report is pulled: once a month, on their due day, at their own time, and never too soon.

Days and times are UTC. The time is derived from the user's id, so that the pulls of a day are spread over the day.
"""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

SECONDS_A_DAY = 24 * 60 * 60
# Between two pulls without a report, however often the user clicks.
COOLDOWN = timedelta(minutes=15)


class NextPull(NamedTuple):
    """The due day of the next report, and when it is pulled: on that day, or as soon as a pull is allowed."""

    due_on: date
    at: datetime


def refresh_interval() -> timedelta:
    """Return how long after one report the next one can be pulled."""
    return timedelta(days=settings.CREDIT_REFRESH_DAYS)


def next_pull(
    *, owner: UUID, day: int, after: datetime, due_on: date | None = None, earliest: datetime | None = None
) -> NextPull:
    """Return the pull that follows one at ``after`` for the due day ``due_on``, and not before ``earliest``.

    It is for the first due day after both. However late a report is, no month is skipped and none gets two. An early
    report counts for its due day only if another one would be too soon on that day.
    """
    made_on, soonest = after.astimezone(UTC).date(), earliest or after
    if due_on is not None and made_on < due_on and (at := pull_time_on(owner, due_on)) >= soonest:
        return NextPull(due_on, at)
    next_due_on = next_due_day(max(made_on, due_on or made_on), day)
    return NextPull(next_due_on, max(pull_time_on(owner, next_due_on), soonest))


def next_due_day(date_: date, day: int) -> date:
    """Return the first due day after a date. In a shorter month it is the last day."""
    this_month = due_day_in_month(date_.year, date_.month, day)
    if this_month > date_:
        return this_month
    return due_day_in_month(date_.year + date_.month // 12, date_.month % 12 + 1, day)


def due_day_in_month(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def pull_time_on(owner: UUID, date_: date) -> datetime:
    """Return the user's own time on a day."""
    return datetime.combine(date_, time(), UTC) + timedelta(seconds=owner.int % SECONDS_A_DAY)
