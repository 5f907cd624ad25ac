"""The pages and tasks pull, parse and show reports of a second bureau."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from compliance.isolation import tenant
from credit.bureau_password import password_warning
from credit.bureaus import bureau_for
from credit.models import PullAttempt, RawReport, Report
from credit.provider import BureauConfigError
from credit.pulls.rebuilding import rebuild
from credit.stored.parsing import is_stale, read_by_current_parser
from credit.tests.page_steps import sign, submit_details
from credit.tests.toy_bureau import ToyBureau
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def use_toy_bureau(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pull new reports from the toy bureau; Experian's can still be parsed."""
    settings.CREDIT_BUREAUS = {"toy": "credit.tests.toy_bureau.ToyBureau", **settings.CREDIT_BUREAUS}
    monkeypatch.setattr(ToyBureau, "references", [])


@pytest.fixture
def report(as_alice: Client, alice: User) -> Report:
    """Alice's first report, pulled through the pages."""
    sign(as_alice)
    assert submit_details(as_alice).status_code == 302
    with tenant(alice.pk):
        return Report.objects.select_related("raw").get()


def test_it_pulls_and_shows_a_report(report: Report, as_alice: Client, alice: User) -> None:
    assert (report.provider, report.parser_version, report.credit_score) == ("toy", 7, 777)
    assert "777" in page_text(as_alice.get(reverse("credit"), follow=True))
    with tenant(alice.pk):
        attempt, raw = PullAttempt.objects.get(), RawReport.objects.get()
    assert (attempt.provider, attempt.purpose, attempt.environment) == ("toy", "T1", "embedded")
    assert (raw.provider, raw.endpoint) == ("toy", "/toy")
    assert ToyBureau.references == [attempt.reference_id]


def test_it_validates_details_against_its_own_limits(as_alice: Client, alice: User) -> None:
    name = "Maximiliana"
    sign(as_alice, name=f"{name} Mercer")
    refused = submit_details(as_alice, first_name=name)
    assert refused.status_code == 422
    assert "Enter a name of up to 8 letters. Toyland accepts spaces and hyphens in it." in page_text(refused)
    assert ToyBureau.references == []


def test_it_parses_its_reports_with_its_own_parser(
    report: Report, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_stale(report)
    monkeypatch.setattr(ToyBureau, "parser_version", 8)
    assert is_stale(report)
    with tenant(alice.pk):
        assert read_by_current_parser(report).parser_version == 8


@pytest.mark.django_db(transaction=True)
def test_it_rebuilds_its_reports_with_its_own_parser(
    report: Report, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ToyBureau, "parser_version", 8)
    assert rebuild(owner_id=alice.pk, everything=False).read == 1
    with tenant(alice.pk):
        assert Report.objects.get().parser_version == 8


def test_it_still_shows_stored_reports_when_removed_from_the_settings(report: Report, alice: User, settings) -> None:
    settings.CREDIT_BUREAUS = {"experian": settings.CREDIT_BUREAUS["experian"]}
    assert not is_stale(report)
    with tenant(alice.pk):
        assert read_by_current_parser(report).scores[0].value == 777
    with pytest.raises(BureauConfigError, match="UNKNOWN_BUREAU"):
        bureau_for("toy")


def test_it_has_no_password_warning() -> None:
    assert password_warning() == ""
