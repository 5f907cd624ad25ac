"""Late payments, compared by calendar month, at any position in the two payment grids."""

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

    A month that only continues a charge-off or similar is ``info``: no further payment was missed.
    """
    before, after = (_months(line) if _is_comparable(pair) else {} for line in pair)
    for month in sorted(after):
        old, new = before.get(month, Bucket.NO_DATA), after[month]
        if new.severity > old.severity:
            change_type = ChangeType.LATE_WORSENED if old.severity else ChangeType.LATE_PAYMENT
            is_continued = new in FINAL_BUCKETS and before.get(_month_before(month)) in FINAL_BUCKETS
            yield _change(change_type, pair.new, month, old, new, Severity.INFO if is_continued else Severity.HIGH)
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
    """Whether both histories are counted from the same kind of date, and not from the report date.

    The report date changes with every report, and so would all months of an account that no longer reports. Dates other
    than the balance date may stay the same while the payment codes move, such as the date of a status.
    """
    counted = {line.history.dated_by for line in pair if line.history}
    if counted == {DatedBy.BALANCE}:
        return True
    return len(counted) == 1 and counted <= RELIABLE_DATES and _codes_agree(*pair)


def _codes_agree(old: Tradeline, new: Tradeline) -> bool:
    """Whether both have the same payment codes in all months that they share."""
    before, after = (_marks(line) for line in (old, new))
    return all(before[month] == after[month] for month in before.keys() & after.keys())


def _marks(line: Tradeline) -> dict[date, str]:
    return {payment.month: payment.code for payment in line.history.months()} if line.history else {}


def _months(line: Tradeline) -> dict[date, Bucket]:
    return {payment.month: payment.bucket for payment in line.history.months()} if line.history else {}


def _month_before(month: date) -> date:
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)
