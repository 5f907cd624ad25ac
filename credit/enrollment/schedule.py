"""When a person's report is asked for: once a month, on their own day, at an hour of their own, and never too soon.

Days and hours are UTC. The hour comes of the person's id, so that the pulls of one day spread over the day.
"""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings

SECONDS_A_DAY = 24 * 60 * 60
# Between two answers without a report, however often the user clicks.
COOLDOWN = timedelta(minutes=15)


class NextPull(NamedTuple):
    """The person's own day that the next report is for, and when it is asked for: then, or as soon as it may be."""

    due_on: date
    at: datetime


def refresh_interval() -> timedelta:
    """For how long a report that was made keeps a person from having another one made."""
    return timedelta(days=settings.CREDIT_REFRESH_DAYS)


def next_pull(
    *, owner: UUID, day: int, after: datetime, due_on: date | None = None, earliest: datetime | None = None
) -> NextPull:
    """What follows a pull that was made at ``after`` for the own day ``due_on``, and not before ``earliest``.

    It is for the first own day after both: one that came late costs no month, however late it was, and never brings
    two at once. One that came early stands for its own day only where it leaves no room for another on that day.
    """
    made_on, soonest = after.astimezone(UTC).date(), earliest or after
    if due_on is not None and made_on < due_on and (at := pull_time_on(owner, due_on)) >= soonest:
        return NextPull(due_on, at)
    following = next_due_day(max(made_on, due_on or made_on), day)
    return NextPull(following, max(pull_time_on(owner, following), soonest))


def next_due_day(date_: date, day: int) -> date:
    """The first day after a date that is the person's own. In a month that is shorter it is the last one."""
    own = due_day_in_month(date_.year, date_.month, day)
    if own > date_:
        return own
    return due_day_in_month(date_.year + date_.month // 12, date_.month % 12 + 1, day)


def due_day_in_month(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def pull_time_on(owner: UUID, date_: date) -> datetime:
    """The person's own hour of a day."""
    return datetime.combine(date_, time(), UTC) + timedelta(seconds=owner.int % SECONDS_A_DAY)
