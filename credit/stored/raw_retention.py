"""Delete old raw reports, and keep the reports that were prepared from them.

A raw report stays while it is still needed: until it is parsed, until its document can be decoded by this version, and
until the user has answered the identity check of the newest report.
"""

from datetime import date
from uuid import UUID

from django.db.models import F, OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.isolation import tenant
from compliance.retention import PurgeGroup, PurgePreview
from compliance.retention.rules import PurgeSample
from credit.models import AttemptStatus, Enrollment, PullAttempt, RawReport, Report
from credit.stored.documents import StaleDocument, decode_report
from credit.stored.reports import WITHHELD

SAMPLE_ROWS = 5


def are_raw_reports_stored(*, owner_id: UUID) -> bool:
    """Whether an owner has raw reports, also ones that are still needed, or the bureau may deliver one now.

    If not, no pull begins until the transaction ends.
    """
    enrollments = Enrollment.objects.filter(owner=owner_id)
    is_locked = enrollments.exists() and not enrollments.select_for_update(of=["self"], skip_locked=True).exists()
    is_pulling = PullAttempt.objects.filter(owner=owner_id, status=AttemptStatus.PENDING).exists()
    return is_locked or is_pulling or RawReport.objects.filter(owner=owner_id).exists()


def preview_raw_reports(*, owner_id: UUID, before: date) -> PurgePreview:
    """Count an owner's raw reports of before a day that are not needed any more, in the open transaction."""
    days = [timezone.localdate(report.pulled_at) for report in _list_deletable(owner_id, before)]
    if not days:
        return PurgePreview()
    sample = [PurgeSample(day, _("Original credit report")) for day in days[::-1][:SAMPLE_ROWS]]
    return PurgePreview([PurgeGroup(_("Original credit reports"), len(days), days[0], days[-1])], sample)


def purge_raw_reports(*, owner_id: UUID, before: date, limit: int) -> int:
    """Delete up to ``limit`` of them, the oldest first."""
    with tenant(owner_id):
        raw_ids = [report.raw_id for report in _list_deletable(owner_id, before)[:limit] if report.raw_id is not None]
        answered = RawReport.objects.filter(pk=OuterRef("raw")).values("confirmed_at")
        Report.objects.filter(raw__in=raw_ids).update(confirmed_at=Subquery(answered))
        return RawReport.objects.filter(owner=owner_id, pk__in=raw_ids).delete()[1].get(RawReport._meta.label, 0)


def _list_deletable(owner_id: UUID, before: date) -> list[Report]:
    """Return the reports whose raw report can be deleted, the oldest first."""
    newest = RawReport.objects.for_user(owner_id).order_by("-fetched_at", "-id").values("pk")[:1]
    rows = Report.objects.for_user(owner_id).filter(raw__isnull=False, pulled_at__date__lt=before)
    waiting = rows.filter(WITHHELD, raw=Subquery(newest)).values("pk")
    # The order of rows that were pulled at the same moment is that of their ids.
    reports = rows.exclude(pk__in=waiting).order_by(F("pulled_at").asc(), "id")
    return [report for report in reports if _is_decodable(report)]


def _is_decodable(report: Report) -> bool:
    try:
        decode_report(report.document)
    except StaleDocument:
        return False
    return True
