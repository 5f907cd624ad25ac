"""When a mail may go out: not in a person's quiet hours, and as often as they wish. By the clock on their wall.

Where clocks are moved, an hour of the wall comes twice or not at all. Each time is asked what its wall shows, so no
mail goes out while that is quiet, and none waits for an hour that does not come.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

DIGEST_TIME: Final = time(8)
MONDAY: Final = 0
# A time of day that clocks skip is looked for again on the next days.
DAYS_TO_LOOK: Final = 9


class Pace(StrEnum):
    """How often mails go out."""

    AT_ONCE = "at_once"
    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True)
class Rhythm:
    """A person's zone, pace and quiet hours. No hours are quiet when both ends are equal or one is missing."""

    zone: ZoneInfo
    pace: Pace = Pace.AT_ONCE
    quiet_from: time | None = None
    quiet_until: time | None = None

    def is_quiet(self, at: datetime) -> bool:
        """Whether no mail may go out at a moment."""
        since, until = self.quiet_from, self.quiet_until
        if since is None or until is None or since == until:
            return False
        wall = at.astimezone(self.zone).time()
        return since <= wall < until if since < until else wall >= since or wall < until

    def next_mail(self, after: datetime) -> datetime:
        """The first moment, from ``after`` on, at which a mail about something of then may go out."""
        if self.pace is Pace.DAILY:
            after = next(self._moments(DIGEST_TIME, after))
        elif self.pace is Pace.WEEKLY:
            after = next(moment for moment in self._moments(DIGEST_TIME, after) if self._is_monday(moment))
        return self.end_of_quiet(after)

    def end_of_quiet(self, at: datetime) -> datetime:
        """``at`` itself, or the end of the quiet hours that it falls into."""
        if self.quiet_until is None or not self.is_quiet(at):
            return at
        return next(moment for moment in self._moments(self.quiet_until, at) if not self.is_quiet(moment))

    def _moments(self, wall: time, after: datetime) -> Iterator[datetime]:
        # Both readings of a time that comes twice; of one that is skipped, the first falls into the hour after it.
        today = after.astimezone(self.zone).date()
        days = (today + timedelta(days=offset) for offset in range(DAYS_TO_LOOK))
        moments = {
            datetime.combine(day, wall.replace(fold=fold), self.zone).astimezone(UTC) for day in days for fold in (0, 1)
        }
        return iter(sorted(moment for moment in moments if moment > after))

    def _is_monday(self, moment: datetime) -> bool:
        return moment.astimezone(self.zone).weekday() == MONDAY
