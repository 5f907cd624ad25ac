"""Enroll a user who has an active consent, and withdraw.

A Social Security number is stored only if the user chooses so, and only as long as it is needed.
"""

from uuid import UUID

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.models import User
from compliance.audit import Action, record
from compliance.consent import Purpose, get_active_consent, withdraw
from compliance.isolation import tenant
from compliance.personal_data.account_lock import lock_account
from compliance.retention.choosing import start_initial_period
from credit.enrollment import authorization, transitions
from credit.enrollment.details import NotEnrolled, digits_of, serialize
from credit.enrollment.retention_rule import RAW_REPORTS
from credit.models import Enrollment
from credit.provider import Applicant

SSN_LENGTH = 9


class NoConsent(Exception):
    """The user has no active consent to the current text of the authorization."""


@sensitive_variables()
def enroll(*, user: User, applicant: Applicant, keep_ssn: bool, consent_id: UUID) -> Enrollment:
    """Replace a user's details. ``keep_ssn`` also stores the full Social Security number, sealed.

    Raises ``NoConsent`` unless the consent is the user's active one.
    """
    with tenant(user.pk):
        now = timezone.now()
        consent = get_active_consent(user_id=user.pk, purpose=Purpose.CREDIT_REPORT, version=authorization.VERSION)
        if consent is None or consent.pk != consent_id:
            raise NoConsent
        Enrollment.objects.get_or_create(owner=user, defaults={"pull_day": now.day})
        enrollment = lock_enrollment(user.pk)
        number = digits_of(applicant.ssn)
        transitions.change_details(
            enrollment,
            identity=serialize(applicant),
            ssn=number if keep_ssn and len(number) == SSN_LENGTH else None,
            consent_id=consent_id,
            now=now,
        )
        enrollment.save()
        start_initial_period(owner_id=user.pk, rule=RAW_REPORTS)
        if enrollment.ssn is not None:
            record(Action.CREDENTIAL_STORE, actor=user, subject=user, resource="ssn", resource_id=str(enrollment.pk))
    return enrollment


def withdraw_enrollment(*, user: User) -> None:
    """Withdraw: stop all pulls, and delete the details and the Social Security number. Safe to repeat.

    Reports stay, so that the user can read them, and so does the record of consents and pulls.
    """
    with tenant(user.pk):
        withdraw(user=user, purpose=Purpose.CREDIT_REPORT)
        enrollment = Enrollment.objects.for_user(user).select_for_update(of=["self"]).first()
        if enrollment is None or enrollment.withdrawn_at is not None:
            return
        delete_stored_ssn(enrollment)
        transitions.withdraw(enrollment, now=timezone.now())
        enrollment.save()
        record(Action.CREDIT_FORGOTTEN, actor=user, subject=user, resource="enrollment", resource_id=str(enrollment.pk))


def delete_ssn(*, owner_id: UUID) -> None:
    """Delete the stored Social Security number of an inactive user. The last four digits stay."""
    with tenant(owner_id):
        delete_stored_ssn(lock_enrollment(owner_id))


def delete_stored_ssn(enrollment: Enrollment) -> None:
    """Delete the number of a locked enrollment, if there is one, in the open transaction."""
    if enrollment.ssn is not None:
        transitions.delete_ssn(enrollment)
        enrollment.save(update_fields=["ssn"])
        record(Action.CREDENTIAL_DELETE, subject=enrollment.owner_id, resource="ssn", resource_id=str(enrollment.pk))


def lock_user_and_enrollment(owner_id: UUID) -> Enrollment:
    """Lock a user's row, then their enrollment, as a transaction needs that may notify them. Raises ``NotEnrolled``."""
    lock_account(owner_id)
    return lock_enrollment(owner_id)


def lock_enrollment(owner_id: UUID) -> Enrollment:
    """Lock a user's enrollment for the rest of the open transaction. Raises ``NotEnrolled`` if there is none."""
    enrollment = Enrollment.objects.for_user(owner_id).select_for_update(of=["self"]).first()
    if enrollment is None:
        raise NotEnrolled
    return enrollment
