"""When an email digest may be sent: at the user's frequency and outside their quiet hours, in their time zone.

When clocks change, an hour of local time occurs twice or not at all. Each moment is converted to local time and
checked, so no email is sent during quiet hours, and none waits for a local time that does not occur.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

DIGEST_TIME: Final = time(8)
MONDAY: Final = 0
# More than a week, because a clock change can skip the local time on one day.
SEARCH_DAYS: Final = 9


class Frequency(StrEnum):
    """How often digests are sent."""

    IMMEDIATE = "immediate"
    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True)
class DeliverySchedule:
    """A user's time zone, frequency and quiet hours. Quiet hours need two different ends to be in effect."""

    time_zone: ZoneInfo
    frequency: Frequency = Frequency.IMMEDIATE
    quiet_hours_start: time | None = None
    quiet_hours_end: time | None = None

    def in_quiet_hours(self, at: datetime) -> bool:
        """Return whether a moment is in the quiet hours, so that no email may be sent."""
        since, until = self.quiet_hours_start, self.quiet_hours_end
        if since is None or until is None or since == until:
            return False
        wall = at.astimezone(self.time_zone).time()
        return since <= wall < until if since < until else wall >= since or wall < until

    def next_delivery(self, after: datetime) -> datetime:
        """Return when an email about an event at ``after`` may be sent at the earliest."""
        if self.frequency is Frequency.DAILY:
            after = next(self._occurrences(DIGEST_TIME, after))
        elif self.frequency is Frequency.WEEKLY:
            after = next(moment for moment in self._occurrences(DIGEST_TIME, after) if self._is_monday(moment))
        return self.end_of_quiet_hours(after)

    def end_of_quiet_hours(self, at: datetime) -> datetime:
        """Return ``at`` itself, or the end of the quiet hours that it is in."""
        if self.quiet_hours_end is None or not self.in_quiet_hours(at):
            return at
        return next(moment for moment in self._occurrences(self.quiet_hours_end, at) if not self.in_quiet_hours(moment))

    def _occurrences(self, wall: time, after: datetime) -> Iterator[datetime]:
        # Both moments of a local time that occurs twice. For one that is skipped, the first is in the hour after it.
        today = after.astimezone(self.time_zone).date()
        days = (today + timedelta(days=offset) for offset in range(SEARCH_DAYS))
        moments = {
            datetime.combine(day, wall.replace(fold=fold), self.time_zone).astimezone(UTC)
            for day in days
            for fold in (0, 1)
        }
        return iter(sorted(moment for moment in moments if moment > after))

    def _is_monday(self, moment: datetime) -> bool:
        return moment.astimezone(self.time_zone).weekday() == MONDAY
