"""Turn Experian's payment grids into ``PaymentHistory`` structs.

A grid begins with the month in which the account last reported and goes back one month per mark. A blank is a month
without data. The newest month is the month of the balance date. Where that is missing, the date of the payment level or
of the status usually falls in the same month; the date of the report is a guess.
"""

from datetime import date
from functools import lru_cache

from credit.experian import codes
from credit.experian.node import Node
from credit.payment_history import Bucket, DatedBy, PaymentHistory
from credit.report import PartialDate, Precision

MAX_MONTHS = 84


def parse_history(
    row: Node,
    enhanced: Node,
    *,
    balance_on: PartialDate | None,
    status_on: PartialDate | None,
    reported_on: date | None,
) -> PaymentHistory | None:
    """Parse the longer of the two payment grids, by months with data; ``None`` if the account has no grid."""
    grids = ((enhanced, "enhancedPaymentHistory84"), (row, "paymentHistory"))
    candidates = [(node, name, node.marks(name, 2 * MAX_MONTHS)) for node, name in grids]
    node, name, marks = max(candidates, key=lambda candidate: (_months_known(candidate[2]), bool(candidate[2])))
    if not marks:
        return None
    if len(marks) > MAX_MONTHS:
        node.note(name, "history_too_long")
    latest, dated_by = _latest(enhanced, balance_on, status_on, reported_on)
    if dated_by is not DatedBy.BALANCE:
        node.note(name, "history_dated_otherwise" if latest else "history_without_date")
    buckets, unknown = _buckets(marks[:MAX_MONTHS])
    for mark in unknown:
        node.note(name, "unknown_code", mark)
    return PaymentHistory(latest, marks[:MAX_MONTHS], buckets, dated_by)


def _latest(
    enhanced: Node, balance_on: PartialDate | None, status_on: PartialDate | None, reported_on: date | None
) -> tuple[date | None, DatedBy]:
    """The first day of the newest month, and the date that it was derived from. Future months are ignored."""
    dates = (
        (balance_on, DatedBy.BALANCE),
        (enhanced.day("paymentLevelDate"), DatedBy.PAYMENT_LEVEL),
        (status_on, DatedBy.STATUS),
    )
    for day, dated_by in dates:
        month = _month(day)
        if month and not enhanced.is_future(month):
            return month, dated_by
    if reported_on:
        return reported_on.replace(day=1), DatedBy.REPORT
    return None, DatedBy.NOTHING


def _month(day: PartialDate | None) -> date | None:
    """The first day of a date's month; ``None`` if only the year is known."""
    return None if day is None or day.precision is Precision.YEAR else day.first.replace(day=1)


def _months_known(marks: str) -> int:
    buckets, _unknown = _buckets(marks[:MAX_MONTHS])
    return sum(bucket.is_known for bucket in buckets)


@lru_cache(maxsize=1024)
def _buckets(marks: str) -> tuple[tuple[Bucket, ...], tuple[str, ...]]:
    known = codes.BUCKETS
    unknown = tuple(sorted({mark for mark in marks if mark not in known}))
    return tuple(known.get(mark, Bucket.NO_DATA) for mark in marks), unknown
