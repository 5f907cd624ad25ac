"""Faults of the bureau: the page says what happened, there is at most one call, and a report that came is stored."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from credit.models import RawReport
from credit.presentation.status_messages import STATUS_MESSAGES
from credit.statuses import EnrollmentStatus
from credit.tests.page_steps import enroll_through_pages
from credit.tests.pull_steps import count, get_status
from credit.tests.sandbox_bureau import Bureau
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db(transaction=True)

FAULTS_WITHOUT_REPORT = {
    "lost": (("hang_after", {"seconds": 2}), EnrollmentStatus.OUTCOME_UNKNOWN),
    "hanging": (("hang", {"seconds": 2}), EnrollmentStatus.OUTCOME_UNKNOWN),
    "dropped": (("drop", {}), EnrollmentStatus.OUTCOME_UNKNOWN),
    "dropped after": (("drop", {"when": "after"}), EnrollmentStatus.OUTCOME_UNKNOWN),
    "cut": (("truncate", {}), EnrollmentStatus.OUTCOME_UNKNOWN),
    "a page": (("malformed", {"how": "html"}), EnrollmentStatus.OUTCOME_UNKNOWN),
    "timeout": (("error", {"name": "timeout"}), EnrollmentStatus.OUTCOME_UNKNOWN),
    "too large": (("big", {"megabytes": 10}), EnrollmentStatus.OUTCOME_UNKNOWN),
    "system error": (("error", {"name": "system"}), EnrollmentStatus.RETRYING),
    "no service": (("error", {"name": "unavailable"}), EnrollmentStatus.RETRYING),
    "too many": (("error", {"name": "rate_limit", "retry_after": 120}), EnrollmentStatus.RETRYING),
    "forbidden": (("error", {"name": "forbidden"}), EnrollmentStatus.UNAVAILABLE),
    "not allowed": (("error", {"name": "not_allowed"}), EnrollmentStatus.UNAVAILABLE),
}
FAULTS_WITH_UNREADABLE_REPORT = {
    "half": ("half_json", {}),
    "no profile": ("profiles", {"how": "none"}),
    "packed unsaid": ("encoding", {"how": "gzip_unsaid"}),
}
UNUSUAL_ENCODINGS = {
    "bom": ("encoding", {"how": "bom"}),
    "gzip": ("encoding", {"how": "gzip"}),
    "latin-1": ("encoding", {"how": "latin-1"}),
    "utf-16": ("encoding", {"how": "utf-16"}),
    "type": ("type", {"value": "text/html"}),
    "twice": ("profiles", {"how": "twice"}),
}


@pytest.fixture
def request_report(as_alice: Client, site_bureau: Bureau, settings):
    """A function that pulls a persona's report for Alice while the bureau has a fault, and returns the page's text."""
    settings.EXPERIAN_TIMEOUT = 1.0

    def request(kind: str, action: dict[str, object], persona: str = "P01") -> str:
        site_bureau.fault(kind, **action)
        assert enroll_through_pages(as_alice, persona).url == reverse("credit")
        page = as_alice.get(reverse("credit"))
        assert page.status_code == 200
        return page_text(page)

    return request


@pytest.mark.parametrize("fault", FAULTS_WITHOUT_REPORT)
def test_it_says_what_happened_and_makes_no_second_call(
    request_report, alice: User, site_bureau: Bureau, fault: str
) -> None:
    (kind, action), status = FAULTS_WITHOUT_REPORT[fault]
    page = request_report(kind, action)
    assert get_status(alice) is status
    assert str(STATUS_MESSAGES[status].title) in page
    assert count(RawReport, alice) == 0
    assert site_bureau.count_reports_made() <= 1


@pytest.mark.parametrize("fault", FAULTS_WITH_UNREADABLE_REPORT)
def test_it_stores_an_unreadable_response_and_says_so(
    request_report, alice: User, site_bureau: Bureau, fault: str
) -> None:
    page = request_report(*FAULTS_WITH_UNREADABLE_REPORT[fault])
    assert str(STATUS_MESSAGES[EnrollmentStatus.UNPARSED].title) in page
    assert (count(RawReport, alice), site_bureau.count_reports_made()) == (1, 1)


@pytest.mark.parametrize("fault", UNUSUAL_ENCODINGS)
def test_it_shows_a_report_in_an_unusual_encoding(request_report, alice: User, site_bureau: Bureau, fault: str) -> None:
    page = request_report(*UNUSUAL_ENCODINGS[fault], persona="P12")
    assert get_status(alice) is EnrollmentStatus.READY
    assert "No score" in page or "model RC" in page
    assert (count(RawReport, alice), site_bureau.count_reports_made()) == (1, 1)
