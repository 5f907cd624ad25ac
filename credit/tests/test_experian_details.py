"""What real files tell beside balances and payments, and what was thrown away: kept as it came."""

import json
from datetime import date

import pytest

from credit.experian.normalize import normalize
from credit.report import PartialDate
from credit.tests.experian_samples import (
    ADDRESS,
    MODELS,
    PROFILE,
    RECORD,
    TODAY,
    card,
    list_problems,
    loan,
    parse_sample,
)


def one(**changes):
    [line] = parse_sample(tradeline=[card(**changes)]).tradelines
    return line


@pytest.mark.parametrize(
    ("told", "terms"),
    [("REV", "REV"), ("360", "360"), ("LOC", "LOC"), ("UNK", ""), ("UNKNOWN", ""), ("000", ""), (None, "")],
)
def test_it_keeps_the_terms(told, terms):
    report = parse_sample(tradeline=[loan(terms=told)])
    assert report.tradelines[0].terms == terms
    assert list_problems(report) == []


def test_it_prefers_the_enhanced_terms():
    assert one(terms="REV", enhanced={"enhancedTerms": "LOC"}).terms == "LOC"
    assert one(terms="060", enhanced={"enhancedTerms": "UNK"}).terms == "060"


def test_it_keeps_the_second_and_the_worst_delinquency():
    line = one(
        maxDelinquencyDate="07012011",
        enhanced={
            "firstDelinquencyDate": "09012017",
            "secondDelinquencyDate": "01012017",
            "maxDelinquencyCode": "2",
        },
    )
    assert line.last_delinquency == PartialDate(date(2017, 9, 1))
    assert line.second_delinquency == PartialDate(date(2017, 1, 1))
    assert (line.worst_delinquency, line.worst, line.worst_code) == (PartialDate(date(2011, 7, 1)), "late60", "2")


@pytest.mark.parametrize(
    ("code", "word"),
    [("1", "late30"), ("6", "late180"), ("7", "bankruptcy"), ("9", "derogatory"), ("G", "collection"),
     ("L", "charge_off"), ("71", "late30"), ("97", "charge_off"), ("", "")],
)  # fmt: skip
def test_it_says_in_words_how_bad_the_worst_delinquency_was(code, word):
    report = parse_sample(tradeline=[card(enhanced={"maxDelinquencyCode": code})])
    assert report.tradelines[0].worst == word
    assert list_problems(report) == []


def test_it_lists_a_worst_delinquency_that_it_does_not_know():
    report = parse_sample(tradeline=[card(enhanced={"maxDelinquencyCode": "Q"})])
    assert (report.tradelines[0].worst, report.tradelines[0].worst_code) == ("", "Q")
    assert list_problems(report) == [("maxDelinquencyCode", "unknown_code")]


@pytest.mark.parametrize(
    ("code", "word", "disputed"),
    [
        ("XA", "closed_by_consumer", False),
        ("XB", "disputed", True),
        ("XC", "dispute_ended_disagreed", False),
        ("XD", "closed_and_disputed", True),
        ("XE", "closed_dispute_ended_disagreed", False),
        ("XF", "billing_disputed", True),
        ("XG", "billing_dispute_ended_disagreed", False),
        ("XH", "dispute_ended", False),
        ("XJ", "closed_and_billing_disputed", True),
        ("XR", "", False),
        ("", "", False),
    ],
)
def test_it_keeps_the_compliance_condition(code, word, disputed):
    report = parse_sample(tradeline=[card(enhanced={"complianceCondition": code})])
    [line] = report.tradelines
    assert (line.compliance, line.compliance_code, line.disputed) == (word, code, disputed)
    assert list_problems(report) == []


def test_it_finds_a_dispute_that_only_the_flag_tells():
    assert one(consumerDisputeFlag="Y").disputed


@pytest.mark.parametrize(
    ("code", "chapter", "stage"),
    [
        ("A", "7", "petitioned"),
        ("E", "7", "discharged"),
        ("F", "11", "discharged"),
        ("G", "12", "discharged"),
        ("H", "13", "discharged"),
        ("L", "13", "dismissed"),
        ("M", "7", "withdrawn"),
        ("R", "", "reaffirmed"),
        ("V", "7", "reaffirmation_rescinded"),
    ],
)
@pytest.mark.parametrize("place", ["enhancedAccountCondition", "ciiCode"])
def test_it_reads_the_chapter_and_the_stage_of_a_bankruptcy_from_its_code(code, chapter, stage, place):
    line = one(openOrClosed="C", enhanced={"enhancedAccountCondition": "67", place: code})
    assert (line.bankruptcy, line.bankruptcy_stage) == (chapter, stage)
    assert line.derogatory


@pytest.mark.parametrize("code", ["Q", "S", "T", "U", "1A", "2A"])
def test_it_makes_no_bankruptcy_of_what_else_is_said_about_a_consumer(code):
    """That an earlier mark is taken back, that somebody cannot be found, that a lease goes on."""
    line = one(enhanced={"ciiCode": code})
    assert (line.bankruptcy, line.bankruptcy_stage) == ("", "")


def test_it_reads_a_bankruptcy_whose_chapter_nobody_says():
    assert one(enhanced={"enhancedAccountCondition": "Z"}).account_condition == "bankruptcy"
    assert one(enhanced={"ciiCode": "Z"}).bankruptcy_stage == "undesignated"
    assert one(enhanced={"ciiCode": "9Z"}).bankruptcy == "9Z"


@pytest.mark.parametrize(("code", "chapter"), [("67", ""), ("69", "13")])
def test_it_reads_no_more_of_a_bankruptcy_than_an_older_code_says(code, chapter):
    line = one(openOrClosed="C", enhanced={"enhancedAccountCondition": code})
    assert (line.bankruptcy, line.bankruptcy_stage) == (chapter, "")


def test_it_prefers_the_chapter_that_stands_by_itself():
    line = one(bankruptcyChapterNumber="11", enhanced={"enhancedAccountCondition": "E", "ciiCode": "E"})
    assert (line.bankruptcy, line.bankruptcy_stage) == ("11", "discharged")


def test_it_keeps_the_details_of_a_bankruptcy_in_court():
    details = {
        "bankruptcyAssetAmount": "00021635",
        "bankruptcyVoluntaryIndicator": "V",
        "repaymentPercent": "040",
        "adjustmentPercent": "015",
        "ecoa": "2",
        "consumerComment": "PLAN FINISHED EARLY",
    }
    [record] = parse_sample(publicRecord=[RECORD | details]).public_records
    assert (record.amount, record.assets, record.voluntary) == (38400, 21635, True)
    assert (record.percent, record.adjustment_percent) == (40, 15)
    assert (record.role, record.comment) == ("joint", "PLAN FINISHED EARLY")


@pytest.mark.parametrize(("told", "meant"), [("V", True), ("Y", True), ("I", False), ("N", False), (None, None)])
def test_it_says_whether_a_bankruptcy_was_of_ones_own_will(told, meant):
    [record] = parse_sample(publicRecord=[RECORD | {"bankruptcyVoluntaryIndicator": told}]).public_records
    assert record.voluntary is meant


def test_it_keeps_what_the_sanctions_list_said():
    report = parse_sample(ofac={"messageNumber": "1202", "messageText": "OFAC NO RECORD FOUND"})
    assert (report.ofac.code, report.ofac.text) == ("1202", "OFAC NO RECORD FOUND")
    assert report.ofac in report.messages
    assert report.warnings == ()


def test_it_finds_what_the_sanctions_list_said_among_the_messages():
    told = [{"messageNumber": "57", "messageNumberDetailed": "1200", "messageText": "NAME MATCHES OFAC/PLC/FSE LIST"}]
    assert parse_sample(informationalMessage=told).ofac.code == "1200"
    assert parse_sample().ofac is None


# --- No record ------------------------------------------------------------------------------------------------

NO_RECORD = [{"messageNumber": "07", "messageNumberDetailed": "0007", "messageText": "NO RECORD FOUND"}]
EMPTY = dict.fromkeys(("tradeline", "inquiry", "riskModel", "addressInformation"))


@pytest.mark.parametrize("echoed", ["identity", "score", "address", "nothing"])
def test_it_finds_no_record_where_a_message_says_so(echoed):
    sections = EMPTY | {"consumerIdentity": None, "uniqueConsumerIdentifier": None}
    if echoed == "identity":
        del sections["consumerIdentity"]
    if echoed == "address":
        del sections["addressInformation"]
    if echoed == "score":
        sections["riskModel"] = [{"modelIndicator": "V4", "score": "9003"}]
    assert parse_sample(informationalMessage=NO_RECORD, **sections).state == "no_hit"


@pytest.mark.parametrize("nothing", [[], None, {}, [{}], ""])
def test_it_finds_no_record_beside_sections_that_hold_nothing(nothing):
    profile = dict.fromkeys(PROFILE, nothing) | {"publicRecord": nothing, "statement": nothing}
    empty = normalize(json.dumps({"creditProfile": [profile]}).encode(), asof=TODAY, models=MODELS)
    assert (empty.state, empty.tradelines) == ("no_hit", ())
    said = profile | {"informationalMessage": NO_RECORD, "addressInformation": [ADDRESS]}
    told = normalize(json.dumps({"creditProfile": [said]}).encode(), asof=TODAY, models=MODELS)
    assert told.state == "no_hit"


def test_it_finds_no_record_where_only_the_shorter_number_says_so():
    told = [{"messageNumber": "07", "messageText": "NO RECORD FOUND"}]
    assert parse_sample(informationalMessage=told, **EMPTY).state == "no_hit"


def test_it_makes_no_row_of_an_object_that_holds_nothing():
    report = parse_sample(tradeline=[{}, card()], inquiry={}, publicRecord=[{}], informationalMessage=[{}])
    assert (len(report.tradelines), report.inquiries, report.public_records, report.messages) == (1, (), (), ())


def test_it_shows_accounts_whatever_a_message_says():
    assert parse_sample(informationalMessage=NO_RECORD).state == "ready"


# --- Signs of fraud -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "died"), [("03012025", True), ("00002025", True), ("12319999", False), ("0" * 8, False)]
)
def test_it_takes_a_day_of_death_that_lies_ahead_for_none(told, died):
    assert parse_sample(fraudShield=[{"dateOfDeath": told}]).flags.deceased is died


@pytest.mark.parametrize(("codes", "state"), [(["01", "02", "04", "99"], "ready"), (["03"], "mismatch")])
def test_it_knows_the_signs_that_hold_a_file_back(codes, state):
    shield = {"type": "99", "fraudShieldIndicators": {"indicator": codes}}
    report = parse_sample(fraudShield=[shield])
    assert (report.state, report.warnings) == (state, ())
