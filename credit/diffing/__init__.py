"""What changed from one report to the next: pure functions of two parsed reports.

The same two reports give the same changes in the same order. A first report has no changes.
"""

from collections.abc import Iterator

from django.views.decorators.debug import sensitive_variables

from credit.diffing import accounts, file_details, scores, utilization
from credit.diffing.change import ORDINARY, UNREADABLE_CHANGE, Change, ChangeType, Severity, Thresholds
from credit.diffing.matching import match_accounts
from credit.report import CreditReport

__all__ = ["ORDINARY", "UNREADABLE_CHANGE", "Change", "ChangeType", "NotComparable", "Severity", "Thresholds", "diff"]


class NotComparable(ValueError):
    """The reports are from different bureaus or about different people."""


@sensitive_variables()
def diff(
    previous: CreditReport | None, current: CreditReport, *, thresholds: Thresholds = ORDINARY
) -> tuple[Change, ...]:
    """List the changes, in the order of the pages that show them. Reports with dates may come in either order.

    Raises ``NotComparable``. A report without accounts, such as one of a frozen file, changes only the
    flags: what it does not contain was not removed.
    """
    if previous is None:
        return ()
    if previous.provider != current.provider or _are_different_people(previous, current):
        raise NotComparable
    older, newer = (current, previous) if _is_later(previous, current) else (previous, current)
    return tuple(dict.fromkeys(_changes(older, newer, thresholds)))


def _is_later(report: CreditReport, other: CreditReport) -> bool:
    """Whether a report is dated later than another one. Without a date, the given order counts."""
    return bool(report.reported_on and other.reported_on and report.reported_on > other.reported_on)


def _changes(older: CreditReport, newer: CreditReport, thresholds: Thresholds) -> Iterator[Change]:
    yield from file_details.compare_flags(older, newer)
    if not (_shows_accounts(older) and _shows_accounts(newer)):
        return
    matched = match_accounts(older.tradelines, newer.tradelines)
    yield from scores.compare_scores(older, newer, thresholds)
    yield from accounts.compare_accounts(matched, older, newer)
    yield from accounts.compare_account_fields(matched, thresholds)
    yield from utilization.compare_utilization(matched, older, newer)
    yield from file_details.compare_inquiries(older, newer, thresholds)
    yield from file_details.compare_public_records(older, newer)
    yield from file_details.compare_personal_details(older, newer)


def _are_different_people(older: CreditReport, newer: CreditReport) -> bool:
    return bool(older.consumer_hash and newer.consumer_hash and older.consumer_hash != newer.consumer_hash)


def _shows_accounts(report: CreditReport) -> bool:
    """Whether a report has accounts: one without a hit has none, and one of a frozen file may withhold them."""
    return not report.flags.no_hit and not (report.flags.frozen and not report.tradelines)
