"""Record the changes since the previous report: compare, store each change once, notify the user once."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from django.urls import reverse

from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from credit import models
from credit.bureaus import find_bureau
from credit.changes.notification_messages import CreditChangeMessage
from credit.diffing import Change, ChangeType, NotComparable, Severity, Thresholds, diff
from credit.report import CreditReport, ReportStatus
from credit.stored.documents import StaleDocument, decode_changes, encode_changes
from credit.stored.parsing import UnreadableReport, read_by_current_parser
from credit.stored.reports import WITHHELD

# These reports hold no account data, so the last report that did is compared as well.
NO_ACCOUNT_DATA = (ReportStatus.FROZEN, ReportStatus.NO_HIT)
NOTIFICATION_TYPES: Mapping[ChangeType, NotificationType] = MappingProxyType(
    dict.fromkeys(ChangeType, NotificationType.CREDIT_ACCOUNT)
    | dict.fromkeys(
        (ChangeType.SCORE_CHANGED, ChangeType.SCORE_APPEARED, ChangeType.SCORE_VANISHED), NotificationType.CREDIT_SCORE
    )
    | dict.fromkeys((ChangeType.INQUIRY_ADDED, ChangeType.INQUIRY_APPEARED), NotificationType.CREDIT_INQUIRY)
    | dict.fromkeys((ChangeType.UTILIZATION_UP, ChangeType.UTILIZATION_DOWN), NotificationType.CREDIT_UTILIZATION)
    | dict.fromkeys(
        (ChangeType.LATE_PAYMENT, ChangeType.LATE_WORSENED, ChangeType.LATE_REMOVED, ChangeType.PAST_DUE),
        NotificationType.CREDIT_PAYMENT,
    )
    | dict.fromkeys(
        (ChangeType.PUBLIC_RECORD_ADDED, ChangeType.PUBLIC_RECORD_CHANGED, ChangeType.COLLECTION_ADDED),
        NotificationType.CREDIT_RECORD,
    )
    | dict.fromkeys(
        (ChangeType.PERSONAL_ADDED, ChangeType.FLAG_ADDED, ChangeType.FLAG_CLEARED), NotificationType.CREDIT_IDENTITY
    )
)


def record_changes(*, stored: models.Report, report: CreditReport, quietly: bool) -> list[Change]:
    """Store the changes since the earlier reports, in the open transaction, and return the new ones.

    ``quietly`` sends no notifications, for a report that is parsed again or withheld. A second call stores nothing.
    """
    try:
        changes_found = changes_since(_earlier_reports(stored), report)
    except NotComparable:
        models.Report.objects.filter(pk=stored.pk).update(comparable=False)
        return []
    known = _stored_fingerprints(stored)
    fingerprints = {change.fingerprint(str(stored.owner_id), report.sha256): change for change in changes_found}
    fresh = {fingerprint: change for fingerprint, change in fingerprints.items() if fingerprint not in known}
    if fresh:
        stored.changes = encode_changes((*_stored_changes(stored), *fresh.values()))
        stored.save(update_fields=["changes"])
    if not quietly:
        notify_of_changes(stored, fresh)
    return list(fresh.values())


def changes_since(earlier: Sequence[CreditReport], report: CreditReport) -> list[Change]:
    """Compare with each of the earlier reports. Raises ``NotComparable`` if one is about another person."""
    bureau = find_bureau(report.provider)
    thresholds = Thresholds(own_codes=frozenset() if bureau is None else bureau.own_subscriber_codes)
    return list(
        dict.fromkeys(
            change for earlier_report in earlier for change in diff(earlier_report, report, thresholds=thresholds)
        )
    )


def _earlier_reports(stored: models.Report) -> list[CreditReport]:
    """Return the previous report and, if that has no account data, the last one that has.

    A report that may be another person's is skipped: a comparison would reveal its content.
    """
    earlier = (
        models.Report.objects.for_user(stored.owner_id)
        .filter(provider=stored.provider, is_sample=stored.is_sample, pulled_at__lt=stored.pulled_at)
        .exclude(WITHHELD)
        .order_by("-pulled_at", "-id")
    )
    last = earlier.first()
    if last is None:
        return []
    last_with_accounts = earlier.exclude(state__in=NO_ACCOUNT_DATA).first() if last.state in NO_ACCOUNT_DATA else None
    return [report for report in map(_read_or_none, (last, last_with_accounts)) if report is not None]


def _read_or_none(stored: models.Report | None) -> CreditReport | None:
    try:
        return None if stored is None else read_by_current_parser(stored)
    except UnreadableReport:
        return None


def _stored_fingerprints(stored: models.Report) -> set[str]:
    """Return the fingerprints of changes that are stored with this report, or with another one of the same bytes."""
    same = models.Report.objects.for_user(stored.owner_id).filter(sha256=stored.sha256, changes__isnull=False)
    return {
        change.fingerprint(str(stored.owner_id), stored.sha256)
        for report in same.defer("document")
        for change in _stored_changes(report)
    }


def _stored_changes(stored: models.Report) -> tuple[Change, ...]:
    try:
        return decode_changes(stored.changes) if stored.changes else ()
    except StaleDocument:
        return ()


def notify_of_changes(stored: models.Report, changes: Mapping[str, Change]) -> None:
    """Notify the user of every change above the severity ``INFO``."""
    for fingerprint, change in changes.items():
        if change.severity is not Severity.INFO:
            notify(
                user_id=stored.owner_id,
                type=NOTIFICATION_TYPES[change.type],
                message=CreditChangeMessage(change=change),
                url=reverse("credit_changes"),
                fingerprint=fingerprint,
            )
