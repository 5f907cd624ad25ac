"""The personal data of credit reports."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from compliance.personal_data import (
    AttachedFiles,
    DataCategory,
    DataHolder,
    ExportFile,
    RestoredRows,
    UnreadableValue,
    WithheldRows,
    register,
)
from compliance.personal_data.processors import DataProcessor, register_processor
from compliance.retention.choosing import start_initial_period
from credit.enrollment.retention_rule import RAW_REPORTS
from credit.models import Enrollment, PullAttempt, RawReport, Report
from credit.pulls import account_deletion
from credit.report import ReportStatus
from credit.stored.documents import (
    DOCUMENT_LEVEL,
    StaleDocument,
    decode_changes,
    encode_report,
    pack,
    unpack,
)
from credit.stored.parsing import UnreadableReport, read_report, unpack_raw_report
from credit.stored.reports import WITHHELD

UNTIL_DELETION: Final = _("Until your account is deleted")

NOT_CHECKED: Final = _("This report may be about another person. Confirm your identity on Credit first.")
NOT_PARSED: Final = _("We couldn't read this report yet, so we couldn't check that it's about you.")


def read_identity(enrollment: Enrollment) -> Any:
    """Read the details for the bureau. Raises ``SealError``."""
    return None if enrollment.identity is None else msgspec.Raw(enrollment.identity.reveal().encode())


def read_body(raw: RawReport) -> bytes:
    """Return a report as the bureau sent it. Raises ``SealError`` and ``UnreadableValue``."""
    try:
        return unpack_raw_report(raw)
    except ValueError:
        raise UnreadableValue from None


def start_retention(user_id: UUID) -> None:
    """Let the period of restored reports begin, as enrolling does: nothing else would ever delete them."""
    if RawReport.objects.for_user(user_id).exists():
        start_initial_period(owner_id=user_id, rule=RAW_REPORTS)


def read_document(stored: Report) -> Any:
    """Return a report as JSON, as pages show it. Raises ``UnreadableValue``."""
    try:
        return msgspec.Raw(unpack(encode_report(read_report(stored))))
    except UnreadableReport:
        raise UnreadableValue from None


def read_changes(stored: Report) -> Any:
    """Return the changes since the previous report as JSON. Raises ``SealError`` and ``UnreadableValue``."""
    if stored.changes is None:
        return None
    try:
        decode_changes(stored.changes)
    except StaleDocument:
        raise UnreadableValue from None
    return msgspec.Raw(unpack(stored.changes.reveal()))


def parse_document(report: bytes) -> Mapping[str, Any]:
    """Return the column of a report. It is empty, and as unreadable as before, if the export could not read it."""
    return {"document": "" if report == b"null" else pack(report, level=DOCUMENT_LEVEL)}


def parse_changes(changes: bytes) -> Mapping[str, Any]:
    """Return the column of a report's changes."""
    return {"changes": None if changes == b"null" else pack(changes, level=DOCUMENT_LEVEL)}


register(
    DataHolder(
        model=Enrollment,
        category=DataCategory.CREDIT,
        label=_("Your details for credit report requests"),
        kept_for=_("Details until you withdraw; status and dates until your account is deleted"),
        exported=(
            "id",
            "identity",
            "ssn",
            "consent_id",
            "status",
            "status_changed_at",
            "rejected_field",
            "pull_day",
            "due_on",
            "succeeded_at",
            "eligible_at",
            "next_pull_at",
            "enrolled_at",
            "withdrawn_at",
        ),
        technical=frozenset({"failures", "unknown_outcomes", "details_corrected"}),
        files=(ExportFile(name="credit/enrollment.jsonl", computed={"identity": read_identity}),),
    ),
    DataHolder(
        model=PullAttempt,
        category=DataCategory.CREDIT,
        label=_("When we requested your credit report"),
        kept_for=UNTIL_DELETION,
        exported=(
            "id",
            "status",
            "trigger",
            "due_on",
            "reference_id",
            "consent_id",
            "consent_version",
            "purpose",
            "inquiry_class",
            "provider",
            "environment",
            "started_at",
            "finished_at",
            "error",
            "code",
        ),
        files=(ExportFile(name="credit/requests.jsonl", restored=RestoredRows()),),
    ),
    DataHolder(
        model=RawReport,
        category=DataCategory.CREDIT,
        label=_("Your credit reports as the bureau sent them"),
        kept_for=_("24 months (730 days), or as long as you choose"),
        exported=(
            "id",
            "attempt_id",
            "body",
            "sha256",
            "size",
            "content_type",
            "http_status",
            "reference_id",
            "fetched_at",
            "provider",
            "endpoint",
            "inquiry_class",
            "purpose",
            "is_sample",
            "confirmed_at",
            "wrong_answers",
        ),
        technical=frozenset({"failed_parser_version"}),
        files=(ExportFile(name="credit/raw_reports.jsonl", restored=RestoredRows(finish=start_retention)),),
        attached=AttachedFiles(
            folder="credit/raw_reports", suffix=".json", read=read_body, attribute="body", write=pack
        ),
        withheld_rows=(
            WithheldRows(rows=Q(report__state=ReportStatus.MISMATCH, confirmed_at=None), reason=NOT_CHECKED),
            WithheldRows(rows=Q(report=None), reason=NOT_PARSED),
        ),
    ),
    DataHolder(
        model=Report,
        category=DataCategory.CREDIT,
        label=_("Your credit reports, scores, and their changes, as our pages show them"),
        kept_for=UNTIL_DELETION,
        exported=(
            "id",
            "raw_id",
            "provider",
            "parser_version",
            "sha256",
            "reference_id",
            "report_date",
            "pulled_at",
            "is_sample",
            "inquiry_class",
            "state",
            "consumer_hash",
            "address_mismatch",
            "ssn_variation",
            "credit_score",
            "score_model",
            "score_indicator",
            "score_exclusion_code",
            "score_percentile",
            "document",
            "changes",
            "confirmed_at",
            "comparable",
        ),
        files=(
            ExportFile(
                name="credit/scores.csv",
                columns=(
                    "report_date",
                    "pulled_at",
                    "credit_score",
                    "score_model",
                    "score_indicator",
                    "score_exclusion_code",
                    "score_percentile",
                    "provider",
                    "id",
                ),
            ),
            ExportFile(
                name="credit/reports.jsonl",
                computed={"document": read_document, "changes": read_changes},
                related=("raw",),
                batch_size=20,
                restored=RestoredRows(parsers={"document": parse_document, "changes": parse_changes}),
            ),
        ),
        withheld_rows=(WithheldRows(rows=WITHHELD, reason=NOT_CHECKED),),
    ),
)
register_processor(DataProcessor(name="credit report pulls", prepare_erasure=account_deletion.prepare_erasure))
