"""The rights page, and what the user sees in each enrollment status."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from compliance.isolation import tenant
from credit.enrollment import authorization
from credit.models import Enrollment
from credit.presentation.status_messages import STATUS_MESSAGES
from credit.statuses import NEEDS_DETAILS, EnrollmentStatus
from credit.tests.page_steps import enroll_through_pages, sign
from credit.tests.sandbox_bureau import Bureau
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db

OFFICIAL_URLS = (
    "https://www.annualcreditreport.com/",
    "https://www.experian.com/disputes/",
    "https://www.experian.com/freeze/",
    "https://www.equifax.com/",
    "https://www.transunion.com/",
    "https://www.consumerfinance.gov/complaint/",
    "https://www.consumerfinance.gov/learnmore/",
    "https://www.identitytheft.gov/",
)


SUCCEEDED_AT = dict.fromkeys([EnrollmentStatus.READY, EnrollmentStatus.MISMATCH], timezone.now())


def set_status(user: User, status: EnrollmentStatus, **columns: object) -> None:
    """Replace the user's enrollment with one in a status, as a pull would leave it."""
    values = {"pull_day": 1, "status": status, "succeeded_at": SUCCEEDED_AT.get(status)} | columns
    with tenant(user.pk):
        Enrollment.objects.filter(owner=user).delete()
        Enrollment.objects.create(owner=user, identity='{"birth": 1971, "last_four": "1001"}', **values)


# --- Rights -----------------------------------------------------------------------------------------------


def test_it_links_the_official_websites(as_alice: Client) -> None:
    page = page_text(as_alice.get(reverse("credit_rights")))
    for url in OFFICIAL_URLS:
        assert f'href="{url}' in page
    assert "You haven't signed an authorization" in page
    assert "We haven't requested a report from Experian." in page


def test_it_lists_the_signed_authorization_and_every_request(as_alice: Client, site_bureau: Bureau) -> None:
    enroll_through_pages(as_alice)
    page = page_text(as_alice.get(reverse("credit_rights")))
    assert authorization.consent_text().sha256 in page
    assert authorization.CLAUSES[0].text in page
    assert "Experian: report received" in page
    assert "Requested by you" in page
    assert "Request a new report from" in page
    assert "disabled" in page
    assert reverse("credit_withdraw") in page
    as_alice.post(reverse("credit_withdraw"))
    page = page_text(as_alice.get(reverse("credit_rights")))
    assert "Withdrawn" in page
    assert reverse("credit_withdraw") not in page
    assert reverse("credit_start") in page


def test_it_allows_another_request_after_a_month(as_alice: Client, alice: User, site_bureau: Bureau) -> None:
    enroll_through_pages(as_alice)
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        as_alice.force_login(alice)
        page = page_text(as_alice.get(reverse("credit_rights")))
        assert f'action="{reverse("credit_pull")}"' in page
        assert as_alice.post(reverse("credit_pull")).url == reverse("credit")
        assert page_text(as_alice.get(reverse("credit_rights"))).count("Experian: report received") == 2


def test_it_requests_no_report_when_a_page_is_viewed(as_alice: Client, site_bureau: Bureau) -> None:
    sign(as_alice)
    for name in ("credit", "credit_rights", "credit_details", "credit_status", "credit_withdraw", "credit_start"):
        as_alice.get(reverse(name))
        assert as_alice.head(reverse(name)).status_code in (200, 302)
    assert as_alice.get(reverse("credit_pull")).status_code == 405
    assert [call for call in site_bureau.calls() if call["endpoint"] == "report"] == []


# --- Statuses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status",
    sorted(
        set(EnrollmentStatus)
        - {
            EnrollmentStatus.OFF,
            EnrollmentStatus.NO_CONSENT,
            EnrollmentStatus.CONSENT_OUTDATED,
            EnrollmentStatus.NOT_PULLED,
        }
    ),
)
def test_it_has_a_page_for_every_status(as_alice: Client, alice: User, status: EnrollmentStatus) -> None:
    sign(as_alice)
    next_pull_at = None if status in NEEDS_DETAILS else timezone.now() + timedelta(hours=1)
    field = "zip_code" if status is EnrollmentStatus.DETAILS_REFUSED else ""
    set_status(alice, status, rejected_field=field, next_pull_at=next_pull_at)
    page = page_text(as_alice.get(reverse("credit")))
    assert str(STATUS_MESSAGES[status].title) in page
    assert all(str(text) in page for text in STATUS_MESSAGES[status].texts)
    assert "None" not in page
    assert ("<strong>ZIP code</strong>" in page) is (status is EnrollmentStatus.DETAILS_REFUSED)
    assert ("Next attempt:" in page) is (status in (EnrollmentStatus.RETRYING, EnrollmentStatus.OUTCOME_UNKNOWN))
    assert ('http-equiv="refresh"' in page) is (status is EnrollmentStatus.PULLING)
    assert ("hx-get" in page) is (status is EnrollmentStatus.PULLING)


def test_it_links_each_step_to_the_next(as_alice: Client, alice: User) -> None:
    assert reverse("credit_start") in page_text(as_alice.get(reverse("credit")))
    sign(as_alice)
    page = page_text(as_alice.get(reverse("credit")))
    assert "One step left" in page
    assert reverse("credit_details") in page
    set_status(alice, EnrollmentStatus.NOT_PULLED)
    page = page_text(as_alice.get(reverse("credit")))
    assert "Your details are saved" in page
    assert f'action="{reverse("credit_pull")}"' in page
    set_status(alice, EnrollmentStatus.NOT_PULLED, eligible_at=timezone.now() + timedelta(minutes=9))
    assert "Get my report (from" in page_text(as_alice.get(reverse("credit")))


def test_it_asks_for_a_new_signature_when_the_authorization_changed(
    as_alice: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(as_alice)
    monkeypatch.setattr(authorization, "VERSION", "2027-01")
    page = page_text(as_alice.get(reverse("credit")))
    assert "Renew your authorization" in page
    assert reverse("credit_start") in page
    assert as_alice.get(reverse("credit_details")).url == reverse("credit_start")


def test_it_links_the_rejected_field(as_alice: Client, alice: User) -> None:
    sign(as_alice)
    set_status(alice, EnrollmentStatus.DETAILS_REFUSED, rejected_field="ssn")
    assert f'href="{reverse("credit_details")}#id_ssn"' in page_text(as_alice.get(reverse("credit")))


def test_it_refreshes_the_pulling_page_with_and_without_htmx(as_alice: Client, alice: User) -> None:
    sign(as_alice)
    set_status(alice, EnrollmentStatus.PULLING)
    fragment = as_alice.get(reverse("credit_status"), headers={"HX-Request": "true"})
    assert "<html" not in page_text(fragment)
    assert 'hx-trigger="every 3s"' in page_text(fragment)
    assert as_alice.get(reverse("credit_status")).url == reverse("credit")
    set_status(alice, EnrollmentStatus.NO_HIT)
    assert as_alice.get(reverse("credit_status"), headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/credit/"


def test_it_delays_another_request_for_a_frozen_file(as_alice: Client, alice: User, site_bureau: Bureau) -> None:
    enroll_through_pages(as_alice, "P05")
    page = page_text(as_alice.get(reverse("credit")))
    assert "Your credit file is frozen" in page
    assert "https://www.experian.com/freeze/" in page
    assert "Request my report (from" in page
    page = page_text(as_alice.post(reverse("credit_pull"), follow=True))
    assert "You can request one again in" in page
    site_bureau.control("bureau/personas/P05", {"mode": "normal"})
    with time_machine.travel(timezone.now() + timedelta(minutes=20)):
        assert f'action="{reverse("credit_pull")}"' in page_text(as_alice.get(reverse("credit")))
        page = page_text(as_alice.post(reverse("credit_pull"), follow=True))
    assert "Your credit file is frozen" not in page


def test_it_asks_for_other_details_after_no_hit(as_alice: Client, site_bureau: Bureau) -> None:
    enroll_through_pages(as_alice, "P04")
    page = page_text(as_alice.post(reverse("credit_pull"), follow=True))
    assert "Update your details before you request a report." in page
