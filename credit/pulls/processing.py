"""Process a raw report: parse it, store the report, compare it, update the enrollment, notify the user.

The same raw report always gives the same rows.
"""

import logging
from datetime import datetime
from uuid import UUID

from django.db import DataError, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from compliance.isolation.tenant import tenant_context
from credit import models
from credit.bureaus import find_bureau
from credit.changes.record import record_changes
from credit.enrollment import transitions
from credit.enrollment.lifecycle import lock_enrollment, lock_user_and_enrollment
from credit.models import Enrollment, RawReport
from credit.provider import MalformedReport, Outcome
from credit.pulls.attempts import notify_if_stopped
from credit.report import ReportStatus
from credit.statuses import EnrollmentStatus
from credit.stored import reports
from credit.stored.parsing import parse_raw_report

logger = logging.getLogger(__name__)


@sensitive_variables()
def process_report(*, raw: RawReport) -> ReportStatus:
    """Process a new raw report, and return the status of its report.

    Raises ``MalformedReport`` if it cannot be parsed. It is kept, and a later parser tries again.
    """
    try:
        report = parse_raw_report(raw)
        with tenant_context(raw.owner_id), transaction.atomic(durable=True):
            enrollment = lock_user_and_enrollment(raw.owner_id)
            if not models.Report.objects.filter(pk=raw.pk).exists():
                stored = reports.store_report(raw=raw, report=report)
                status = inherit_confirmation(enrollment, raw, stored)
                record_changes(stored=stored, report=report, quietly=status is ReportStatus.MISMATCH)
                update_enrollment(enrollment, raw, status)
    except (MalformedReport, DataError) as error:
        mark_unparsed(raw, error)
        raise MalformedReport(_error_code(error), reference_id=raw.reference_id, outcome=Outcome.MADE) from None
    return reports.effective_status(raw=raw, state=report.state)


def update_enrollment(enrollment: Enrollment, raw: RawReport, status: ReportStatus) -> None:
    """Update a locked enrollment for the newest report, and notify the user if they have to act.

    The open transaction has locked the user's row before the enrollment.
    """
    transitions.complete_report(
        enrollment, status, fetched_at=raw.fetched_at, now=timezone.now(), due_on=raw.attempt.due_on
    )
    enrollment.save()
    notify_if_stopped(enrollment, raw.attempt)


def inherit_confirmation(enrollment: Enrollment, raw: RawReport, stored: models.Report) -> ReportStatus:
    """Return the status of a report that was just stored, in the open transaction.

    A report that does not match counts as confirmed if the user, with the same details, has confirmed an earlier
    report of the same file with the same differences.
    """
    if stored.state == ReportStatus.MISMATCH and raw.confirmed_at is None:
        raw.confirmed_at = _earlier_confirmation(enrollment, stored)
        raw.save(update_fields=["confirmed_at"])
    return reports.effective_status(raw=raw, state=ReportStatus(stored.state))


def _earlier_confirmation(enrollment: Enrollment, stored: models.Report) -> datetime | None:
    if not stored.consumer_hash:
        return None
    since = enrollment.enrolled_at
    # The raw report, and the answer with it, may have been deleted since.
    confirmed = models.Report.objects.for_user(stored.owner_id).filter(
        Q(raw__confirmed_at__gte=since) | Q(confirmed_at__gte=since),
        pulled_at__lt=stored.pulled_at,
        provider=stored.provider,
        is_sample=stored.is_sample,
        consumer_hash=stored.consumer_hash,
        address_mismatch=stored.address_mismatch,
        ssn_variation=stored.ssn_variation,
    )
    at = Coalesce("raw__confirmed_at", "confirmed_at")
    return confirmed.order_by("-pulled_at").values_list(at, flat=True).first()


def mark_unparsed(raw: RawReport, error: Exception) -> None:
    """Record that this parser cannot parse a raw report. It counts as a report: the next one is due in a month."""
    logger.error("Raw report %s cannot be parsed: %s", raw.reference_id, _error_code(error))
    with tenant_context(raw.owner_id), transaction.atomic(durable=True):
        enrollment = lock_enrollment(raw.owner_id)
        RawReport.objects.filter(pk=raw.pk).update(failed_parser_version=_parser_version(raw))
        if enrollment.status == EnrollmentStatus.UNPARSED:
            transitions.postpone_unparsed(enrollment, fetched_at=raw.fetched_at, due_on=raw.attempt.due_on)
            enrollment.save()


def _parser_version(raw: RawReport) -> int:
    bureau = find_bureau(raw.provider)
    return 0 if bureau is None else bureau.parser_version


def _error_code(error: Exception) -> str:
    """Return a code that is safe to log. A message of the database may repeat values."""
    return error.code if isinstance(error, MalformedReport) else "DOES_NOT_FIT"


def process_pending(*, owner_id: UUID) -> None:
    """Process the newest raw report if it was not parsed, as after a killed worker or with a newer parser."""
    with tenant_context(owner_id), transaction.atomic(durable=True):
        newest = RawReport.objects.for_user(owner_id).select_related("attempt").order_by("-fetched_at", "-id").first()
        is_pending = newest is not None and not hasattr(newest, "report")
    if newest is not None and is_pending and (newest.failed_parser_version or 0) < _parser_version(newest):
        try:
            process_report(raw=newest)
        except MalformedReport as error:
            logger.warning("Still no report: %s", error)
