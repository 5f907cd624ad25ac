"""The right to ask the bureau once, and what is written down when the call has ended.

A claim is a row that is committed before the call and that no second one can stand beside. So whatever happens to
the worker, it is known that a call may have been made: a claim that nobody came back with counts as a call whose
outcome is unknown, and never as one that was not made.
"""

import logging
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import Kind
from compliance.audit import Action, record
from compliance.consent import ConsentEvent, Purpose, living
from compliance.isolation.models import new_id
from compliance.isolation.tenant import tenant_context
from credit.enrollment import instruction
from credit.enrollment.enrolling import WANTS_DETAILS, NoConsent, NotEnrolled, drop_kept_number, locked, opened
from credit.enrollment.schedule import NextPull, next_pull
from credit.enrollment.status import ATTEMPT_TIMEOUT
from credit.models import AttemptStatus, Enrollment, PullAttempt, Trigger
from credit.presentation.status_messages import SITUATIONS
from credit.provider import BureauError, BureauTimeout, ConsentGrant, Outcome, Subject
from credit.pulls.retry_policy import aftermath
from credit.statuses import EnrollmentStatus

logger = logging.getLogger(__name__)

PROVIDER = "experian"


class NotDue(Exception):
    """It is too soon to ask again; ``next_pull_at`` is when one may, or ``None`` while the details stay the same."""

    def __init__(self, next_pull_at: datetime | None) -> None:
        super().__init__(f"Not before {next_pull_at}")
        self.next_pull_at = next_pull_at


class AlreadyUnderWay(Exception):
    """Somebody is asking for this person's report at this moment."""


class Claim(NamedTuple):
    """The right to make one call, and whom it is about."""

    attempt: PullAttempt
    subject: Subject


@sensitive_variables()
def claim(*, owner_id: UUID, trigger: Trigger, subject: Subject | None = None) -> Claim:
    """Take the right to ask once, about the person as they just typed themselves or as they are kept.

    Raises ``NotEnrolled``, ``DetailsLost``, ``NoConsent``, ``AlreadyUnderWay`` and ``NotDue``.
    """
    with tenant_context(owner_id), transaction.atomic(durable=True):
        enrollment = locked(owner_id)
        if enrollment.withdrawn_at is not None:
            raise NotEnrolled
        consent = living_consent(owner_id)
        if PullAttempt.objects.filter(state=AttemptStatus.PENDING).exists():
            raise AlreadyUnderWay
        refuse_too_soon(enrollment, trigger)
        attempt_id, now = new_id(), timezone.now()
        attempt = PullAttempt.objects.create(
            id=attempt_id,
            owner_id=owner_id,
            trigger=trigger,
            due_on=enrollment.due_on,
            reference_id=attempt_id.hex,
            consent_id=consent.pk,
            consent_version=consent.version,
            purpose=settings.EXPERIAN_PERMISSIBLE_PURPOSE,
            inquiry_class=settings.EXPERIAN_INQUIRY_CLASS,
            provider=PROVIDER,
            environment=settings.CREDIT_ENV,
            started_at=now,
        )
        # Should nobody come back with an answer, the clock looks what became of it.
        enrollment.state, enrollment.state_at, enrollment.field = EnrollmentStatus.UNDER_WAY, now, ""
        enrollment.next_pull_at = now + ATTEMPT_TIMEOUT
        enrollment.save()
        return Claim(attempt, subject or opened(enrollment))


def refuse_too_soon(enrollment: Enrollment, trigger: Trigger) -> None:
    """Raise ``NotDue`` unless this person's turn has come and the trigger may use it."""
    if enrollment.state in WANTS_DETAILS or (trigger is Trigger.CLOCK and enrollment.next_pull_at is None):
        raise NotDue(None)
    if enrollment.eligible_at is not None and enrollment.eligible_at > timezone.now():
        raise NotDue(enrollment.eligible_at)


def living_consent(owner_id: UUID) -> ConsentEvent:
    """The person's consent to the words that stand now. Raises ``NoConsent``."""
    consent = living(person_id=owner_id, purpose=Purpose.CREDIT_REPORT, version=instruction.VERSION)
    if consent is None:
        raise NoConsent
    return consent


def granted(attempt: PullAttempt) -> ConsentGrant:
    """The consent behind an attempt as it stands at this moment, for the bureau. Raises ``NoConsent``."""
    consent = living_consent(attempt.owner_id)
    if consent.pk != attempt.consent_id or consent.expires_at is None:
        raise NoConsent
    return ConsentGrant(str(consent.pk), consent.at, consent.expires_at)


# --- Endings ------------------------------------------------------------------------------------------------


def release_lost(*, owner_id: UUID) -> None:
    """End a claim whose worker is gone, as a call whose outcome nobody knows."""
    with tenant_context(owner_id), transaction.atomic(durable=True):
        enrollment = locked(owner_id)
        gone_since = timezone.now() - ATTEMPT_TIMEOUT
        lost = PullAttempt.objects.filter(state=AttemptStatus.PENDING, started_at__lte=gone_since).first()
        if lost is not None:
            error = BureauTimeout("WORKER_LOST", reference_id=lost.reference_id)
            write_failure(enrollment=enrollment, attempt=lost, error=error, at=lost.started_at)


def fail(*, attempt: PullAttempt, error: BureauError) -> None:
    """Write down that a call brought no report, and what follows from it, unless it was given up for lost before."""
    with tenant_context(attempt.owner_id), transaction.atomic(durable=True):
        enrollment = locked(attempt.owner_id)
        attempt.refresh_from_db()
        if attempt.state == AttemptStatus.PENDING:
            write_failure(enrollment=enrollment, attempt=attempt, error=error, at=timezone.now())


def write_failure(*, enrollment: Enrollment, attempt: PullAttempt, error: BureauError, at: datetime) -> None:
    """End an attempt without a report, in the open transaction. The waits that follow begin at ``at``."""
    after = aftermath(error, failures=enrollment.failures, unknowns=enrollment.unknowns)
    end(attempt=attempt, state=AttemptStatus(error.outcome), error=type(error).__name__, code=error.code)
    enrollment.state, enrollment.state_at, enrollment.field = after.state, timezone.now(), getattr(error, "field", "")
    enrollment.eligible_at = at + after.pause
    if after.retry_in is not None:
        enrollment.failures += 1
        enrollment.unknowns += error.outcome is Outcome.UNKNOWN
        wake(enrollment, at + after.retry_in)
    else:
        enrollment.failures = enrollment.unknowns = 0
        wake(enrollment, upcoming(enrollment, attempt, after=at).at if after.monthly else None)
    enrollment.save()
    if after.alarming:
        logger.critical("The bureau takes no request: %s", error)
    if attempt.trigger == Trigger.CLOCK and enrollment.next_pull_at is None:
        tell_person(attempt.owner_id, after.state, fingerprint=f"pull {attempt.pk}")


def abandon(*, attempt: PullAttempt) -> None:
    """End an attempt that was never made, because its consent ended first."""
    with tenant_context(attempt.owner_id), transaction.atomic(durable=True):
        enrollment = locked(attempt.owner_id)
        end(attempt=attempt, state=AttemptStatus.NOT_MADE, error=NoConsent.__name__, code="NO_LIVING_CONSENT")
        enrollment.state, enrollment.state_at, enrollment.next_pull_at = (
            EnrollmentStatus.NOT_PULLED,
            timezone.now(),
            None,
        )
        enrollment.save()


def stop_clock(*, owner_id: UUID) -> None:
    """Ask for no more reports by the clock, and tell the person: their consent has ended.

    A kept number has no purpose without it.
    """
    with tenant_context(owner_id), transaction.atomic(durable=True):
        enrollment = locked(owner_id)
        drop_kept_number(enrollment)
        if enrollment.next_pull_at is None:
            return
        enrollment.next_pull_at = None
        enrollment.save(update_fields=["next_pull_at"])
        tell_person(owner_id, EnrollmentStatus.CONSENT_OUTDATED, fingerprint=f"consent ended {enrollment.consent_id}")


def stop_for_details(*, owner_id: UUID) -> None:
    """Ask for no more reports by the clock, and tell the person: their details cannot be opened any more."""
    with tenant_context(owner_id), transaction.atomic(durable=True):
        enrollment = locked(owner_id)
        enrollment.state, enrollment.state_at, enrollment.field = EnrollmentStatus.DETAILS_LOST, timezone.now(), ""
        wake(enrollment, None)
        enrollment.save()
        tell_person(
            owner_id, EnrollmentStatus.DETAILS_LOST, fingerprint=f"details of {enrollment.enrolled_at.isoformat()} lost"
        )


def end(*, attempt: PullAttempt, state: AttemptStatus, error: str = "", code: str = "") -> None:
    """Close an attempt's row and record it with the person, in the open transaction."""
    attempt.state, attempt.finished_at = state, timezone.now()
    attempt.error, attempt.code = error[:40], code[:100]
    attempt.save(update_fields=["state", "finished_at", "error", "code"])
    record(
        Action.CREDIT_PULL,
        actor=attempt.owner_id if attempt.trigger == Trigger.PERSON else None,
        subject=attempt.owner_id,
        resource="pull_attempt",
        resource_id=str(attempt.pk),
        outcome="ok" if state == AttemptStatus.MADE else "failed",
        reference=attempt.reference_id,
        trigger=attempt.trigger,
        consent=str(attempt.consent_id),
        code=code,
    )


def tell_person(owner_id: UUID, state: EnrollmentStatus, *, fingerprint: str) -> None:
    """Tell a person that the clock cannot go on without them."""
    notify(
        person_id=owner_id,
        kind=Kind.CREDIT_REPORT,
        title=SITUATIONS[state].title,
        url=reverse("credit"),
        fingerprint=fingerprint,
    )


def wake(enrollment: Enrollment, at: datetime | None) -> None:
    """Let the clock ask at a moment, unless the person has withdrawn meanwhile."""
    enrollment.next_pull_at = at if enrollment.withdrawn_at is None else None


def upcoming(enrollment: Enrollment, attempt: PullAttempt, *, after: datetime) -> NextPull:
    """What the clock does next after an attempt that ended at ``after``, and not before anybody may ask again."""
    return next_pull(
        owner=enrollment.owner_id,
        day=enrollment.pull_day,
        after=after,
        due_on=attempt.due_on,
        earliest=enrollment.eligible_at,
    )


def wake_for_next(enrollment: Enrollment, attempt: PullAttempt, *, made_at: datetime) -> None:
    """Let the clock ask for the report after the one that an attempt brought. Repeating it changes nothing."""
    following = upcoming(enrollment, attempt, after=made_at)
    enrollment.due_on = following.due_on
    wake(enrollment, following.at)
