"""The persona of the demo login at the local sandbox's bureau: a consumer whose report changes every month."""

from credit.provider import Applicant


def demo_applicant() -> Applicant:
    """Return a persona of the sandbox's bureau. Social Security numbers that begin with 666 are never issued."""
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
