"""From a stored answer to the rows that pages show. The same answer gives the same rows, today and in ten years."""

import logging
from datetime import datetime
from uuid import UUID

from django.db import DataError, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from compliance.isolation.tenant import tenant_context
from credit import models
from credit.changes.record import compare
from credit.enrollment.enrolling import locked
from credit.experian.normalize import PARSER_VERSION
from credit.models import Enrollment, RawReport
from credit.provider import MalformedReport, Outcome
from credit.pulls import attempts
from credit.pulls.retry_policy import PAUSE
from credit.report import ReportStatus
from credit.statuses import EnrollmentStatus
from credit.stored import reports
from credit.stored.parsing import parse

logger = logging.getLogger(__name__)

# An empty answer uses nothing up: the person may ask again once the file is open, or the details are others.
EMPTY = frozenset({ReportStatus.FROZEN, ReportStatus.NO_HIT})


@sensitive_variables()
def read(*, raw: RawReport) -> ReportStatus:
    """Read the answer that has just come, store its rows, and settle what follows from it.

    Returns what it counts as. Raises ``MalformedReport`` where it cannot be read: the answer is kept, and read again
    by a later parser.
    """
    try:
        report = parse(raw)
        with tenant_context(raw.owner_id), transaction.atomic(durable=True):
            enrollment = locked(raw.owner_id)
            if not models.Report.objects.filter(pk=raw.pk).exists():
                stored = reports.store(raw=raw, report=report)
                state = carried_over(enrollment=enrollment, raw=raw, stored=stored)
                compare(stored=stored, report=report, quietly=state is ReportStatus.MISMATCH)
                settle(enrollment=enrollment, raw=raw, state=state)
    except (MalformedReport, DataError) as error:
        give_up(raw=raw, error=error)
        raise MalformedReport(_code(error), reference_id=raw.reference_id, outcome=Outcome.MADE) from None
    return reports.shown_as(raw=raw, state=report.state)


def carried_over(*, enrollment: Enrollment, raw: RawReport, stored: models.Report) -> ReportStatus:
    """What a report counts as that has just been read, in the open transaction.

    One that does not fit is confirmed already where its person has, by the same details, confirmed an earlier report
    of the very same file that differed in the same way.
    """
    if stored.state == ReportStatus.MISMATCH and raw.confirmed_at is None:
        raw.confirmed_at = _confirmed_before(enrollment, stored)
        raw.save(update_fields=["confirmed_at"])
    return reports.shown_as(raw=raw, state=ReportStatus(stored.state))


def _confirmed_before(enrollment: Enrollment, stored: models.Report) -> datetime | None:
    if not stored.subject:
        return None
    earlier = RawReport.objects.for_user(stored.owner_id).filter(
        confirmed_at__gte=enrollment.enrolled_at,
        fetched_at__lt=stored.pulled_at,
        report__provider=stored.provider,
        report__is_sample=stored.is_sample,
        report__subject=stored.subject,
        report__address_mismatch=stored.address_mismatch,
        report__ssn_variation=stored.ssn_variation,
    )
    return earlier.order_by("-fetched_at").values_list("confirmed_at", flat=True).first()


def settle(*, enrollment: Enrollment, raw: RawReport, state: ReportStatus) -> None:
    """Write down what a report that can be read leads to, in the open transaction."""
    enrollment.state, enrollment.state_at, enrollment.field = EnrollmentStatus(state), timezone.now(), ""
    if state in EMPTY:
        enrollment.eligible_at = raw.fetched_at + PAUSE
        attempts.wake(enrollment, None)
    else:
        if enrollment.succeeded_at is None:
            enrollment.pull_day = raw.fetched_at.day
        enrollment.succeeded_at = raw.fetched_at
        enrollment.corrected = enrollment.corrected and state is ReportStatus.MISMATCH
        if state is ReportStatus.MISMATCH:
            attempts.wake(enrollment, None)
        else:
            attempts.wake_for_next(enrollment, raw.attempt, made_at=raw.fetched_at)
    enrollment.save()
    needs_person = enrollment.next_pull_at is None and enrollment.withdrawn_at is None
    if needs_person and raw.attempt.trigger == models.Trigger.CLOCK:
        attempts.tell_person(raw.owner_id, EnrollmentStatus(enrollment.state), fingerprint=f"pull {raw.attempt_id}")


def give_up(*, raw: RawReport, error: Exception) -> None:
    """Note that this parser cannot read an answer. It was made all the same: the next one is due in a month."""
    logger.error("Report %s cannot be read: %s", raw.reference_id, _code(error))
    with tenant_context(raw.owner_id), transaction.atomic(durable=True):
        enrollment = locked(raw.owner_id)
        RawReport.objects.filter(pk=raw.pk).update(unread_by=PARSER_VERSION)
        if enrollment.state == EnrollmentStatus.UNREADABLE:
            attempts.wake_for_next(enrollment, raw.attempt, made_at=raw.fetched_at)
            enrollment.save()


def _code(error: Exception) -> str:
    """A word for what kept an answer from being read. What the database says may repeat what stood there."""
    return error.code if isinstance(error, MalformedReport) else "DOES_NOT_FIT"


def catch_up(*, owner_id: UUID) -> None:
    """Read the newest answer if nobody has, as where its worker was killed or a new parser has come."""
    with tenant_context(owner_id), transaction.atomic(durable=True):
        newest = RawReport.objects.for_user(owner_id).select_related("attempt").order_by("-fetched_at", "-id").first()
        waits = newest is not None and not hasattr(newest, "report") and (newest.unread_by or 0) < PARSER_VERSION
    if newest is not None and waits:
        try:
            read(raw=newest)
        except MalformedReport as error:
            logger.warning("Still no report: %s", error)
