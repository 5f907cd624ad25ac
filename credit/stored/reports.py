"""Reports as they are stored: written whole, and read back equal to what was written.

Pages read through here alone. Nothing here opens the raw answer but ``raw``.
"""

import base64
import json
import zlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Case, F, FilteredRelation, Prefetch, Q, QuerySet, Value, When
from msgspec.structs import astuple

from credit import models
from credit.diffing import Change, Severity, Subject
from credit.report import UNREADABLE, Message, Oddity, Report, ReportStatus
from credit.stored.rows import SECTIONS, flag_columns, flags_of

# A report that may be somebody else's, until its person has proved that they know the file.
WITHHELD = Q(state=ReportStatus.MISMATCH, raw__confirmed_at=None)
SHOWN = Q(state=ReportStatus.READY) | Q(state=ReportStatus.MISMATCH, raw__confirmed_at__isnull=False)


@dataclass(frozen=True)
class Kept:
    """A stored report, and how it was come by. One that is not comparable is about somebody else than the last."""

    id: UUID
    pulled_at: datetime
    is_sample: bool
    inquiry_class: str
    report: Report
    comparable: bool = True


@dataclass(frozen=True)
class Listing:
    """A stored report in one line, with the first of its scores. A report may have none.

    ``state`` is ``READY`` for whatever is shown, as a report that did not fit and that its person has confirmed. One
    that is not comparable is about somebody else than the last.
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


class KeptChange(NamedTuple):
    """A stored change, and the report that it came with."""

    report_id: UUID
    reported_on: date | None
    change: Change


# --- Reading ------------------------------------------------------------------------------------------------


def latest(*, owner: UUID) -> Kept | None:
    """Read the newest report that can be shown, whole; ``None`` where there is none yet."""
    shown = whole(owner).filter(SHOWN).order_by("-pulled_at", "-id").first()
    return None if shown is None else _kept(shown)


def kept(*, owner: UUID, report_id: UUID) -> Kept:
    """Read one report whole. Raises ``models.Report.DoesNotExist``, also for somebody else's."""
    return _kept(whole(owner).get(pk=report_id))


def shown_as(*, raw: models.RawReport, state: ReportStatus) -> ReportStatus:
    """What a report counts as: one that does not fit is as good as any, once its person has confirmed it."""
    return ReportStatus.READY if state is ReportStatus.MISMATCH and raw.confirmed_at is not None else state


def several(*, owner: UUID, report_ids: Collection[UUID]) -> dict[UUID, Kept]:
    """Read some reports whole, by their ids, for the cost of one; somebody else's are left out."""
    return {stored.pk: _kept(stored) for stored in whole(owner).filter(pk__in=report_ids)}


def listed(*, owner: UUID) -> list[Listing]:
    """List all reports, newest first."""
    stored = (
        models.Report.objects.for_user(owner)
        .annotate(
            first=FilteredRelation("score", condition=Q(score__position=0)),
            shown_as=Case(When(SHOWN, then=Value(ReportStatus.READY)), default=F("state")),
        )
        .order_by("-pulled_at", "-id")
        .values_list(
            "id", "provider", "report_date", "pulled_at", "shown_as", "is_sample",
            "first__model", "first__indicator", "first__value", "first__exclusion_code", "first__percentile",
            "comparable",
        )
    )  # fmt: skip
    return [
        _withheld(
            Listing(
                *(id_, provider, day, at, ReportStatus(state), sample),
                *(model or "", indicator or "", value, code or "", percent, comparable),
            )
        )
        for id_, provider, day, at, state, sample, model, indicator, value, code, percent, comparable in stored
    ]


def _withheld(listing: Listing) -> Listing:
    """A listing without the score of a report that may be somebody else's."""
    if listing.state is not ReportStatus.MISMATCH:
        return listing
    return replace(listing, model="", indicator="", value=None, exclusion_code="", percentile=None)


def raw(*, owner: UUID, report_id: UUID) -> bytes:
    """Open the bureau's answer behind a report.

    Raises ``models.RawReport.DoesNotExist``, also for somebody else's, and ``SealError``.
    """
    return unpacked(models.RawReport.objects.for_user(owner).get(report=report_id))


def changes(*, owner: UUID, report_id: UUID | None = None) -> list[KeptChange]:
    """List what changed with one report, or with all of them: the newest report first, its changes in their order.

    Changes of a report that may be somebody else's are left out.
    """
    withheld = models.Report.objects.for_user(owner).filter(WITHHELD)
    stored = models.Change.objects.for_user(owner).annotate(reported_on=F("report__report_date"))
    if report_id is not None:
        stored = stored.filter(report=report_id)
    ordered = stored.exclude(report__in=withheld).order_by("-report__pulled_at", "-report_id", "position")
    return [KeptChange(row.report_id, row.reported_on, change_of(row)) for row in ordered]


def change_of(row: models.Change) -> Change:
    """The change that a row keeps."""
    return Change(
        Subject(row.subject), row.entity, Severity(row.severity), row.name, row.before, row.after, row.detail, row.key
    )


def whole(owner: UUID) -> QuerySet[models.Report]:
    """Reports with all their rows: one statement for each kind of row, however many there are."""
    rows = [
        Prefetch(f"{section.model._meta.model_name}_set", section.model.objects.order_by("position"))
        for section in SECTIONS
    ]
    return models.Report.objects.for_user(owner).prefetch_related(*rows)


def _kept(stored: models.Report) -> Kept:
    return Kept(
        id=stored.pk,
        pulled_at=stored.pulled_at,
        is_sample=stored.is_sample,
        inquiry_class=stored.inquiry_class,
        report=report_of(stored),
        comparable=stored.comparable,
    )


def report_of(stored: models.Report) -> Report:
    """The report that a row keeps, with all its rows."""
    rows = {
        section.name: section.read(getattr(stored, f"{section.model._meta.model_name}_set").all())
        for section in SECTIONS
    }
    return Report(
        provider=stored.provider,
        parser_version=stored.parser_version,
        sha256=stored.sha256,
        reported_on=stored.report_date,
        subject=stored.subject,
        consumer_identifier=stored.consumer_identifier.reveal_or(""),
        flags=flags_of(stored),
        messages=_messages(stored),
        totals=tuple((name, value) for name, value in stored.totals),
        warnings=tuple(Oddity(*oddity) for oddity in stored.warnings),
        **rows,
    )


def _messages(stored: models.Report) -> tuple[Message, ...]:
    written = stored.messages.reveal_or("")
    return tuple(Message(*message) for message in json.loads(written)) if written else (Message("", "", UNREADABLE),)


# --- Writing ------------------------------------------------------------------------------------------------


def store(*, raw: models.RawReport, report: Report) -> models.Report:
    """Write down what was read from a raw answer, in the open transaction."""
    stored = models.Report.objects.create(
        # The same in every rebuild, so that addresses of pages hold.
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
        credit_score=report.scores[0].value if report.scores else None,
        subject=report.subject,
        consumer_identifier=report.consumer_identifier,
        messages=json.dumps([astuple(message) for message in report.messages]),
        totals=report.totals,
        warnings=[astuple(warning) for warning in report.warnings],
        **flag_columns(report.flags),
    )
    for section in SECTIONS:
        section.model.objects.bulk_create(section.stored(stored, getattr(report, section.name)))
    return stored


def packed(body: bytes) -> str:
    """Pack a raw answer into text: a report is mostly padding, and shrinks to a tenth."""
    return base64.b64encode(zlib.compress(body, 9)).decode()


def unpacked(raw: models.RawReport) -> bytes:
    """Open and unpack a raw answer. Raises ``SealError``."""
    return zlib.decompress(base64.b64decode(raw.body.reveal()))
