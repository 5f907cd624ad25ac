"""Marks of late payments, compared month by month of the calendar, wherever they stand in the two grids."""

from collections.abc import Iterator
from datetime import date

from credit.diffing.change import Change, ChangeType, Severity
from credit.diffing.matching import AccountPair
from credit.payment_history import Bucket, DatedBy
from credit.report import Tradeline

FINAL_BUCKETS = frozenset({Bucket.DEROGATORY, Bucket.BANKRUPTCY})
RELIABLE_DATES = frozenset({DatedBy.BALANCE, DatedBy.PAYMENT_LEVEL, DatedBy.STATUS})


def compare_payments(pair: AccountPair) -> Iterator[Change]:
    """List each month that turned late, got worse, or is no longer late, oldest first.

    A month that only continues a charge-off or the like is information and no more: no further payment was missed.
    """
    before, after = (_months(line) if _is_comparable(pair) else {} for line in pair)
    for month in sorted(after):
        old, new = before.get(month, Bucket.NO_DATA), after[month]
        if new.severity > old.severity:
            change_type = ChangeType.LATE_WORSENED if old.severity else ChangeType.LATE_PAYMENT
            carried = new in FINAL_BUCKETS and before.get(_month_before(month)) in FINAL_BUCKETS
            yield _change(change_type, pair.new, month, old, new, Severity.INFO if carried else Severity.HIGH)
        elif old.severity and new.is_known and not new.severity:
            yield _change(ChangeType.LATE_REMOVED, pair.new, month, old, new, Severity.NOTICE)
    if (pair.new.past_due or 0) > 0 and not pair.old.past_due:
        line = pair.new
        yield Change(
            ChangeType.PAST_DUE,
            line.key,
            Severity.HIGH,
            line.creditor,
            pair.old.past_due,
            line.past_due,
            key=line.key,
        )


def _change(
    change_type: ChangeType, line: Tradeline, month: date, old: Bucket, new: Bucket, severity: Severity
) -> Change:
    entity, when = f"{line.key}:{month:%Y-%m}", f"{month:%Y-%m}"
    return Change(change_type, entity, severity, line.creditor, str(old), str(new), when, line.key)


def _is_comparable(pair: AccountPair) -> bool:
    """Whether both histories are counted from the same kind of date, and not from the day of the report.

    That one moves on with every report, and so would all marks of an account that reports no more. Another date than
    that of the balance may stand still while the marks move on, as a status does for as long as it holds.
    """
    counted = {line.history.dated_by for line in pair if line.history}
    if counted == {DatedBy.BALANCE}:
        return True
    return len(counted) == 1 and counted <= RELIABLE_DATES and _has_moved_on_with_its_date(*pair)


def _has_moved_on_with_its_date(old: Tradeline, new: Tradeline) -> bool:
    """Whether the marks of both stand under the same months, as far as both reach."""
    before, after = (_marks(line) for line in (old, new))
    return all(before[month] == after[month] for month in before.keys() & after.keys())


def _marks(line: Tradeline) -> dict[date, str]:
    return {payment.month: payment.code for payment in line.history.months()} if line.history else {}


def _months(line: Tradeline) -> dict[date, Bucket]:
    return {payment.month: payment.bucket for payment in line.history.months()} if line.history else {}


def _month_before(month: date) -> date:
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)
