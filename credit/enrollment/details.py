"""The details by which the bureau knows a user, sealed in their enrollment."""

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
    """The user has given no details, or has withdrawn them."""


class DetailsLost(NotEnrolled):
    """The user's details are stored, but cannot be opened."""


@sensitive_variables()
def open_details(enrollment: Enrollment) -> Applicant:
    """Open the details for the bureau, in the open transaction. Opening a whole number is recorded.

    Raises ``NotEnrolled`` and ``DetailsLost``.
    """
    applicant = parse_details(enrollment)
    if enrollment.ssn is not None:
        record(Action.CREDENTIAL_ACCESS, subject=enrollment.owner_id, resource="ssn", resource_id=str(enrollment.pk))
    return applicant


@sensitive_variables()
def parse_details(enrollment: Enrollment, *, with_ssn: bool = True) -> Applicant:
    """Return the details, with the whole number where it is stored and wanted, and else with its last four digits.

    A stored number that cannot be opened counts as not stored. Raises ``NotEnrolled`` and ``DetailsLost``.
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
    """Return the details that a user gave, with no more of the number than its last four digits.

    ``None`` without any, and where they cannot be opened: the user gives them again then.
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
    """Write the details as JSON, with no more of the number than its last four digits."""
    birth = applicant.birth.isoformat() if isinstance(applicant.birth, date) else applicant.birth
    fields = {name: getattr(applicant, name) for name in STORED_FIELDS}
    return json.dumps(fields | {"birth": birth, "last_four": digits_of(applicant.ssn)[-4:]})


@sensitive_variables()
def digits_of(number: str) -> str:
    """Return the digits of a number that is typed with anything between them."""
    return "".join(character for character in number if character.isdigit())
