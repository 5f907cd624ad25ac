"""The pages of a report, for everybody in the sandbox's bureau: they open, they escape, they belong to one person."""

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
BEHIND_A_REPORT = PAGES[1:]
# What a page says where a value slipped past its words.
LEAKED = re.compile(r"\bNone\b(?! on | of )|\bNaN\b|[^0-9.]%|Kind\.|object at")
ATTACK = "<img src=x onerror=alert(1)>\"'&amp;{{ 7|add:7 }}"


def text(client, name, *args, query="", status=200):
    answer = client.get(reverse(name, args=args) + query)
    assert answer.status_code == status, name
    return answer.content.decode()


def main_text(client, name, *args, query=""):
    """The visible text of a page's main part."""
    return strip_tags(text(client, name, *args, query=query).partition("<main")[2])


# --- Every person, every page -----------------------------------------------------------------------------


@pytest.mark.parametrize("persona", PERSONAS_WITH_FILE)
def test_it_opens_every_page_of_everybody(as_alice, alice, persona_reports, persona):
    report = persona_reports[persona]
    store_report(alice, report)
    if report.state is ReportStatus.READY:
        for name in PAGES:
            assert not LEAKED.search(main_text(as_alice, name)), name
        for account in report.tradelines:
            assert not LEAKED.search(main_text(as_alice, "credit_account", account.key))


@pytest.mark.parametrize("persona", ["P05", "P07"])
def test_it_leads_to_the_state_where_there_is_no_report_to_show(as_alice, alice, persona_reports, persona):
    store_report(alice, persona_reports[persona])
    assert "No score" not in main_text(as_alice, "credit")
    for name in ("credit_accounts", "credit_utilization", "credit_inquiries", "credit_records", "credit_personal"):
        assert as_alice.get(reverse(name)).headers["Location"] == reverse("credit")


@pytest.mark.parametrize("name", BEHIND_A_REPORT)
def test_it_leads_to_the_first_page_before_there_is_a_report(as_alice, name):
    assert as_alice.get(reverse(name)).headers["Location"] == reverse("credit")


@pytest.mark.parametrize("name", PAGES)
def test_it_is_only_for_reading(as_alice, name):
    assert as_alice.post(reverse(name)).status_code == 405


def hostile():
    """A report in which every text that a bureau sends is an attack."""
    line = card(
        subscriberName=ATTACK, specialComment="<b>", originalCreditorName=ATTACK, soldToName=ATTACK, status="<i>"
    )
    report = parse_sample(
        tradeline=[line, loan(subscriberName=ATTACK, accountType="48")],
        riskModel=[SCORE | {"modelIndicator": "<b>", "scoreFactors": [{"importance": "1", "code": "<u>"}]}],
        inquiry=[INQUIRY | {"subscriberName": ATTACK}],
        publicRecord=[RECORD | dict.fromkeys(("courtName", "plaintiffName", "status", "referenceNumber"), ATTACK)],
    )
    lines = tuple(replace(each, comment=ATTACK, bankruptcy="<s>") for each in report.tradelines)
    return replace(
        report,
        tradelines=lines,
        messages=(BureauMessage("$", "<b>", ATTACK),),
        personal=tuple(PersonalDetail("$", kind, ATTACK) for kind in Detail),
        statements=(Statement("$", Notice.CONSUMER, "01", None, ATTACK),),
    )


def test_it_shows_markup_in_a_report_as_words(as_alice, alice):
    report = hostile()
    before = replace(report, sha256="0", tradelines=(), inquiries=(), public_records=(), personal=())
    ids = store_reports(alice, [replace(before, reported_on=report.reported_on.replace(day=1)), report])
    compare = f"?before={ids[0]}&after={ids[1]}"
    bodies = [text(as_alice, name) for name in PAGES] + [text(as_alice, "credit_changes", query=compare)]
    bodies += [text(as_alice, "credit_account", line.key) for line in report.tradelines]
    for body in bodies:
        assert "<img" not in body
        assert not {"<b>", "<u>", "<s>", "<i>"} & {body[at : at + 3] for at in range(len(body))}
    assert sum(ATTACK in unescape(body) for body in bodies) >= 9


# --- Whose it is ------------------------------------------------------------------------------------------


def test_it_hides_alices_report_from_mallory(as_mallory, alice):
    report = parse_sample()
    report_id = store_report(alice, report)
    for line in report.tradelines:
        assert as_mallory.get(reverse("credit_account", args=[line.key])).status_code == 404
    for name in BEHIND_A_REPORT:
        assert as_mallory.get(reverse(name)).headers["Location"] == reverse("credit")
    assert "782" not in text(as_mallory, "credit")
    query = f"?before={report_id}&after={report_id}"
    assert as_mallory.get(reverse("credit_changes") + query).headers["Location"] == reverse("credit")


def test_it_answers_404_for_an_account_that_is_not_on_the_report(as_alice, alice):
    assert as_alice.get(reverse("credit_account", args=["0" * 32])).status_code == 404
    store_report(alice, parse_sample())
    assert as_alice.get(reverse("credit_account", args=["0" * 32])).status_code == 404


# --- What the pages say -----------------------------------------------------------------------------------


def test_it_says_whose_score_it_is_and_of_when(as_alice, alice):
    earlier = parse_sample(riskModel=[SCORE | {"score": "0770"}], headerRecord=header("10202026"))
    store_report(alice, earlier)
    store_report(alice, parse_sample())
    said = main_text(as_alice, "credit")
    for part in ("VantageScore 4.0", "Experian", "Nov 20, 2026", "300 to 850", "Superprime", "81% of people"):
        assert part in said
    assert "Up 12 points since Oct 20, 2026" in said
    assert "The newest account is very new" in said


def test_it_says_no_score_and_why(as_alice, alice):
    store_report(alice, parse_sample(riskModel=[SCORE | {"score": "9002"}]))
    said = main_text(as_alice, "credit")
    assert "No score" in said
    assert "too little recent activity" in said
    assert "9002" not in said.partition("in the expected format")[0]


def test_it_says_no_score_where_the_report_holds_none(as_alice, alice):
    store_report(alice, parse_sample(riskModel=None))
    assert "This report has no score." in main_text(as_alice, "credit")
    assert "No score" in main_text(as_alice, "credit_history")


def test_it_names_the_scores_of_other_models_beside_the_first(as_alice, alice):
    other = SCORE | {"modelIndicator": "F9", "score": "0760"}
    store_report(alice, parse_sample(riskModel=[SCORE, other, SCORE | {"modelIndicator": "RC", "score": "9002"}]))
    said = main_text(as_alice, "credit")
    assert "FICO Score 9: 760, Very good" in said
    assert "Experian score, model RC: no score" in said


def test_it_says_not_reported_and_never_zero(as_alice, alice):
    line = card(
        balanceAmount="UNKNOWN", monthlyPaymentAmount="UNKNOWN", amount1=None, enhanced={"creditLimitAmount": None}
    )
    report = parse_sample(tradeline=[line])
    store_report(alice, report)
    said = main_text(as_alice, "credit_account", report.tradelines[0].key)
    assert "$0" not in said
    assert said.count("Not reported") >= 3
    assert "Credit utilization Not reported" in main_text(as_alice, "credit")
    assert "Total balance Not reported" in main_text(as_alice, "credit")


@pytest.mark.parametrize(("days", "said"), [(45, False), (46, True)])
def test_it_says_that_a_report_is_old(as_alice, alice, days, said):
    store_report(alice, replace(parse_sample(), reported_on=timezone.localdate() - timedelta(days=days)))
    assert ("more than 45 days old" in main_text(as_alice, "credit")) is said


def test_it_marks_a_sample(as_alice, alice):
    store_report(alice, parse_sample(), is_sample=True)
    for name in PAGES:
        assert "Sample data" in main_text(as_alice, name), name


def test_it_does_not_call_a_true_report_a_sample(as_alice, alice):
    store_report(alice, parse_sample())
    assert "Sample data" not in main_text(as_alice, "credit")


def test_it_says_that_an_alert_stands_in_the_file(as_alice, alice, persona_reports):
    store_report(alice, persona_reports["P08"])
    said = main_text(as_alice, "credit")
    assert "Your credit file has a fraud alert." in said
    assert "Your credit file has an active duty alert." in said


def test_it_lists_what_it_could_not_read(as_alice, alice, persona_reports):
    store_report(alice, persona_reports["P12"])
    said = main_text(as_alice, "credit")
    assert "14 values aren't in the expected format" in said
    assert "Unknown code (4Z)" in said
    assert "Experian score, model RC" in said
    assert "We have no score bands for this model" in said


def test_it_keeps_the_social_security_number_off_every_page(as_alice, alice):
    store_report(alice, parse_sample(ssn=[{"number": "666011001", "ssnIndicators": "YYYYYYYYY"}]))
    assert "no difference from the number we sent" in main_text(as_alice, "credit_personal")
    for name in PAGES:
        assert "666011001" not in text(as_alice, name)


def test_it_draws_a_late_month_in_words(as_alice, alice):
    line = card(enhanced={"enhancedPaymentHistory84": "C2C"})
    report = parse_sample(tradeline=[line])
    store_report(alice, report)
    body = text(as_alice, "credit_account", report.tradelines[0].key)
    assert '<td class="m m--late">60</td><td class="m m--ok">OK</td>' in body
    assert "60 days late" in body


def test_it_says_when_an_inquiry_falls_off(as_alice, alice):
    store_report(alice, parse_sample())
    said = main_text(as_alice, "credit_inquiries")
    assert "MESA AUTO FINANCE Sep 12, 2025 Not reported Sep 12, 2027" in said
    assert "Inquiries by Plumbline" in said


def test_it_lists_collections_beside_public_records(as_alice, alice):
    report = parse_sample(
        tradeline=[loan(accountType="48", subscriberName="TRI-COUNTY RECOVERY")], publicRecord=[RECORD]
    )
    assert report.tradelines[0].kind is AccountKind.COLLECTION
    store_report(alice, report)
    said = main_text(as_alice, "credit_records")
    for part in ("US BKPT CT IN HAMMOND", "Bankruptcy", "$38,400", "status code: 15", "TRI-COUNTY RECOVERY"):
        assert part in said


# --- Changes ----------------------------------------------------------------------------------------------


@pytest.fixture
def two(alice):
    older = parse_sample(headerRecord=header("10202026"), riskModel=[SCORE | {"score": "0700"}])
    return store_reports(alice, [older, parse_sample()])


def test_it_tells_stored_changes_with_their_figures(as_alice, two):
    assert "VantageScore 4.0 rose 82 points From 700 to 782." in main_text(as_alice, "credit_changes")


def test_it_compares_any_two_reports_in_either_order(as_alice, two):
    for before, after in (two, two[::-1]):
        said = main_text(as_alice, "credit_changes", query=f"?before={before}&after={after}")
        assert "Differences VantageScore 4.0 rose 82 points" in said


def test_it_says_that_a_report_does_not_differ_from_itself(as_alice, two):
    assert "We found no differences" in main_text(as_alice, "credit_changes", query=f"?before={two[0]}&after={two[0]}")


@pytest.mark.parametrize(
    "query",
    [
        *("?before=junk&after=junk", "?before=", "?after=%00", "?before=1&before=2"),
        f"?before={UUID(int=1)}&after={UUID(int=2)}",
    ],
)
def test_it_names_a_report_that_it_does_not_know_beside_its_field(as_alice, two, query):
    body = text(as_alice, "credit_changes", query=query, status=422)
    assert "There's a problem" in body
    assert "empty__mark" not in body


def test_it_says_that_two_files_cannot_be_compared(as_alice, alice):
    other = replace(parse_sample(headerRecord=header("10202026")), consumer_hash="another", sha256="1")
    ids = [store_report(alice, other), store_report(alice, parse_sample())]
    body = text(as_alice, "credit_changes", query=f"?before={ids[0]}&after={ids[1]}", status=422)
    assert "from different credit files" in body
    assert "empty__mark" not in body


@pytest.mark.parametrize("query", ["?page=0", "?page=999999", "?page=junk", "?page=-1", "?page=%00"])
@pytest.mark.parametrize("name", ["credit_changes", "credit_records", "credit_inquiries"])
def test_it_opens_some_page_whatever_number_is_asked_for(as_alice, two, name, query):
    text(as_alice, name, query=query)


# --- Reports that may be about somebody else --------------------------------------------------------------


@pytest.fixture
def doubtful(alice):
    """A good report, and a newer one whose address is not Alice's."""
    store_report(alice, parse_sample(headerRecord=header("10202026"), riskModel=[SCORE | {"score": "0700"}]))
    return store_report(alice, parse_sample(ssn=[{"ssnIndicators": "YYYYYYYYN"}]))


def test_it_shows_no_report_that_may_be_somebody_elses(as_alice, doubtful):
    for name in PAGES:
        assert "782" not in main_text(as_alice, name), name
    assert "700" in main_text(as_alice, "credit")
    assert str(doubtful) not in text(as_alice, "credit_changes")
    query = f"?before={doubtful}&after={doubtful}"
    assert "782" not in text(as_alice, "credit_changes", query=query, status=422)


def test_it_compares_no_score_with_that_of_another_file(as_alice, alice):
    store_report(alice, parse_sample(headerRecord=header("10202026"), riskModel=[SCORE | {"score": "0700"}]))
    newer = store_report(alice, parse_sample())
    assert "Up 82 points" in main_text(as_alice, "credit")
    with tenant(alice.pk):
        models.Report.objects.filter(pk=newer).update(comparable=False)
    said = main_text(as_alice, "credit")
    assert "from a different credit file than your last one" in said
    assert "82 points" not in said


def test_it_says_that_one_report_has_changed_nothing(as_alice, alice):
    store_reports(alice, [parse_sample()])
    assert "No changes yet. They appear after your second credit report." in main_text(as_alice, "credit_changes")


def test_it_says_that_two_reports_have_changed_nothing(as_alice, alice):
    store_reports(alice, [parse_sample(headerRecord=header("10202026")), parse_sample()])
    assert "We found no changes between your reports." in main_text(as_alice, "credit_changes")
