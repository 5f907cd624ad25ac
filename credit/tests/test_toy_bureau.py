"""A second bureau is asked, read and shown through the site's own pages and tasks."""

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
def toy(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """New reports come from the toy, and Experian's can still be read."""
    settings.CREDIT_BUREAUS = {"toy": "credit.tests.toy_bureau.ToyBureau", **settings.CREDIT_BUREAUS}
    monkeypatch.setattr(ToyBureau, "references", [])


@pytest.fixture
def report(as_alice: Client, alice: User) -> Report:
    """Alice's first report, obtained through the site's pages."""
    sign(as_alice)
    assert submit_details(as_alice).status_code == 302
    with tenant(alice.pk):
        return Report.objects.select_related("raw").get()


def test_it_gives_a_report_through_the_sites_pages(report: Report, as_alice: Client, alice: User) -> None:
    assert (report.provider, report.parser_version, report.credit_score) == ("toy", 7, 777)
    assert "777" in page_text(as_alice.get(reverse("credit"), follow=True))
    with tenant(alice.pk):
        attempt, raw = PullAttempt.objects.get(), RawReport.objects.get()
    assert (attempt.provider, attempt.purpose, attempt.environment) == ("toy", "T1", "embedded")
    assert (raw.provider, raw.endpoint) == ("toy", "/toy")
    assert ToyBureau.references == [attempt.reference_id]


def test_it_checks_details_by_its_own_limits(as_alice: Client, alice: User) -> None:
    name = "Maximiliana"
    sign(as_alice, name=f"{name} Mercer")
    refused = submit_details(as_alice, first_name=name)
    assert refused.status_code == 422
    assert "Enter a name of up to 8 letters. Toyland accepts spaces and hyphens in it." in page_text(refused)
    assert ToyBureau.references == []


def test_it_is_read_by_its_own_parser(report: Report, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_stale(report)
    monkeypatch.setattr(ToyBureau, "parser_version", 8)
    assert is_stale(report)
    with tenant(alice.pk):
        assert read_by_current_parser(report).parser_version == 8


@pytest.mark.django_db(transaction=True)
def test_it_is_rebuilt_by_its_own_parser(report: Report, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ToyBureau, "parser_version", 8)
    assert rebuild(owner_id=alice.pk, everything=False).read == 1
    with tenant(alice.pk):
        assert Report.objects.get().parser_version == 8


def test_it_is_shown_as_it_was_read_when_the_settings_no_longer_name_it(report: Report, alice: User, settings) -> None:
    settings.CREDIT_BUREAUS = {"experian": settings.CREDIT_BUREAUS["experian"]}
    assert not is_stale(report)
    with tenant(alice.pk):
        assert read_by_current_parser(report).scores[0].value == 777
    with pytest.raises(BureauConfigError, match="UNKNOWN_BUREAU"):
        bureau_for("toy")


def test_it_has_no_password_to_warn_of() -> None:
    assert password_warning() == ""
