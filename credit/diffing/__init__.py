"""What changed from one report to the next: pure rules over two normalized reports, and nothing else.

The same two reports give the same changes in the same order. The first report of a person changes nothing.
"""

from collections.abc import Iterator

from django.views.decorators.debug import sensitive_variables

from credit.diffing import accounts, file_details, scores, utilization
from credit.diffing.change import ORDINARY, UNREADABLE_CHANGE, Change, ChangeType, Severity, Thresholds
from credit.diffing.matching import match_accounts
from credit.report import CreditReport

__all__ = ["ORDINARY", "UNREADABLE_CHANGE", "Change", "ChangeType", "NotComparable", "Severity", "Thresholds", "diff"]


class NotComparable(ValueError):
    """Two reports of different bureaus or people say nothing about each other."""


@sensitive_variables()
def diff(
    previous: CreditReport | None, current: CreditReport, *, thresholds: Thresholds = ORDINARY
) -> tuple[Change, ...]:
    """List what changed, in the order of the pages that show it. Dated reports may come in either order.

    Raises ``NotComparable``. A report that has nothing to show, such as a frozen file, changes nothing but the
    flags: what it leaves out is not gone.
    """
    if previous is None:
        return ()
    if previous.provider != current.provider or _are_different_people(previous, current):
        raise NotComparable
    older, newer = (current, previous) if _is_later(previous, current) else (previous, current)
    return tuple(dict.fromkeys(_changes(older, newer, thresholds)))


def _is_later(report: CreditReport, other: CreditReport) -> bool:
    """Whether a report says that it is later than another one. One that says no date is in its place."""
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
    """A file without a hit, or a frozen one that holds its accounts back, is silent about them."""
    return not report.flags.no_hit and not (report.flags.frozen and not report.tradelines)
