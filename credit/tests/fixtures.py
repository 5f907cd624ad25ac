"""The reports of the sandbox's personas, pulled once for all tests of a module."""

import pytest

from credit.report import CreditReport
from credit.tests.sandbox_bureau import PERSONAS_WITH_FILE, Bureau


@pytest.fixture(scope="module")
def persona_reports(sandbox_program: Bureau) -> dict[str, CreditReport]:
    """One report of every persona that has a credit file."""
    sandbox_program.control("bureau/reset")
    return {persona: sandbox_program.pull_report(persona) for persona in PERSONAS_WITH_FILE}
