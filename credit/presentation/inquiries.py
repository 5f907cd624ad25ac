"""The list of inquiries: who made each, when, and when it is removed from the file."""

import calendar
from collections.abc import Iterable
from datetime import MAXYEAR, date
from typing import NamedTuple

from credit.report import Inquiry, PartialDate, Precision

RETENTION_MONTHS = 24


class InquiryRow(NamedTuple):
    """An inquiry and the date on which it is removed from the file; ``None`` if its own date is not reported."""

    inquiry: Inquiry
    removal_date: PartialDate | None


def list_inquiries(inquiries: Iterable[Inquiry]) -> list[InquiryRow]:
    """List inquiries, newest first; those without a date come last."""
    rows = [InquiryRow(inquiry, removal_date(inquiry.on)) for inquiry in inquiries]
    return sorted(rows, key=lambda row: row.inquiry.on.first if row.inquiry.on else date.min, reverse=True)


def removal_date(day: PartialDate | None) -> PartialDate | None:
    """Return when an inquiry is removed: two years later, as precise as its own date."""
    if day is None or day.precision is Precision.YEAR or day.first.year + 2 > MAXYEAR:
        return None
    return PartialDate(add_months(day.first, RETENTION_MONTHS), day.precision)


def add_months(day: date, months: int) -> date:
    """Return the same day some months later, or the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
