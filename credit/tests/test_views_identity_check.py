"""The identity check: linked where it is needed, limited to three attempts, and without any content of the file."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from compliance.isolation import tenant
from credit.models import RawReport
from credit.statuses import EnrollmentStatus
from credit.tests.documents import load_accounts
from credit.tests.page_steps import ADA, enroll_through_pages, submit_details
from credit.tests.pull_steps import get_status
from credit.tests.sandbox_bureau import Bureau
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db

WRONG_ANSWERS = {"zip_code": "99999", "first_month": "1999-01", "second_month": "02/1999"}
PAGES = ("credit_accounts", "credit_personal", "credit_changes", "credit_records", "credit_inquiries")


@pytest.fixture
def mismatched_report(as_alice: Client, site_bureau: Bureau) -> None:
    """Alice has a report of Ada Mercer, pulled with the details of P06, whose SSN differs."""
    enroll_through_pages(as_alice, "P06")


@pytest.fixture
def right_answers(mismatched_report: None, alice: User) -> dict[str, str]:
    """The answers of a user who knows the file."""
    first, second = sorted(account.opened.first for account in load_accounts(alice) if account.opened)[:2]
    return {"zip_code": "46360-1234", "first_month": f"{first:%Y-%m}", "second_month": f"{second:%m/%Y}"}


def post_answers(client: Client, answers: dict[str, str], **changes: str) -> HttpResponse:
    return client.post(reverse("credit_identity_check"), {**answers, **changes})


def count_wrong_answers(user: User) -> int:
    with tenant(user.pk):
        return RawReport.objects.get().wrong_answers


def test_it_links_details_and_identity_check_when_a_report_is_withheld(
    as_alice: Client, mismatched_report: None
) -> None:
    page = page_text(as_alice.get(reverse("credit")))
    assert "Is this report about you?" in page
    for name in ("credit_details", "credit_identity_check"):
        assert f'href="{reverse(name)}"' in page


def test_it_shows_the_report_after_right_answers(as_alice: Client, alice: User, right_answers: dict[str, str]) -> None:
    page = page_text(as_alice.get(reverse("credit_identity_check")))
    assert "You have 3 attempts left" in page
    assert 'type="month"' in page
    response = post_answers(as_alice, right_answers)
    assert response.url == reverse("credit")
    report_page = page_text(as_alice.get(reverse("credit")))
    assert "Your answers match." in report_page
    assert "782" in report_page
    assert get_status(alice) is EnrollmentStatus.READY
    for name in PAGES:
        assert as_alice.get(reverse(name)).status_code == 200
    assert as_alice.get(reverse("credit_raw"), follow=True).status_code == 200
    assert as_alice.get(reverse("credit_identity_check")).url == reverse("credit")
    assert post_answers(as_alice, right_answers).url == reverse("credit")


def test_it_refuses_every_answer_after_three_wrong_ones(
    as_alice: Client, alice: User, right_answers: dict[str, str]
) -> None:
    for attempts_left in ("2 attempts left", "1 attempt left"):
        refused = post_answers(as_alice, right_answers, zip_code="99999")
        assert refused.status_code == 422
        assert "Those answers don't match the credit file." in page_text(refused)
        assert f"You have {attempts_left}" in page_text(refused)
    for answers in (WRONG_ANSWERS, right_answers):
        closed = post_answers(as_alice, answers)
        assert closed.status_code == 422
        page = page_text(closed)
        assert "We can't show this report" in page
        assert 'href="https://www.experian.com/disputes/' in page
        assert 'name="zip_code"' not in page
    assert "We can't show this report" in page_text(as_alice.get(reverse("credit_identity_check")))
    assert (count_wrong_answers(alice), get_status(alice)) == (3, EnrollmentStatus.MISMATCH)
    for name in PAGES:
        assert as_alice.get(reverse(name)).url == reverse("credit")


@pytest.mark.parametrize(
    "invalid",
    [{"zip_code": ""}, {"zip_code": "4636"}, {"zip_code": "x\0"}, {"zip_code": "４６３６０"}, {"first_month": ""}]
    + [{name: value} for name in ("first_month", "second_month") for value in ("2014", "2014-13", "July", "<script>")],
)
def test_it_does_not_count_invalid_input(
    as_alice: Client, alice: User, right_answers: dict[str, str], invalid: dict[str, str]
) -> None:
    refused = post_answers(as_alice, right_answers, **invalid)
    assert refused.status_code == 422
    assert f'href="#id_{next(iter(invalid))}"' in page_text(refused)
    assert "<script>" not in refused.content.decode()
    assert count_wrong_answers(alice) == 0


def test_it_shows_nothing_of_the_file(as_alice: Client, mismatched_report: None) -> None:
    for response in (as_alice.get(reverse("credit_identity_check")), post_answers(as_alice, WRONG_ANSWERS)):
        page = page_text(response)
        for content in ("46360", "MERCER", "LAKESHORE", "782", "MICHIGAN"):
            assert content not in page


def test_it_counts_an_answer_even_when_the_page_fails(
    as_alice: Client, alice: User, mismatched_report: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raise_error(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("credit.views.identity_check.render", raise_error)
    as_alice.raise_request_exception = False
    assert post_answers(as_alice, WRONG_ANSWERS).status_code == 500
    assert count_wrong_answers(alice) == 1


def test_it_asks_for_reauthentication(
    as_alice: Client, alice: User, right_answers: dict[str, str], with_second_factor: Callable[..., Client]
) -> None:
    with_second_factor(as_alice, alice)
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert as_alice.get(reverse("credit_identity_check")).url.startswith(reverse("mfa_reauthenticate"))
        assert post_answers(as_alice, right_answers).url.startswith(reverse("mfa_reauthenticate"))
    assert (count_wrong_answers(alice), get_status(alice)) == (0, EnrollmentStatus.MISMATCH)


def test_it_refuses_another_users_answers(
    as_alice: Client, as_mallory: Client, alice: User, right_answers: dict[str, str]
) -> None:
    assert as_mallory.get(reverse("credit_identity_check")).url == reverse("credit")
    assert post_answers(as_mallory, right_answers).url == reverse("credit")
    assert (count_wrong_answers(alice), get_status(alice)) == (0, EnrollmentStatus.MISMATCH)


def test_it_is_linked_above_an_older_report(
    as_alice: Client, alice: User, right_answers: dict[str, str], with_second_factor: Callable[..., Client]
) -> None:
    post_answers(as_alice, right_answers)
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        as_alice.force_login(alice)
        with_second_factor(as_alice, alice)
        submit_details(as_alice, ADA, zip_code="46361")
        page = page_text(as_alice.get(reverse("credit")))
    assert "Your newest report doesn't match your details, so we don't show it." in page
    assert f'href="{reverse("credit_identity_check")}"' in page
    assert "782" in page
