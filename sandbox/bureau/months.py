"""Calendar months, and the month of a report."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

# Lenders report to a bureau with a delay: the data of a report is up to this old. With it, a pull every thirty days
# also gets a new month each time, because twelve months are at most seven days longer than twelve times thirty days.
LAG = timedelta(days=7)


def plus(day: date, months: int) -> date:
    """Return the same day ``months`` later (or earlier), or the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def between(first: date, last: date) -> int:
    """Count the whole months between two days, such that ``plus(first, between(first, last)) <= last``."""
    months = (last.year - first.year) * 12 + last.month - first.month
    return months if plus(first, months) <= last else months - 1


def latest(number: int, by: date) -> date:
    """Return the latest date with this day of the month (1 to 28) that is not after ``by``."""
    return by.replace(day=number) if number <= by.day else plus(by, -1).replace(day=number)


@dataclass(frozen=True)
class ReportMonth:
    """The month of a report: its number, the date of month 0, and the day of the request."""

    number: int
    first: date
    today: date

    def as_of(self, month: int) -> date:
        """Return the date of a month. Negative months are before the first report."""
        return plus(self.first, month)

    def statement(self, month: int, day_of_month: int) -> date:
        """Return the latest day of reporting for a month, of an account that reports on this day of each month."""
        return latest(day_of_month, self.as_of(month))


def current_report_month(began: date, today: date) -> ReportMonth:
    """Return the month of a report of today, if month 0 was on ``began``; before that it is month 0."""
    first = began - LAG
    return ReportMonth(max(0, between(first, today)), first, today)
