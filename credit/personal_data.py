"""The personal data of credit reports."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from compliance.personal_data import DataCategory, DataHolder, register
from compliance.personal_data.processors import DataProcessor, register_processor
from credit.models import Enrollment, PullAttempt, RawReport, Report
from credit.pulls import account_deletion

UNTIL_DELETION: Final = _("Until your account is deleted")

register(
    DataHolder(
        model=Enrollment,
        category=DataCategory.CREDIT,
        label=_("Your details for credit report requests"),
        kept_for=_("Until you withdraw your authorization"),
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
    ),
    DataHolder(
        model=RawReport,
        category=DataCategory.CREDIT,
        label=_("Your credit reports as the bureau sent them"),
        kept_for=UNTIL_DELETION,
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
            "comparable",
        ),
    ),
)
register_processor(DataProcessor(name="credit report pulls", prepare_erasure=account_deletion.prepare_erasure))
