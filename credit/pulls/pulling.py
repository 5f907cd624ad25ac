"""Pull one user's report: call the bureau exactly once for each attempt, and store the response.

The attempt is committed before the call, and the raw report before it is parsed. No transaction is open during the
call. After a killed worker, the next pull continues; the bureau is never called again immediately.
"""

import logging
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.users.processing import ProcessingStopped
from compliance.isolation.tenant import recheck_connection, tenant_context
from credit import provider
from credit.bureaus import bureau_for, current_bureau
from credit.enrollment import transitions
from credit.enrollment.details import DetailsLost, NotEnrolled
from credit.enrollment.lifecycle import NoConsent, lock_enrollment
from credit.models import AttemptStatus, PullAttempt, RawReport, Trigger
from credit.provider import Applicant, BureauConfigError, BureauError, PullOptions
from credit.pulls import attempts, processing
from credit.pulls.attempts import NotDue, PullInProgress
from credit.report import ReportStatus
from credit.stored.documents import pack

__all__ = ["NoConsent", "NotDue", "NotEnrolled", "ProcessingStopped", "PullInProgress", "PullResult", "pull"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PullResult:
    """A report that was made: its status, and where it is stored."""

    report_id: UUID
    status: ReportStatus


@sensitive_variables()
def pull(*, owner_id: UUID, trigger: Trigger, applicant: Applicant | None = None) -> PullResult:
    """Pull a user's report and store it. ``applicant`` has the details as just typed, with the full number.

    Must not run in a transaction. Raises ``NotEnrolled``, ``NoConsent``, ``ProcessingStopped``, ``PullInProgress`` or
    ``NotDue`` if the bureau was not called, and ``BureauError`` if there is no report, or none that can be parsed yet.
    """
    if current_bureau().environment == "off":
        raise BureauConfigError("CREDIT_IS_OFF")
    attempts.expire_lost_attempt(owner_id=owner_id)
    try:
        attempt, details = attempts.begin_attempt(owner_id=owner_id, trigger=trigger, applicant=applicant)
    except NotDue:
        # If a raw report is not parsed yet, parse it instead of pulling again.
        processing.process_pending(owner_id=owner_id)
        raise
    except NoConsent:
        attempts.stop_scheduled_pulls(owner_id=owner_id)
        raise
    except DetailsLost:
        attempts.stop_without_details(owner_id=owner_id)
        raise
    raw = store_raw_report(attempt=attempt, response=call_bureau(attempt=attempt, applicant=details))
    return PullResult(raw.pk, processing.process_report(raw=raw))


@sensitive_variables()
def call_bureau(*, attempt: PullAttempt, applicant: Applicant) -> provider.BureauResponse:
    """Call the bureau for an attempt. Raises ``NoConsent`` and ``BureauError``; both are recorded."""
    try:
        consent = attempts.consent_grant(attempt)
        response = bureau_for(attempt.provider).connect().fetch(applicant, consent, PullOptions(attempt.reference_id))
        recheck_connection()
        return response
    except NoConsent:
        attempts.abandon_attempt(attempt=attempt)
        raise
    except BureauError as error:
        recheck_connection()
        attempts.record_failure(attempt=attempt, error=error)
        raise


def store_raw_report(*, attempt: PullAttempt, response: provider.BureauResponse) -> RawReport:
    """Store a raw report as it came, before it is parsed: from now on it is certain that a report was made.

    Raises ``NoConsent``, and stores nothing, if the user withdrew during the call.
    """
    with tenant_context(attempt.owner_id), transaction.atomic(durable=True):
        enrollment = lock_enrollment(attempt.owner_id)
        is_withdrawn = enrollment.withdrawn_at is not None
        attempts.finish_attempt(attempt, AttemptStatus.MADE, code="WITHDRAWN" if is_withdrawn else "")
        if not is_withdrawn:
            raw = _create_raw_report(attempt, response)
            transitions.store_raw_report(enrollment, fetched_at=response.fetched_at, now=timezone.now())
            enrollment.save()
    if is_withdrawn:
        raise NoConsent
    return raw


def _create_raw_report(attempt: PullAttempt, response: provider.BureauResponse) -> RawReport:
    return RawReport.objects.create(
        owner_id=attempt.owner_id,
        attempt=attempt,
        body=pack(response.body),
        sha256=response.sha256,
        size=len(response.body),
        content_type=response.content_type,
        http_status=response.http_status,
        reference_id=response.reference_id,
        fetched_at=response.fetched_at,
        provider=response.provider,
        endpoint=response.endpoint,
        inquiry_class=response.inquiry_class,
        purpose=response.purpose,
        is_sample=response.is_sample,
    )
