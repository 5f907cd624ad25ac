"""Store reports, and read them back as equal structs.

Pages read reports only through this module. Only ``get_raw_report`` reads raw reports, unless a document is stale.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Case, F, Q, Value, When

from credit import models
from credit.diffing import UNREADABLE_CHANGE, Change
from credit.report import CreditReport, ReportStatus
from credit.stored.documents import StaleDocument, decode_changes, encode_report
from credit.stored.parsing import UnreadableReport, read_report, unpack_raw_report

# A report that may be another person's, until the user has passed the identity check.
WITHHELD = Q(state=ReportStatus.MISMATCH, raw__confirmed_at=None, confirmed_at=None)
IS_CONFIRMED = Q(raw__confirmed_at__isnull=False) | Q(confirmed_at__isnull=False)
SHOWN = Q(state=ReportStatus.READY) | Q(IS_CONFIRMED, state=ReportStatus.MISMATCH)


@dataclass(frozen=True)
class StoredReport:
    """A stored report, and how it was obtained. ``comparable`` is false if it is about another person than the last."""

    id: UUID
    pulled_at: datetime
    is_sample: bool
    inquiry_class: str
    report: CreditReport
    comparable: bool = True


@dataclass(frozen=True)
class ReportSummary:
    """A stored report in one line, with the first of its scores. A report may have none.

    ``state`` is ``READY`` for every report that can be shown, also for one that did not match and that the user has
    confirmed. ``comparable`` is false if it is about another person than the last.
    """

    id: UUID
    provider: str
    reported_on: date | None
    pulled_at: datetime
    state: ReportStatus
    is_sample: bool
    model: str
    indicator: str
    value: int | None
    exclusion_code: str
    percentile: int | None
    comparable: bool = True


class StoredChange(NamedTuple):
    """A stored change, and the report that it came with."""

    report_id: UUID
    reported_on: date | None
    change: Change


# --- Reading ------------------------------------------------------------------------------------------------


def get_latest_report(*, owner: UUID) -> StoredReport | None:
    """Read the newest report that can be shown; ``None`` if there is none yet, or it cannot be read."""
    shown = models.Report.objects.for_user(owner).filter(SHOWN).order_by("-pulled_at", "-id").first()
    try:
        return None if shown is None else _read(shown)
    except UnreadableReport:
        return None


def has_report(*, owner: UUID) -> bool:
    """Whether there is a report to show. It may still be unreadable."""
    return models.Report.objects.for_user(owner).filter(SHOWN).exists()


def get_report(*, owner: UUID, report_id: UUID) -> StoredReport:
    """Read one report. Raises ``models.Report.DoesNotExist``, also for another user's, and ``UnreadableReport``."""
    return _read(models.Report.objects.for_user(owner).get(pk=report_id))


def get_reports(*, owner: UUID, report_ids: Collection[UUID]) -> dict[UUID, StoredReport]:
    """Read reports by their ids in one query. Unreadable ones and other users' are left out."""
    stored = models.Report.objects.for_user(owner).filter(pk__in=report_ids)
    return {report.id: report for report in map(_read_or_none, stored) if report is not None}


def effective_status(*, raw: models.RawReport, state: ReportStatus) -> ReportStatus:
    """Return the status for pages: a report that does not match is ``READY`` once the user has confirmed it."""
    return ReportStatus.READY if state is ReportStatus.MISMATCH and raw.confirmed_at is not None else state


def list_reports(*, owner: UUID) -> list[ReportSummary]:
    """List all reports, newest first. The score of a report that may be another person's is left out."""
    columns = (
        "id", "provider", "report_date", "pulled_at", "effective_status", "is_sample", "comparable",
        "score_model", "score_indicator", "credit_score", "score_exclusion_code", "score_percentile",
    )  # fmt: skip
    stored = models.Report.objects.for_user(owner).annotate(
        effective_status=Case(When(SHOWN, then=Value(ReportStatus.READY)), default=F("state"))
    )
    return [_summarize(row) for row in stored.order_by("-pulled_at", "-id").values(*columns)]


def _summarize(row: dict[str, Any]) -> ReportSummary:
    state = ReportStatus(row["effective_status"])
    is_withheld = state is ReportStatus.MISMATCH
    return ReportSummary(
        id=row["id"],
        provider=row["provider"],
        reported_on=row["report_date"],
        pulled_at=row["pulled_at"],
        state=state,
        is_sample=row["is_sample"],
        model="" if is_withheld else row["score_model"],
        indicator="" if is_withheld else row["score_indicator"],
        value=None if is_withheld else row["credit_score"],
        exclusion_code="" if is_withheld else row["score_exclusion_code"],
        percentile=None if is_withheld else row["score_percentile"],
        comparable=row["comparable"],
    )


def get_raw_report(*, owner: UUID, report_id: UUID) -> bytes:
    """Return the bytes of a report's raw report.

    Raises ``models.RawReport.DoesNotExist``, also for another user's, and ``SealError``.
    """
    return unpack_raw_report(models.RawReport.objects.for_user(owner).get(report=report_id))


def list_changes(*, owner: UUID, report_id: UUID | None = None) -> list[StoredChange]:
    """List the changes of one report or of all, newest report first, each report's changes in their stored order.

    Changes of a report that may be another person's are left out.
    """
    stored = models.Report.objects.for_user(owner).filter(changes__isnull=False).exclude(WITHHELD)
    if report_id is not None:
        stored = stored.filter(pk=report_id)
    return [
        StoredChange(report.pk, report.report_date, change)
        for report in stored.defer("document").order_by("-pulled_at", "-id")
        for change in _changes(report)
    ]


def _changes(stored: models.Report) -> tuple[Change, ...]:
    try:
        return decode_changes(stored.changes)
    except StaleDocument:
        return (UNREADABLE_CHANGE,)


def _read_or_none(stored: models.Report) -> StoredReport | None:
    try:
        return _read(stored)
    except UnreadableReport:
        return None


def _read(stored: models.Report) -> StoredReport:
    return StoredReport(
        id=stored.pk,
        pulled_at=stored.pulled_at,
        is_sample=stored.is_sample,
        inquiry_class=stored.inquiry_class,
        report=read_report(stored),
        comparable=stored.comparable,
    )


# --- Writing ------------------------------------------------------------------------------------------------


def store_report(*, raw: models.RawReport, report: CreditReport) -> models.Report:
    """Store a report that was parsed from a raw report, in the open transaction."""
    score = report.scores[0] if report.scores else None
    return models.Report.objects.create(
        # The same id after every rebuild, so that URLs stay valid.
        id=raw.pk,
        owner_id=raw.owner_id,
        raw=raw,
        provider=report.provider,
        parser_version=report.parser_version,
        sha256=report.sha256,
        reference_id=raw.reference_id,
        report_date=report.reported_on,
        pulled_at=raw.fetched_at,
        is_sample=raw.is_sample,
        inquiry_class=raw.inquiry_class,
        state=report.state,
        consumer_hash=report.consumer_hash,
        address_mismatch=report.flags.address_mismatch,
        ssn_variation=report.flags.ssn_variation,
        credit_score=score.value if score else None,
        score_model=score.model if score else "",
        score_indicator=score.indicator if score else "",
        score_exclusion_code=score.exclusion_code if score else "",
        score_percentile=score.percentile if score else None,
        document=encode_report(report),
    )
