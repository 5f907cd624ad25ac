"""Attempts to pull a report: one row for each call of the bureau, and what happens when the call has ended.

The row is committed before the call, and a user has at most one pending row. So it is known that a call may have been
made, whatever happens to the worker. An attempt whose worker died counts as a call with an unknown outcome, and never
as a call that was not made.
"""

import logging
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from accounts.users.processing import require_processing
from compliance.audit import Action, record
from compliance.consent import ConsentEvent, Purpose, get_active_consent
from compliance.isolation.models import new_id
from compliance.isolation.tenant import tenant_context
from credit.bureaus import current_bureau
from credit.enrollment import authorization, transitions
from credit.enrollment.details import NotEnrolled, open_details
from credit.enrollment.lifecycle import NoConsent, delete_stored_ssn, lock_enrollment, lock_user_and_enrollment
from credit.models import AttemptStatus, Enrollment, PullAttempt, Trigger
from credit.provider import Applicant, BureauError, BureauTimeout, ConsentGrant
from credit.pulls import retry_policy
from credit.pulls.notification_messages import PullsStoppedMessage
from credit.statuses import ATTEMPT_TIMEOUT, NEEDS_DETAILS, EnrollmentStatus

logger = logging.getLogger(__name__)


class NotDue(Exception):
    """It is too soon to pull again. ``next_pull_at`` says when it is due, or is ``None`` until the details change."""

    def __init__(self, next_pull_at: datetime | None) -> None:
        super().__init__(f"Not before {next_pull_at}")
        self.next_pull_at = next_pull_at


class PullInProgress(Exception):
    """Another pull for this user is in progress."""


class BegunAttempt(NamedTuple):
    """The right to make one call, and the applicant."""

    attempt: PullAttempt
    applicant: Applicant


@sensitive_variables()
def begin_attempt(*, owner_id: UUID, trigger: Trigger, applicant: Applicant | None = None) -> BegunAttempt:
    """Start an attempt to call the bureau once, with ``applicant`` as just typed, or with the stored details.

    Raises ``NotEnrolled``, ``DetailsLost``, ``NoConsent``, ``ProcessingStopped``, ``PullInProgress`` and ``NotDue``.
    """
    with tenant_context(owner_id), transaction.atomic(durable=True):
        require_processing(owner_id)
        enrollment = lock_enrollment(owner_id)
        if enrollment.withdrawn_at is not None:
            raise NotEnrolled
        consent = active_consent(owner_id)
        if PullAttempt.objects.filter(status=AttemptStatus.PENDING).exists():
            raise PullInProgress
        now = timezone.now()
        check_due(enrollment, trigger, now=now)
        attempt = _create_attempt(enrollment, consent, trigger, now=now)
        transitions.begin_pull(enrollment, now=now)
        enrollment.save()
        return BegunAttempt(attempt, applicant or open_details(enrollment))


def _create_attempt(enrollment: Enrollment, consent: ConsentEvent, trigger: Trigger, *, now: datetime) -> PullAttempt:
    attempt_id, bureau = new_id(), current_bureau()
    return PullAttempt.objects.create(
        id=attempt_id,
        owner_id=enrollment.owner_id,
        trigger=trigger,
        due_on=enrollment.due_on,
        reference_id=attempt_id.hex,
        consent_id=consent.pk,
        consent_version=consent.version,
        purpose=bureau.permissible_purpose,
        inquiry_class=bureau.inquiry_class,
        provider=bureau.key,
        environment=bureau.environment,
        started_at=now,
    )


def check_due(enrollment: Enrollment, trigger: Trigger, *, now: datetime) -> None:
    """Raise ``NotDue`` unless a pull is due and the trigger may start it."""
    if enrollment.status in NEEDS_DETAILS or (trigger is Trigger.SCHEDULED and enrollment.next_pull_at is None):
        raise NotDue(None)
    if enrollment.eligible_at is not None and enrollment.eligible_at > now:
        raise NotDue(enrollment.eligible_at)


def active_consent(owner_id: UUID) -> ConsentEvent:
    """Return the user's active consent to the current text. Raises ``NoConsent``."""
    consent = get_active_consent(user_id=owner_id, purpose=Purpose.CREDIT_REPORT, version=authorization.VERSION)
    if consent is None:
        raise NoConsent
    return consent


def consent_grant(attempt: PullAttempt) -> ConsentGrant:
    """Return the consent of an attempt, for the bureau. Raises ``NoConsent`` if it is no longer active."""
    consent = active_consent(attempt.owner_id)
    if consent.pk != attempt.consent_id or consent.expires_at is None:
        raise NoConsent
    return ConsentGrant(str(consent.pk), consent.at, consent.expires_at)


# --- Ends ---------------------------------------------------------------------------------------------------


def expire_lost_attempt(*, owner_id: UUID) -> None:
    """End an attempt whose worker died, as a call with an unknown outcome."""
    with tenant_context(owner_id), transaction.atomic(durable=True):
        enrollment = lock_user_and_enrollment(owner_id)
        started_before = timezone.now() - ATTEMPT_TIMEOUT
        lost = PullAttempt.objects.filter(status=AttemptStatus.PENDING, started_at__lte=started_before).first()
        if lost is not None:
            error = BureauTimeout("WORKER_LOST", reference_id=lost.reference_id)
            _end_without_report(enrollment, lost, error, at=lost.started_at)


def record_failure(*, attempt: PullAttempt, error: BureauError) -> None:
    """Record that a call returned no report, and schedule what follows, unless the attempt has expired."""
    with tenant_context(attempt.owner_id), transaction.atomic(durable=True):
        enrollment = lock_user_and_enrollment(attempt.owner_id)
        attempt.refresh_from_db()
        if attempt.status == AttemptStatus.PENDING:
            _end_without_report(enrollment, attempt, error, at=timezone.now())


def _end_without_report(enrollment: Enrollment, attempt: PullAttempt, error: BureauError, *, at: datetime) -> None:
    """End an attempt in the open transaction. The delays that follow start at ``at``."""
    decision = retry_policy.decide(error, failures=enrollment.failures, unknown_outcomes=enrollment.unknown_outcomes)
    finish_attempt(attempt, AttemptStatus(error.outcome), error=type(error).__name__, code=error.code)
    transitions.fail_pull(
        enrollment,
        decision,
        at=at,
        now=timezone.now(),
        due_on=attempt.due_on,
        rejected_field=getattr(error, "field", ""),
    )
    enrollment.save()
    if decision.needs_operator:
        logger.critical("The bureau takes no request: %s", error)
    notify_if_stopped(enrollment, attempt)


def abandon_attempt(*, attempt: PullAttempt) -> None:
    """End an attempt before its call, because its consent has ended."""
    with tenant_context(attempt.owner_id), transaction.atomic(durable=True):
        enrollment = lock_enrollment(attempt.owner_id)
        finish_attempt(attempt, AttemptStatus.NOT_MADE, error=NoConsent.__name__, code="NO_ACTIVE_CONSENT")
        transitions.abandon_pull(enrollment, now=timezone.now())
        enrollment.save()


def stop_scheduled_pulls(*, owner_id: UUID) -> None:
    """Stop the scheduled pulls and notify the user: their consent has ended.

    A stored Social Security number has no purpose without it.
    """
    with tenant_context(owner_id), transaction.atomic(durable=True):
        enrollment = lock_user_and_enrollment(owner_id)
        delete_stored_ssn(enrollment)
        if enrollment.next_pull_at is None:
            return
        transitions.stop_schedule(enrollment)
        enrollment.save(update_fields=["next_pull_at"])
        notify_user(owner_id, EnrollmentStatus.CONSENT_OUTDATED, fingerprint=f"consent ended {enrollment.consent_id}")


def stop_without_details(*, owner_id: UUID) -> None:
    """Stop the scheduled pulls and notify the user: their details can no longer be decrypted."""
    with tenant_context(owner_id), transaction.atomic(durable=True):
        enrollment = lock_user_and_enrollment(owner_id)
        transitions.lose_details(enrollment, now=timezone.now())
        enrollment.save()
        fingerprint = f"details of {enrollment.enrolled_at.isoformat()} lost"
        notify_user(owner_id, EnrollmentStatus.DETAILS_LOST, fingerprint=fingerprint)


def finish_attempt(attempt: PullAttempt, status: AttemptStatus, *, error: str = "", code: str = "") -> None:
    """Close an attempt and record it in the user's audit trail, in the open transaction."""
    attempt.status, attempt.finished_at = status, timezone.now()
    attempt.error, attempt.code = error[:40], code[:100]
    attempt.save(update_fields=["status", "finished_at", "error", "code"])
    record(
        Action.CREDIT_PULL,
        actor=attempt.owner_id if attempt.trigger == Trigger.USER else None,
        subject=attempt.owner_id,
        resource="pull_attempt",
        resource_id=str(attempt.pk),
        outcome="ok" if status == AttemptStatus.MADE else "failed",
        reference=attempt.reference_id,
        trigger=attempt.trigger,
        consent=str(attempt.consent_id),
        code=code,
    )


# --- Notifications ------------------------------------------------------------------------------------------


def notify_if_stopped(enrollment: Enrollment, attempt: PullAttempt) -> None:
    """Notify the user if a scheduled pull was the last one until they act."""
    is_stopped = enrollment.next_pull_at is None and enrollment.withdrawn_at is None
    if is_stopped and attempt.trigger == Trigger.SCHEDULED:
        notify_user(attempt.owner_id, EnrollmentStatus(enrollment.status), fingerprint=f"pull {attempt.pk}")


def notify_user(owner_id: UUID, status: EnrollmentStatus, *, fingerprint: str) -> None:
    """Notify a user that scheduled pulls stop until they act.

    The open transaction has locked the user's row before the enrollment, because this locks it, too.
    """
    notify(
        user_id=owner_id,
        type=NotificationType.CREDIT_REPORT,
        message=PullsStoppedMessage(status=status),
        url=reverse("credit"),
        fingerprint=fingerprint,
    )
