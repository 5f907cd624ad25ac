"""Signing, entering details and withdrawing on the pages, with the sandbox's bureau."""

import re
import sys
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from django.core.signals import got_request_exception
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.views.debug import ExceptionReporter

from accounts.models import User
from compliance.audit.events import AuditEvent
from compliance.consent import ConsentEvent, Purpose, get_active_consent, list_consent_events
from compliance.isolation import tenant
from credit.enrollment import authorization
from credit.enrollment.status import get_overview
from credit.models import Enrollment, PullAttempt, Report
from credit.statuses import EnrollmentStatus
from credit.tests.page_steps import ADA, enroll_through_pages, get_details, sign, submit_details
from credit.tests.sandbox_bureau import Bureau
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db


def get_overview_status(user: User) -> EnrollmentStatus:
    with tenant(user.pk):
        return get_overview(owner=user.pk).status


def get_enrollment(user: User) -> Enrollment:
    with tenant(user.pk):
        return Enrollment.objects.for_user(user).get()


def count_pulls(bureau: Bureau) -> int:
    """The number of reports made; a call that was refused for its token made none."""
    return sum(call["produced"] for call in bureau.calls() if call["endpoint"] == "report")


# --- Signing ----------------------------------------------------------------------------------------------


def test_it_shows_the_exact_authorization_and_nothing_else(as_alice: Client) -> None:
    page = as_alice.get(reverse("credit_start")).content.decode()
    main = page[page.index("<main") : page.index("</main>")]
    texts = re.findall(r"<(?:h2|p)>(.*?)</(?:h2|p)>", main, re.DOTALL)
    assert [unescape(text) for text in texts] == [part for clause in authorization.CLAUSES for part in clause]
    assert 'type="checkbox"' in main
    assert "checked" not in main
    assert re.findall(r'href="([^"]*)"', main) == [reverse("overview")]


def test_it_stores_the_signed_text_exactly_as_shown(as_alice: Client, alice: User) -> None:
    assert sign(as_alice).url == reverse("credit_details")
    with tenant(alice.pk):
        (event,) = list_consent_events(user_id=alice.pk, purpose=Purpose.CREDIT_REPORT)
        assert (event.text, event.version) == (authorization.text(), authorization.VERSION)
        assert event.sha256 == authorization.consent_text().sha256
        assert (event.signature.reveal(), event.scope["bureau"], event.method) == ("Ada Mercer", "Experian", "web")
        assert event.expires_at - event.at == timedelta(days=365)


@pytest.mark.parametrize("missing", [{"agree": ""}, {"typed_name": ""}, {"typed_name": " "}, {"typed_name": "x" * 200}])
def test_it_refuses_an_incomplete_signature(as_alice: Client, alice: User, missing: dict[str, str]) -> None:
    refused = sign(as_alice, **missing)
    assert refused.status_code == 422
    assert "Error:" in page_text(refused)
    with tenant(alice.pk):
        assert list_consent_events(user_id=alice.pk, purpose=Purpose.CREDIT_REPORT) == []


def test_it_asks_for_reauthentication_before_signing(
    as_alice: Client, alice: User, with_second_factor: Callable[..., Client]
) -> None:
    with_second_factor(as_alice, alice)
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        for name in ("credit_start", "credit_details"):
            assert as_alice.get(reverse(name)).url.startswith(reverse("mfa_reauthenticate"))
            assert as_alice.post(reverse(name), ADA).url.startswith(reverse("mfa_reauthenticate"))
    with tenant(alice.pk):
        assert list_consent_events(user_id=alice.pk, purpose=Purpose.CREDIT_REPORT) == []


def test_it_asks_for_no_signature_when_the_bureau_is_off(as_alice: Client, settings) -> None:
    settings.CREDIT_ENV = "off"
    assert as_alice.get(reverse("credit_start")).url == reverse("credit")
    assert "This site has no credit reports" in page_text(as_alice.get(reverse("credit")))
    assert reverse("credit_start") not in page_text(as_alice.get(reverse("credit")))
    assert f'href="{reverse("credit")}"' not in page_text(as_alice.get(reverse("overview")))


# --- Details ----------------------------------------------------------------------------------------------


def test_it_requires_a_signature_before_the_details(as_alice: Client, site_bureau: Bureau) -> None:
    assert as_alice.get(reverse("credit_details")).url == reverse("credit_start")
    assert submit_details(as_alice).url == reverse("credit_start")
    assert count_pulls(site_bureau) == 0


def test_it_pulls_the_report_immediately_after_the_details(as_alice: Client, alice: User, site_bureau: Bureau) -> None:
    sign(as_alice)
    page = page_text(as_alice.get(reverse("credit_details")))
    assert "666-01-1001" in page
    assert "checked" not in page
    assert submit_details(as_alice).url == reverse("credit")
    assert get_overview_status(alice) is EnrollmentStatus.READY
    assert "782" in page_text(as_alice.get(reverse("credit")))
    assert count_pulls(site_bureau) == 1
    with tenant(alice.pk):
        attempt = PullAttempt.objects.for_user(alice).get()
        consent = get_active_consent(user_id=alice.pk, purpose=Purpose.CREDIT_REPORT)
        assert (attempt.consent_id, attempt.trigger, attempt.inquiry_class) == (consent.pk, "user", "soft")


def test_it_stores_the_ssn_only_when_the_user_asks_for_it(
    as_alice: Client, alice: User, as_mallory: Client, mallory: User, site_bureau: Bureau
) -> None:
    enroll_through_pages(as_alice)
    assert get_enrollment(alice).ssn is None
    sign(as_mallory)
    submit_details(as_mallory, keep_ssn="on")
    enrollment = get_enrollment(mallory)
    with tenant(mallory.pk):
        assert enrollment.ssn.reveal() == "666011001"


def test_it_shows_the_error_next_to_the_field_and_no_ssn(as_alice: Client, site_bureau: Bureau) -> None:
    sign(as_alice)
    refused = submit_details(as_alice, zip_code="nowhere")
    assert refused.status_code == 422
    page = page_text(refused)
    assert 'href="#id_zip_code"' in page
    assert "666-01-1001" not in page.replace("<strong>666-01-1001</strong>", "")
    assert "666011001" not in page
    assert count_pulls(site_bureau) == 0


def test_it_shows_a_rejection_by_the_bureau_next_to_the_field(
    as_alice: Client, alice: User, site_bureau: Bureau
) -> None:
    site_bureau.fault("error", name="invalid_ssn")
    sign(as_alice)
    refused = submit_details(as_alice)
    assert refused.status_code == 422
    assert 'href="#id_ssn"' in page_text(refused)
    assert get_overview_status(alice) is EnrollmentStatus.DETAILS_REFUSED
    assert "Social Security number" in page_text(as_alice.get(reverse("credit")))
    assert submit_details(as_alice).url == reverse("credit")
    assert get_overview_status(alice) is EnrollmentStatus.READY


@pytest.mark.parametrize("text", ["\0", "x" * 10_000, "\ud800", "<script>", "' OR 1=1 --", "\u202e", "﷽" * 99])
def test_it_refuses_hostile_input(as_alice: Client, site_bureau: Bureau, text: str) -> None:
    hostile = text.encode(errors="replace").decode()
    assert sign(as_alice, hostile).status_code in (302, 422)
    sign(as_alice)
    for name in set(ADA) - {"suffix", "middle_name", "line2", "line1", "city"}:
        refused = submit_details(as_alice, **{name: hostile})
        assert (name, refused.status_code) == (name, 422)
        assert "<script>" not in refused.content.decode()
    assert count_pulls(site_bureau) == 0


def test_it_refuses_details_under_a_name_other_than_the_signature(
    as_alice: Client, alice: User, site_bureau: Bureau
) -> None:
    sign(as_alice, "Bob Other")
    refused = submit_details(as_alice)
    assert refused.status_code == 422
    assert "signed with: Bob Other." in page_text(refused)
    assert count_pulls(site_bureau) == 0


def test_it_prefills_known_details_but_never_the_ssn(as_alice: Client, site_bureau: Bureau) -> None:
    enroll_through_pages(as_alice)
    page = page_text(as_alice.get(reverse("credit_details")))
    assert 'value="101 Maple St"' in page
    assert "the last four digits we have, 1001" in page
    assert 'value="1001"' not in page


def test_it_pulls_once_a_month_however_often_the_user_clicks(as_alice: Client, site_bureau: Bureau) -> None:
    enroll_through_pages(as_alice)
    submit_details(as_alice)
    submit_details(as_alice, ssn="")
    page = page_text(as_alice.post(reverse("credit_pull"), follow=True))
    assert "You can get one report every 30 days." in page
    assert count_pulls(site_bureau) == 1


def test_it_pulls_again_after_renewed_consent_without_the_full_ssn(
    as_alice: Client, alice: User, site_bureau: Bureau, with_second_factor: Callable[..., Client]
) -> None:
    enroll_through_pages(as_alice)
    with time_machine.travel(timezone.now() + timedelta(days=366)):
        as_alice.force_login(alice)
        with_second_factor(as_alice, alice)
        assert "We have no authorization from you" in page_text(as_alice.get(reverse("credit")))
        assert as_alice.get(reverse("credit_details")).url == reverse("credit_start")
        sign(as_alice)
        assert submit_details(as_alice, ssn="").url == reverse("credit")
        assert get_overview_status(alice) is EnrollmentStatus.READY
    assert count_pulls(site_bureau) == 2


def test_it_writes_no_details_to_the_audit_trail_or_the_log(
    as_alice: Client, alice: User, site_bureau: Bureau, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    enroll_through_pages(as_alice)
    submit_details(as_alice, ssn="666-01-1001", zip_code="x")
    with tenant(alice.pk):
        audit_trail = [str(event.details()) for event in AuditEvent.objects.filter(subject=alice.pk)]
    for secret in ("666011001", "666-01-1001", "Maple", "1971-01-15", "Ada Mercer"):
        assert secret not in caplog.text
        assert not any(secret in details for details in audit_trail)


def test_it_keeps_the_form_values_out_of_an_error_report(
    as_alice: Client, site_bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raise_error(*args: object, **options: object) -> None:
        raise RuntimeError("The disk is full")

    reports: list[str] = []

    def keep_error_report(request: HttpRequest, **_: object) -> None:
        reports.append(ExceptionReporter(request, *sys.exc_info()).get_traceback_html())

    monkeypatch.setattr("credit.views.enrollment.lifecycle.enroll", raise_error)
    as_alice.raise_request_exception = False
    sign(as_alice)
    got_request_exception.connect(keep_error_report)
    try:
        assert submit_details(as_alice).status_code == 500
    finally:
        got_request_exception.disconnect(keep_error_report)
    assert "The disk is full" in reports[0]
    for secret in ("666-01-1001", "666011001", "101 Maple St", "1971"):
        assert secret not in reports[0]


def test_it_shows_no_report_that_does_not_match_the_details(as_alice: Client, alice: User, site_bureau: Bureau) -> None:
    sign(as_alice)
    submit_details(as_alice, zip_code="46361")
    assert get_overview_status(alice) is EnrollmentStatus.MISMATCH
    for name in ("credit", "credit_accounts", "credit_personal", "credit_history", "credit_raw"):
        page = page_text(as_alice.get(reverse(name), follow=True))
        assert ("Is this report about you?" in page) is (name != "credit_history")
        for content in ("782", "LAKESHORE", "MERCER"):
            assert content not in page
    submit_details(as_alice)
    assert get_overview_status(alice) is EnrollmentStatus.READY
    assert "782" in page_text(as_alice.get(reverse("credit")))
    assert count_pulls(site_bureau) == 2


# --- Withdrawing ------------------------------------------------------------------------------------------


def test_it_withdraws_without_reauthentication(as_alice: Client, alice: User, site_bureau: Bureau) -> None:
    sign(as_alice)
    submit_details(as_alice, keep_ssn="on")
    with time_machine.travel(timezone.now() + timedelta(minutes=20)):
        page = page_text(as_alice.get(reverse("credit_withdraw")))
        assert "We stop requesting reports from Experian." in page
        assert "Your credit reports." in page
        confirmation = page_text(as_alice.post(reverse("credit_withdraw"), follow=True))
        assert "Authorization withdrawn. We request no more reports" in confirmation
    enrollment = get_enrollment(alice)
    assert (enrollment.ssn, enrollment.identity, enrollment.next_pull_at) == (None, None, None)
    with tenant(alice.pk):
        assert get_active_consent(user_id=alice.pk, purpose=Purpose.CREDIT_REPORT) is None
        assert [event.kind for event in list_consent_events(user_id=alice.pk, purpose=Purpose.CREDIT_REPORT)] == [
            "withdrawn",
            "granted",
        ]
        assert Report.objects.for_user(alice).count() == 1


def test_it_pulls_nothing_after_a_withdrawal(as_alice: Client, alice: User, site_bureau: Bureau) -> None:
    enroll_through_pages(as_alice)
    as_alice.post(reverse("credit_withdraw"))
    with time_machine.travel(timezone.now() + timedelta(days=40)):
        as_alice.force_login(alice)
        assert as_alice.post(reverse("credit_pull")).url in (reverse("credit_details"), reverse("credit_start"))
    assert count_pulls(site_bureau) == 1
    page = page_text(as_alice.get(reverse("credit")))
    assert "We have no authorization from you" in page
    assert "782" in page


def test_it_records_a_repeated_withdrawal_once(as_alice: Client, alice: User, site_bureau: Bureau) -> None:
    enroll_through_pages(as_alice)
    for _ in range(2):
        assert as_alice.post(reverse("credit_withdraw")).url == reverse("credit_rights")
    with tenant(alice.pk):
        withdrawn = ConsentEvent.objects.filter(kind=ConsentEvent.Kind.WITHDRAWN)
        assert withdrawn.count() == 1


def test_it_shows_nothing_of_another_users_file(as_alice: Client, as_mallory: Client, site_bureau: Bureau) -> None:
    enroll_through_pages(as_alice)
    for name in ("credit", "credit_rights", "credit_withdraw"):
        page = page_text(as_mallory.get(reverse(name)))
        for private in ("782", "Mercer", "1001", "Maple"):
            assert private not in page
    as_mallory.post(reverse("credit_withdraw"))
    assert "782" in page_text(as_alice.get(reverse("credit")))


@pytest.mark.parametrize("persona", ["P04", "P05", "P07", "P10"])
def test_it_explains_files_without_a_usual_report(as_alice: Client, site_bureau: Bureau, persona: str) -> None:
    enroll_through_pages(as_alice, persona)
    page = page_text(as_alice.get(reverse("credit")))
    expected = {
        "P04": "Experian found no credit file",
        "P05": "Your credit file is frozen",
        "P07": "Experian didn't release this report",
        "P10": "too little recent activity",
    }
    assert expected[persona] in page
    assert ">9002<" not in page
    assert get_details(persona)["ssn"] not in page
