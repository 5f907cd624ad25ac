"""Counting in calendar months, and where a story stands."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

# A bureau hears of things late: the page read today was written up to this long ago. It also makes a pull every
# thirty days find a new page each time, because twelve months are never more than seven days longer than that.
LAG = timedelta(days=7)


def plus(day: date, months: int) -> date:
    """The same day so many months later (or earlier), or the last day of a month that is too short."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def between(first: date, last: date) -> int:
    """How many whole months lie between two days, such that ``plus(first, between(first, last)) <= last``."""
    months = (last.year - first.year) * 12 + last.month - first.month
    return months if plus(first, months) <= last else months - 1


def latest(number: int, by: date) -> date:
    """The last day with this number (1 to 28) in its month that is not after ``by``."""
    return by.replace(day=number) if number <= by.day else plus(by, -1).replace(day=number)


@dataclass(frozen=True)
class StoryMonth:
    """One page of a story: its number, the day the first page speaks of, and the day it is read."""

    number: int
    first: date
    today: date

    def as_of(self, month: int) -> date:
        """The day that the page of a month speaks of. Negative months lie before the story began."""
        return plus(self.first, month)

    def statement(self, month: int, day_of_month: int) -> date:
        """The day on which an account that reports every month on this day did so, for the page of a month."""
        return latest(day_of_month, self.as_of(month))


def month_of_story(began: date, today: date) -> StoryMonth:
    """The page that somebody reads today in a story that began on ``began``. Before it began there is only page 0."""
    first = began - LAG
    return StoryMonth(max(0, between(first, today)), first, today)
