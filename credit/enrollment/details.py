"""The details by which the bureau finds a user's credit file, sealed in their enrollment."""

import json
from datetime import date
from typing import Any
from uuid import UUID

from django.views.decorators.debug import sensitive_variables

from compliance.audit import Action, record
from credit.models import Enrollment
from credit.provider import Applicant

STORED_FIELDS = ("first_name", "middle_name", "last_name", "suffix", "line1", "line2", "city", "state", "zip_code")


class NotEnrolled(Exception):
    """The user has entered no details, or has withdrawn."""


class DetailsLost(NotEnrolled):
    """The user's details are stored, but cannot be decrypted."""


@sensitive_variables()
def open_details(enrollment: Enrollment) -> Applicant:
    """Decrypt the details for the bureau, in the open transaction. Decrypting a full number is recorded.

    Raises ``NotEnrolled`` and ``DetailsLost``.
    """
    applicant = parse_details(enrollment)
    if enrollment.ssn is not None:
        record(Action.CREDENTIAL_ACCESS, subject=enrollment.owner_id, resource="ssn", resource_id=str(enrollment.pk))
    return applicant


@sensitive_variables()
def parse_details(enrollment: Enrollment, *, with_ssn: bool = True) -> Applicant:
    """Return the details, with the full Social Security number if it is stored and requested, or its last four digits.

    A stored number that cannot be decrypted counts as not stored. Raises ``NotEnrolled`` and ``DetailsLost``.
    """
    if enrollment.withdrawn_at is not None or enrollment.identity is None:
        raise NotEnrolled
    text = enrollment.identity.reveal_or("")
    if not text:
        raise DetailsLost
    fields: dict[str, Any] = json.loads(text)
    birth, last_four = fields.pop("birth"), fields.pop("last_four")
    number = enrollment.ssn.reveal_or(last_four) if with_ssn and enrollment.ssn is not None else last_four
    return Applicant(**fields, birth=date.fromisoformat(birth) if isinstance(birth, str) else birth, ssn=number)


@sensitive_variables()
def get_details(*, owner: UUID) -> Applicant | None:
    """Return the details that a user entered, with only the last four digits of the Social Security number.

    ``None`` if there are none, or they cannot be decrypted; then the user enters them again.
    """
    enrollment = Enrollment.objects.for_user(owner).first()
    if enrollment is None or enrollment.identity is None:
        return None
    try:
        return parse_details(enrollment, with_ssn=False)
    except DetailsLost:
        return None


@sensitive_variables()
def serialize(applicant: Applicant) -> str:
    """Encode the details as JSON, with only the last four digits of the Social Security number."""
    birth = applicant.birth.isoformat() if isinstance(applicant.birth, date) else applicant.birth
    fields = {name: getattr(applicant, name) for name in STORED_FIELDS}
    return json.dumps(fields | {"birth": birth, "last_four": digits_of(applicant.ssn)[-4:]})


@sensitive_variables()
def digits_of(number: str) -> str:
    """Return the digits of a number that was typed with other characters."""
    return "".join(character for character in number if character.isdigit())
