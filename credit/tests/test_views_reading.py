"""The pages of a report, for every persona of the sandbox's bureau: they open, escape text and are only the owner's."""

import re
from datetime import timedelta
from html import unescape
from uuid import UUID

import pytest
from django.urls import reverse
from django.utils import timezone
from msgspec.structs import replace

from compliance.isolation import tenant
from credit import models
from credit.report import AccountKind, BureauMessage, Detail, Notice, PersonalDetail, ReportStatus, Statement
from credit.tests.experian_samples import INQUIRY, RECORD, SCORE, card, header, loan, parse_sample
from credit.tests.factories import store_report, store_reports
from credit.tests.fixtures import persona_reports
from credit.tests.sandbox_bureau import PERSONAS_WITH_FILE
from ui.tests.page_text import strip_tags

pytestmark = pytest.mark.django_db

__all__ = ["persona_reports"]

PAGES = (
    "credit",
    "credit_history",
    "credit_changes",
    "credit_accounts",
    "credit_utilization",
    "credit_inquiries",
    "credit_records",
    "credit_personal",
)
PAGES_NEEDING_A_REPORT = PAGES[1:]
# Text on a page that shows a raw Python value instead of words.
LEAKED = re.compile(r"\bNone\b(?! on | of )|\bNaN\b|[^0-9.]%|Kind\.|object at")
ATTACK = "<img src=x onerror=alert(1)>\"'&amp;{{ 7|add:7 }}"


def get_text(client, name, *args, query="", status=200):
    response = client.get(reverse(name, args=args) + query)
    assert response.status_code == status, name
    return response.content.decode()


def get_main_text(client, name, *args, query=""):
    """The visible text of a page's main part."""
    return strip_tags(get_text(client, name, *args, query=query).partition("<main")[2].partition("</main>")[0])


# --- Every page for every persona -------------------------------------------------------------------------


@pytest.mark.parametrize("persona", PERSONAS_WITH_FILE)
def test_it_opens_every_page_for_every_persona(as_alice, alice, persona_reports, persona):
    report = persona_reports[persona]
    store_report(alice, report)
    if report.state is ReportStatus.READY:
        for name in PAGES:
            assert not LEAKED.search(get_main_text(as_alice, name)), name
        for account in report.tradelines:
            assert not LEAKED.search(get_main_text(as_alice, "credit_account", account.key))


@pytest.mark.parametrize("persona", ["P05", "P07"])
def test_it_redirects_to_the_status_when_no_report_can_be_shown(as_alice, alice, persona_reports, persona):
    store_report(alice, persona_reports[persona])
    assert "No score" not in get_main_text(as_alice, "credit")
    for name in ("credit_accounts", "credit_utilization", "credit_inquiries", "credit_records", "credit_personal"):
        assert as_alice.get(reverse(name)).headers["Location"] == reverse("credit")


@pytest.mark.parametrize("name", PAGES_NEEDING_A_REPORT)
def test_it_redirects_to_the_credit_page_before_the_first_report(as_alice, name):
    assert as_alice.get(reverse(name)).headers["Location"] == reverse("credit")


@pytest.mark.parametrize("name", PAGES)
def test_it_refuses_post_requests(as_alice, name):
    assert as_alice.post(reverse(name)).status_code == 405


def build_hostile_report():
    """A report in which every text from the bureau contains markup."""
    hostile_card = card(
        subscriberName=ATTACK, specialComment="<b>", originalCreditorName=ATTACK, soldToName=ATTACK, status="<i>"
    )
    report = parse_sample(
        tradeline=[hostile_card, loan(subscriberName=ATTACK, accountType="48")],
        riskModel=[SCORE | {"modelIndicator": "<b>", "scoreFactors": [{"importance": "1", "code": "<u>"}]}],
        inquiry=[INQUIRY | {"subscriberName": ATTACK}],
        publicRecord=[RECORD | dict.fromkeys(("courtName", "plaintiffName", "status", "referenceNumber"), ATTACK)],
    )
    tradelines = tuple(replace(account, comment=ATTACK, bankruptcy="<s>") for account in report.tradelines)
    return replace(
        report,
        tradelines=tradelines,
        messages=(BureauMessage("$", "<b>", ATTACK),),
        personal=tuple(PersonalDetail("$", kind, ATTACK) for kind in Detail),
        statements=(Statement("$", Notice.CONSUMER, "01", None, ATTACK),),
    )


def test_it_escapes_markup_in_a_report(as_alice, alice):
    report = build_hostile_report()
    before = replace(report, sha256="0", tradelines=(), inquiries=(), public_records=(), personal=())
    ids = store_reports(alice, [replace(before, reported_on=report.reported_on.replace(day=1)), report])
    compare = f"?before={ids[0]}&after={ids[1]}"
    bodies = [get_text(as_alice, name) for name in PAGES] + [get_text(as_alice, "credit_changes", query=compare)]
    bodies += [get_text(as_alice, "credit_account", account.key) for account in report.tradelines]
    for body in bodies:
        assert "<img" not in body
        assert not {"<b>", "<u>", "<s>", "<i>"} & {body[at : at + 3] for at in range(len(body))}
    assert sum(ATTACK in unescape(body) for body in bodies) >= 9


# --- Only the owner's -------------------------------------------------------------------------------------


def test_it_shows_no_report_to_another_user(as_mallory, alice):
    report = parse_sample()
    report_id = store_report(alice, report)
    for account in report.tradelines:
        assert as_mallory.get(reverse("credit_account", args=[account.key])).status_code == 404
    for name in PAGES_NEEDING_A_REPORT:
        assert as_mallory.get(reverse(name)).headers["Location"] == reverse("credit")
    assert "782" not in get_text(as_mallory, "credit")
    query = f"?before={report_id}&after={report_id}"
    assert as_mallory.get(reverse("credit_changes") + query).headers["Location"] == reverse("credit")


def test_it_returns_404_for_an_account_that_is_not_on_the_report(as_alice, alice):
    assert as_alice.get(reverse("credit_account", args=["0" * 32])).status_code == 404
    store_report(alice, parse_sample())
    assert as_alice.get(reverse("credit_account", args=["0" * 32])).status_code == 404


# --- Texts ------------------------------------------------------------------------------------------------


def test_it_shows_the_scores_model_bureau_date_and_band(as_alice, alice):
    earlier = parse_sample(riskModel=[SCORE | {"score": "0770"}], headerRecord=header("10202026"))
    store_report(alice, earlier)
    store_report(alice, parse_sample())
    page = get_main_text(as_alice, "credit")
    for part in ("VantageScore 4.0", "Experian", "Nov 20, 2026", "300 to 850", "Superprime", "81% of people"):
        assert part in page
    assert "Up 12 points since Oct 20, 2026" in page
    assert "The newest account is very new" in page


def test_it_explains_a_missing_score(as_alice, alice):
    store_report(alice, parse_sample(riskModel=[SCORE | {"score": "9002"}]))
    page = get_main_text(as_alice, "credit")
    assert "No score" in page
    assert "too little recent activity" in page
    assert "9002" not in page.partition("in the expected format")[0]


def test_it_says_that_a_report_has_no_score(as_alice, alice):
    store_report(alice, parse_sample(riskModel=None))
    assert "This report has no score." in get_main_text(as_alice, "credit")
    assert "No score" in get_main_text(as_alice, "credit_history")


def test_it_shows_the_scores_of_other_models(as_alice, alice):
    other = SCORE | {"modelIndicator": "F9", "score": "0760"}
    store_report(alice, parse_sample(riskModel=[SCORE, other, SCORE | {"modelIndicator": "RC", "score": "9002"}]))
    page = get_main_text(as_alice, "credit")
    assert "FICO Score 9: 760, Very good" in page
    assert "Experian score, model RC: no score" in page


def test_it_shows_missing_amounts_as_not_reported_and_never_as_zero(as_alice, alice):
    account = card(
        balanceAmount="UNKNOWN", monthlyPaymentAmount="UNKNOWN", amount1=None, enhanced={"creditLimitAmount": None}
    )
    report = parse_sample(tradeline=[account])
    store_report(alice, report)
    page = get_main_text(as_alice, "credit_account", report.tradelines[0].key)
    assert "$0" not in page
    assert page.count("Not reported") >= 3
    assert "Credit utilization Not reported" in get_main_text(as_alice, "credit")
    assert "Total balance Not reported" in get_main_text(as_alice, "credit")


@pytest.mark.parametrize(("days", "is_old"), [(45, False), (46, True)])
def test_it_says_that_a_report_is_old(as_alice, alice, days, is_old):
    store_report(alice, replace(parse_sample(), reported_on=timezone.localdate() - timedelta(days=days)))
    assert ("more than 45 days old" in get_main_text(as_alice, "credit")) is is_old


def test_it_marks_a_sample_report(as_alice, alice):
    store_report(alice, parse_sample(), is_sample=True)
    for name in PAGES:
        assert "Sample data" in get_main_text(as_alice, name), name


def test_it_does_not_mark_a_real_report_as_a_sample(as_alice, alice):
    store_report(alice, parse_sample())
    assert "Sample data" not in get_main_text(as_alice, "credit")


def test_it_shows_the_alerts_of_the_file(as_alice, alice, persona_reports):
    store_report(alice, persona_reports["P08"])
    page = get_main_text(as_alice, "credit")
    assert "Your credit file has a fraud alert." in page
    assert "Your credit file has an active duty alert." in page


def test_it_lists_values_that_it_could_not_parse(as_alice, alice, persona_reports):
    store_report(alice, persona_reports["P12"])
    page = get_main_text(as_alice, "credit")
    assert "14 values aren't in the expected format" in page
    assert "Unknown code (4Z)" in page
    assert "Experian score, model RC" in page
    assert "We have no score bands for this model" in page


def test_it_keeps_the_social_security_number_off_every_page(as_alice, alice):
    store_report(alice, parse_sample(ssn=[{"number": "666011001", "ssnIndicators": "YYYYYYYYY"}]))
    assert "no difference from the number we sent" in get_main_text(as_alice, "credit_personal")
    for name in PAGES:
        assert "666011001" not in get_text(as_alice, name)


def test_it_shows_a_late_month_in_words(as_alice, alice):
    account = card(enhanced={"enhancedPaymentHistory84": "C2C"})
    report = parse_sample(tradeline=[account])
    store_report(alice, report)
    body = get_text(as_alice, "credit_account", report.tradelines[0].key)
    assert '<td class="m m--late">60</td><td class="m m--ok">OK</td>' in body
    assert "60 days late" in body


def test_it_says_when_an_inquiry_falls_off(as_alice, alice):
    store_report(alice, parse_sample())
    page = get_main_text(as_alice, "credit_inquiries")
    assert "MESA AUTO FINANCE Sep 12, 2025 Not reported Sep 12, 2027" in page
    assert "Inquiries by Plumbline" in page


def test_it_lists_collections_beside_public_records(as_alice, alice):
    report = parse_sample(
        tradeline=[loan(accountType="48", subscriberName="TRI-COUNTY RECOVERY")], publicRecord=[RECORD]
    )
    assert report.tradelines[0].kind is AccountKind.COLLECTION
    store_report(alice, report)
    page = get_main_text(as_alice, "credit_records")
    for part in ("US BKPT CT IN HAMMOND", "Bankruptcy", "$38,400", "status code: 15", "TRI-COUNTY RECOVERY"):
        assert part in page


# --- Changes ----------------------------------------------------------------------------------------------


@pytest.fixture
def two_report_ids(alice):
    """The ids of two reports of Alice's, the older first."""
    older = parse_sample(headerRecord=header("10202026"), riskModel=[SCORE | {"score": "0700"}])
    return store_reports(alice, [older, parse_sample()])


def test_it_shows_stored_changes_with_their_values(as_alice, two_report_ids):
    assert "VantageScore 4.0 rose 82 points From 700 to 782." in get_main_text(as_alice, "credit_changes")


def test_it_compares_any_two_reports_in_either_order(as_alice, two_report_ids):
    for before, after in (two_report_ids, two_report_ids[::-1]):
        page = get_main_text(as_alice, "credit_changes", query=f"?before={before}&after={after}")
        assert "Differences VantageScore 4.0 rose 82 points" in page


def test_it_says_that_a_report_does_not_differ_from_itself(as_alice, two_report_ids):
    assert "We found no differences" in get_main_text(
        as_alice, "credit_changes", query=f"?before={two_report_ids[0]}&after={two_report_ids[0]}"
    )


@pytest.mark.parametrize(
    "query",
    [
        *("?before=junk&after=junk", "?before=", "?after=%00", "?before=1&before=2"),
        f"?before={UUID(int=1)}&after={UUID(int=2)}",
    ],
)
def test_it_shows_an_error_for_an_unknown_report(as_alice, two_report_ids, query):
    body = get_text(as_alice, "credit_changes", query=query, status=422)
    assert "There's a problem" in body
    assert "empty__mark" not in body


def test_it_says_that_reports_of_different_files_cannot_be_compared(as_alice, alice):
    other = replace(parse_sample(headerRecord=header("10202026")), consumer_hash="another", sha256="1")
    ids = [store_report(alice, other), store_report(alice, parse_sample())]
    body = get_text(as_alice, "credit_changes", query=f"?before={ids[0]}&after={ids[1]}", status=422)
    assert "from different credit files" in body
    assert "empty__mark" not in body


@pytest.mark.parametrize("query", ["?page=0", "?page=999999", "?page=junk", "?page=-1", "?page=%00"])
@pytest.mark.parametrize("name", ["credit_changes", "credit_records", "credit_inquiries"])
def test_it_opens_a_page_for_any_page_number(as_alice, two_report_ids, name, query):
    get_text(as_alice, name, query=query)


# --- Mismatched reports -----------------------------------------------------------------------------------


@pytest.fixture
def mismatched_id(alice):
    """A report, and a newer one that does not match Alice's details; the id of the newer."""
    store_report(alice, parse_sample(headerRecord=header("10202026"), riskModel=[SCORE | {"score": "0700"}]))
    return store_report(alice, parse_sample(ssn=[{"ssnIndicators": "YYYYYYYYN"}]))


def test_it_shows_no_mismatched_report(as_alice, mismatched_id):
    for name in PAGES:
        assert "782" not in get_main_text(as_alice, name), name
    assert "700" in get_main_text(as_alice, "credit")
    assert str(mismatched_id) not in get_text(as_alice, "credit_changes")
    query = f"?before={mismatched_id}&after={mismatched_id}"
    assert "782" not in get_text(as_alice, "credit_changes", query=query, status=422)


def test_it_shows_no_score_change_between_different_files(as_alice, alice):
    store_report(alice, parse_sample(headerRecord=header("10202026"), riskModel=[SCORE | {"score": "0700"}]))
    newer = store_report(alice, parse_sample())
    assert "Up 82 points" in get_main_text(as_alice, "credit")
    with tenant(alice.pk):
        models.Report.objects.filter(pk=newer).update(comparable=False)
    page = get_main_text(as_alice, "credit")
    assert "from a different credit file than your last one" in page
    assert "82 points" not in page


def test_it_says_that_there_are_no_changes_with_one_report(as_alice, alice):
    store_reports(alice, [parse_sample()])
    assert "No changes yet. They appear after your second credit report." in get_main_text(as_alice, "credit_changes")


def test_it_says_that_there_are_no_changes_between_equal_reports(as_alice, alice):
    store_reports(alice, [parse_sample(headerRecord=header("10202026")), parse_sample()])
    assert "We found no changes between your reports." in get_main_text(as_alice, "credit_changes")
