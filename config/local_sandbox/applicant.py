"""Whom the demo login is at the local sandbox's bureau: somebody whose report changes every month."""

from credit.provider import Applicant


def person() -> Applicant:
    """Return one of the bureau's made-up people. Numbers that begin with 666 were never issued to anybody."""
    return Applicant(
        first_name="Rae",
        last_name="Rivera",
        line1="111 Maple St",
        city="Michigan City",
        state="IN",
        zip_code="46360",
        birth=1981,
        ssn="666-11-1011",
    )
