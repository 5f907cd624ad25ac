"""Who wants to see their file: their details, sealed, on the word of a living consent, and the way out again.

A Social Security number is written down only if its owner wants that, and never longer than it is of use to them.
"""

import json
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.models import User
from compliance.audit import Action, record
from compliance.consent import Purpose, living, withdraw
from compliance.isolation import tenant
from credit.enrollment import instruction
from credit.models import Enrollment
from credit.provider import Subject
from credit.statuses import EnrollmentStatus

WHOLE_NUMBER = 9
# What only other details can change, and what they may change.
WANTS_DETAILS = frozenset({EnrollmentStatus.NO_HIT, EnrollmentStatus.INPUT, EnrollmentStatus.DETAILS_LOST})
ABOUT_DETAILS = WANTS_DETAILS | {EnrollmentStatus.MISMATCH}


class NoConsent(Exception):
    """The person has not agreed to the words that stand now, or not any more."""


class NotEnrolled(Exception):
    """The person has given no details, or took them back."""


class DetailsLost(NotEnrolled):
    """The person's details are kept sealed, and cannot be opened."""


@sensitive_variables()
def enroll(*, user: User, subject: Subject, keep_ssn: bool, consent_id: UUID) -> Enrollment:
    """Keep a person's details in the place of earlier ones. ``keep_ssn`` keeps the whole number too, sealed.

    Other details bring no second report in the same month, unless the first did not fit. Raises ``NoConsent``.
    """
    now = timezone.now()
    with tenant(user.pk):
        consent = living(person_id=user.pk, purpose=Purpose.CREDIT_REPORT, version=instruction.VERSION)
        if consent is None or consent.pk != consent_id:
            raise NoConsent
        Enrollment.objects.get_or_create(owner=user, defaults={"pull_day": now.day})
        enrollment = locked(user.pk)
        number = _digits(subject.ssn)
        enrollment.identity = _written(subject)
        enrollment.ssn = number if keep_ssn and len(number) == WHOLE_NUMBER else None
        _begin_again(enrollment, now)
        enrollment.consent_id, enrollment.enrolled_at, enrollment.withdrawn_at = consent_id, now, None
        enrollment.save()
        if enrollment.ssn is not None:
            record(Action.CREDENTIAL_STORE, actor=user, subject=user, resource="ssn", resource_id=str(enrollment.pk))
    return enrollment


def _begin_again(enrollment: Enrollment, now: datetime) -> None:
    """Open what other details may open. The first report is asked for by the person, who just typed the number."""
    returns = enrollment.withdrawn_at is not None
    if enrollment.state == EnrollmentStatus.MISMATCH and not enrollment.corrected:
        enrollment.eligible_at, enrollment.corrected = None, True
    # The same details, given again, are no reason to ask sooner.
    if enrollment.state in WANTS_DETAILS - {EnrollmentStatus.DETAILS_LOST}:
        enrollment.eligible_at = None
    if enrollment.state in ABOUT_DETAILS or (returns and enrollment.succeeded_at is None):
        enrollment.state, enrollment.state_at, enrollment.field = EnrollmentStatus.NOT_PULLED, now, ""
    if enrollment.succeeded_at is None:
        enrollment.pull_day, enrollment.next_pull_at = now.day, None
    elif enrollment.next_pull_at is None:
        enrollment.next_pull_at = enrollment.eligible_at or now


def forget(*, user: User) -> None:
    """Withdraw: nothing is asked from now on, and neither number nor details are kept. Repeating it does nothing.

    Reports stay, for their owner to read or delete, and so does the record of what was agreed to and asked.
    """
    with tenant(user.pk):
        withdraw(person=user, purpose=Purpose.CREDIT_REPORT)
        enrollment = Enrollment.objects.for_user(user).select_for_update(of=["self"]).first()
        if enrollment is None or enrollment.withdrawn_at is not None:
            return
        drop_kept_number(enrollment)
        enrollment.identity = enrollment.next_pull_at = None
        enrollment.withdrawn_at = timezone.now()
        enrollment.save()
        record(Action.CREDIT_FORGOTTEN, actor=user, subject=user, resource="enrollment", resource_id=str(enrollment.pk))


def drop_number(*, owner_id: UUID) -> None:
    """Forget a kept Social Security number whose owner has stayed away. The last four are enough to go on with."""
    with tenant(owner_id):
        drop_kept_number(locked(owner_id))


def drop_kept_number(enrollment: Enrollment) -> None:
    """Delete the number of a locked enrollment, if there is one, in the open transaction."""
    if enrollment.ssn is not None:
        enrollment.ssn = None
        enrollment.save(update_fields=["ssn"])
        record(Action.CREDENTIAL_DELETE, subject=enrollment.owner_id, resource="ssn", resource_id=str(enrollment.pk))


def locked(owner_id: UUID) -> Enrollment:
    """Lock a person's enrollment for the rest of the open transaction. Raises ``NotEnrolled`` where there is none."""
    enrollment = Enrollment.objects.for_user(owner_id).select_for_update(of=["self"]).first()
    if enrollment is None:
        raise NotEnrolled
    return enrollment


# --- Details ------------------------------------------------------------------------------------------------


@sensitive_variables()
def opened(enrollment: Enrollment) -> Subject:
    """Open the details for the bureau, in the open transaction; that a whole number was opened is recorded.

    Raises ``NotEnrolled`` and ``DetailsLost``.
    """
    subject = subject_of(enrollment)
    if enrollment.ssn is not None:
        record(Action.CREDENTIAL_ACCESS, subject=enrollment.owner_id, resource="ssn", resource_id=str(enrollment.pk))
    return subject


@sensitive_variables()
def subject_of(enrollment: Enrollment) -> Subject:
    """Whom to ask the bureau about: with the whole number where it is kept, and with its last four where not.

    A kept number that cannot be opened counts as not kept. Raises ``NotEnrolled`` and ``DetailsLost``.
    """
    if enrollment.withdrawn_at is not None or enrollment.identity is None:
        raise NotEnrolled
    written = enrollment.identity.reveal_or("")
    if not written:
        raise DetailsLost
    known: dict[str, Any] = json.loads(written)
    birth, last_four = known.pop("birth"), known.pop("last_four")
    number = last_four if enrollment.ssn is None else enrollment.ssn.reveal_or(last_four)
    return Subject(**known, birth=date.fromisoformat(birth) if isinstance(birth, str) else birth, ssn=number)


@sensitive_variables()
def details(*, owner: UUID) -> Subject | None:
    """The details that a person gave, with no more of the number than its last four.

    ``None`` without any, and where they cannot be opened: the person gives them again then.
    """
    enrollment = Enrollment.objects.for_user(owner).first()
    if enrollment is None or enrollment.identity is None:
        return None
    enrollment.ssn = None
    try:
        return subject_of(enrollment)
    except DetailsLost:
        return None


@sensitive_variables()
def _written(subject: Subject) -> str:
    names = ("first_name", "middle_name", "last_name", "suffix", "line1", "line2", "city", "state", "zip_code")
    birth = subject.birth.isoformat() if isinstance(subject.birth, date) else subject.birth
    known = {name: getattr(subject, name) for name in names}
    return json.dumps(known | {"birth": birth, "last_four": _digits(subject.ssn)[-4:]})


@sensitive_variables()
def _digits(number: str) -> str:
    return "".join(letter for letter in number if letter.isdigit())
