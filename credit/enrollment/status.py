"""The status of a user's enrollment, for the pages."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from compliance.consent import ConsentEvent, Purpose, get_active_consent
from compliance.isolation.tenant import tenant_context
from credit.enrollment import authorization
from credit.models import Enrollment
from credit.statuses import ATTEMPT_TIMEOUT, NEEDS_DETAILS, STALE_AFTER, EnrollmentStatus

RETRIED = frozenset({EnrollmentStatus.RETRYING, EnrollmentStatus.OUTCOME_UNKNOWN})


@dataclass(frozen=True)
class EnrollmentOverview:
    """The status of an enrollment, and since when it has it.

    ``rejected_field`` is the field of the details that the bureau rejected. ``retry_at`` is when a failed pull is
    retried, ``next_pull_at`` when the next pull is scheduled for any reason. From ``eligible_at`` on the user may
    pull; ``None`` means now. ``succeeded_at`` is when the last report was made; there may be one in any status.
    """

    status: EnrollmentStatus
    since: datetime | None = None
    rejected_field: str = ""
    retry_at: datetime | None = None
    next_pull_at: datetime | None = None
    eligible_at: datetime | None = None
    succeeded_at: datetime | None = None
    consent_ends_at: datetime | None = None
    needs_details: bool = False

    def can_pull(self, *, at: datetime) -> bool:
        """Whether the user may pull a report at a time."""
        if self.status in (
            EnrollmentStatus.OFF,
            EnrollmentStatus.NO_CONSENT,
            EnrollmentStatus.CONSENT_OUTDATED,
            EnrollmentStatus.PULLING,
        ):
            return False
        return not self.needs_details and (self.eligible_at is None or self.eligible_at <= at)


def get_overview(*, owner: UUID) -> EnrollmentOverview:
    """Return the overview of one user's enrollment, in two queries."""
    if settings.CREDIT_ENV == "off":
        return EnrollmentOverview(EnrollmentStatus.OFF)
    consent = get_active_consent(user_id=owner, purpose=Purpose.CREDIT_REPORT)
    with tenant_context(owner), transaction.atomic(savepoint=False):
        enrollment = Enrollment.objects.for_user(owner).first()
    return status_for(enrollment, consent, now=timezone.now())


def status_for(enrollment: Enrollment | None, consent: ConsentEvent | None, *, now: datetime) -> EnrollmentOverview:
    """Derive the overview from an enrollment and the newest active consent. Either may be missing."""
    if enrollment is None or enrollment.withdrawn_at is not None:
        return EnrollmentOverview(
            _status_without_enrollment(consent),
            consent_ends_at=consent.expires_at if consent else None,
            succeeded_at=enrollment.succeeded_at if enrollment else None,
        )
    status = (
        _current_status(enrollment, now)
        if consent is not None and is_current(consent)
        else _status_without_enrollment(consent)
    )
    return EnrollmentOverview(
        status=status,
        since=enrollment.status_changed_at,
        rejected_field=enrollment.rejected_field,
        retry_at=enrollment.next_pull_at if status in RETRIED else None,
        next_pull_at=enrollment.next_pull_at,
        eligible_at=enrollment.eligible_at,
        succeeded_at=enrollment.succeeded_at,
        consent_ends_at=consent.expires_at if consent else None,
        needs_details=status in NEEDS_DETAILS,
    )


def is_current(consent: ConsentEvent) -> bool:
    """Whether a consent is to the current text."""
    return consent.version == authorization.VERSION


def _status_without_enrollment(consent: ConsentEvent | None) -> EnrollmentStatus:
    if consent is None:
        return EnrollmentStatus.NO_CONSENT
    return EnrollmentStatus.NOT_PULLED if is_current(consent) else EnrollmentStatus.CONSENT_OUTDATED


def _current_status(enrollment: Enrollment, now: datetime) -> EnrollmentStatus:
    status = EnrollmentStatus(enrollment.status)
    if status is EnrollmentStatus.PULLING and now - enrollment.status_changed_at >= ATTEMPT_TIMEOUT:
        return EnrollmentStatus.OUTCOME_UNKNOWN
    succeeded = enrollment.succeeded_at
    if status is EnrollmentStatus.READY and succeeded is not None and now - succeeded > STALE_AFTER:
        return EnrollmentStatus.STALE
    return status
