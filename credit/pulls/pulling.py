"""Ask the bureau for one person's report, exactly once for each claim, and keep whatever it answers.

The claim is committed before the call, and the answer before anybody reads it. No transaction is open during the
call. What a killed worker leaves behind is sorted out by the next one that comes by, and never by asking at once.
"""

import logging
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from compliance.isolation.tenant import recheck_connection, tenant_context
from credit import provider
from credit.enrollment.enrolling import DetailsLost, NoConsent, NotEnrolled, locked
from credit.enrollment.schedule import period
from credit.enrollment.status import ATTEMPT_TIMEOUT
from credit.experian.client import connect
from credit.models import AttemptStatus, PullAttempt, RawReport, Trigger
from credit.provider import BureauConfigError, BureauError, PullOptions, Subject
from credit.pulls import attempts, processing
from credit.pulls.attempts import AlreadyUnderWay, NotDue
from credit.report import ReportStatus
from credit.statuses import EnrollmentStatus
from credit.stored.reports import packed

__all__ = ["AlreadyUnderWay", "NoConsent", "NotDue", "NotEnrolled", "Pulled", "pull"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pulled:
    """A report that was made: whether there is something to show, and where it is stored."""

    report_id: UUID
    state: ReportStatus


@sensitive_variables()
def pull(*, owner_id: UUID, trigger: Trigger, subject: Subject | None = None) -> Pulled:
    """Ask for a person's report and store it. ``subject`` is the person with the whole number, just typed.

    Must not run in a transaction. Raises ``NotEnrolled``, ``NoConsent``, ``AlreadyUnderWay`` or ``NotDue`` where
    nothing was asked, and ``BureauError`` where there is no report, or none that can be read yet.
    """
    if settings.CREDIT_ENV == "off":
        raise BureauConfigError("CREDIT_IS_OFF")
    attempts.release_lost(owner_id=owner_id)
    try:
        attempt, about = attempts.claim(owner_id=owner_id, trigger=trigger, subject=subject)
    except NotDue:
        # An answer that nobody has read yet is no reason to ask again, but one to read it.
        processing.catch_up(owner_id=owner_id)
        raise
    except NoConsent:
        attempts.stop_clock(owner_id=owner_id)
        raise
    except DetailsLost:
        attempts.stop_for_details(owner_id=owner_id)
        raise
    raw = keep(attempt=attempt, answer=ask(attempt=attempt, subject=about))
    return Pulled(raw.pk, processing.read(raw=raw))


@sensitive_variables()
def ask(*, attempt: PullAttempt, subject: Subject) -> provider.RawReport:
    """Make the call that an attempt stands for. Raises ``NoConsent`` and ``BureauError``, both written down."""
    try:
        consent = attempts.granted(attempt)
        answer = connect().fetch(subject, consent, PullOptions(attempt.reference_id))
        recheck_connection()
        return answer
    except NoConsent:
        attempts.abandon(attempt=attempt)
        raise
    except BureauError as error:
        recheck_connection()
        attempts.fail(attempt=attempt, error=error)
        raise


def keep(*, attempt: PullAttempt, answer: provider.RawReport) -> RawReport:
    """Store an answer as it came. Whether it can be read is a question for later; that it was made is certain now.

    Raises ``NoConsent``, and stores nothing, where its person withdrew while the call was on its way.
    """
    with tenant_context(attempt.owner_id), transaction.atomic(durable=True):
        enrollment = locked(attempt.owner_id)
        withdrawn = enrollment.withdrawn_at is not None
        attempts.end(attempt=attempt, state=AttemptStatus.MADE, code="WITHDRAWN" if withdrawn else "")
        if not withdrawn:
            raw = _written(attempt, answer)
            enrollment.state, enrollment.state_at = EnrollmentStatus.UNREADABLE, timezone.now()
            enrollment.failures = enrollment.unknowns = 0
            enrollment.eligible_at = answer.fetched_at + period()
            # Should nobody read it now, the clock has it read.
            enrollment.next_pull_at = timezone.now() + ATTEMPT_TIMEOUT
            enrollment.save()
    if withdrawn:
        raise NoConsent
    return raw


def _written(attempt: PullAttempt, answer: provider.RawReport) -> RawReport:
    return RawReport.objects.create(
        owner_id=attempt.owner_id,
        attempt=attempt,
        body=packed(answer.body),
        sha256=answer.sha256,
        size=len(answer.body),
        content_type=answer.content_type,
        http_status=answer.http_status,
        reference_id=answer.reference_id,
        fetched_at=answer.fetched_at,
        provider=answer.provider,
        endpoint=answer.endpoint,
        inquiry_class=answer.inquiry_class,
        purpose=answer.purpose,
        is_sample=answer.is_sample,
    )
