"""Other details of real files, besides balances and payments: terms, delinquencies, disputes, bankruptcies."""

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


def parse_account(**changes):
    [line] = parse_sample(tradeline=[card(**changes)]).tradelines
    return line


@pytest.mark.parametrize(
    ("value", "terms"),
    [("REV", "REV"), ("360", "360"), ("LOC", "LOC"), ("UNK", ""), ("UNKNOWN", ""), ("000", ""), (None, "")],
)
def test_it_parses_the_terms(value, terms):
    report = parse_sample(tradeline=[loan(terms=value)])
    assert report.tradelines[0].terms == terms
    assert list_problems(report) == []


def test_it_prefers_the_enhanced_terms():
    assert parse_account(terms="REV", enhanced={"enhancedTerms": "LOC"}).terms == "LOC"
    assert parse_account(terms="060", enhanced={"enhancedTerms": "UNK"}).terms == "060"


def test_it_parses_the_second_and_the_worst_delinquency():
    line = parse_account(
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
def test_it_maps_the_code_of_the_worst_delinquency(code, word):
    report = parse_sample(tradeline=[card(enhanced={"maxDelinquencyCode": code})])
    assert report.tradelines[0].worst == word
    assert list_problems(report) == []


def test_it_warns_of_an_unknown_worst_delinquency():
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
def test_it_maps_the_compliance_condition(code, word, disputed):
    report = parse_sample(tradeline=[card(enhanced={"complianceCondition": code})])
    [line] = report.tradelines
    assert (line.compliance, line.compliance_code, line.disputed) == (word, code, disputed)
    assert list_problems(report) == []


def test_it_finds_a_dispute_by_the_consumer_flag():
    assert parse_account(consumerDisputeFlag="Y").disputed


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
@pytest.mark.parametrize("field", ["enhancedAccountCondition", "ciiCode"])
def test_it_maps_a_code_to_chapter_and_stage_of_a_bankruptcy(code, chapter, stage, field):
    line = parse_account(openOrClosed="C", enhanced={"enhancedAccountCondition": "67", field: code})
    assert (line.bankruptcy, line.bankruptcy_stage) == (chapter, stage)
    assert line.derogatory


@pytest.mark.parametrize("code", ["Q", "S", "T", "U", "1A", "2A"])
def test_it_does_not_treat_other_codes_as_a_bankruptcy(code):
    """Such as that a mark was removed, that the consumer cannot be located, or that a lease was assumed."""
    line = parse_account(enhanced={"ciiCode": code})
    assert (line.bankruptcy, line.bankruptcy_stage) == ("", "")


def test_it_parses_a_bankruptcy_without_a_chapter():
    assert parse_account(enhanced={"enhancedAccountCondition": "Z"}).account_condition == "bankruptcy"
    assert parse_account(enhanced={"ciiCode": "Z"}).bankruptcy_stage == "undesignated"
    assert parse_account(enhanced={"ciiCode": "9Z"}).bankruptcy == "9Z"


@pytest.mark.parametrize(("code", "chapter"), [("67", ""), ("69", "13")])
def test_it_parses_only_the_chapter_of_older_codes(code, chapter):
    line = parse_account(openOrClosed="C", enhanced={"enhancedAccountCondition": code})
    assert (line.bankruptcy, line.bankruptcy_stage) == (chapter, "")


def test_it_prefers_the_explicit_chapter():
    line = parse_account(bankruptcyChapterNumber="11", enhanced={"enhancedAccountCondition": "E", "ciiCode": "E"})
    assert (line.bankruptcy, line.bankruptcy_stage) == ("11", "discharged")


def test_it_parses_the_details_of_a_bankruptcy_in_court():
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


@pytest.mark.parametrize(("value", "expected"), [("V", True), ("Y", True), ("I", False), ("N", False), (None, None)])
def test_it_parses_whether_a_bankruptcy_was_voluntary(value, expected):
    [record] = parse_sample(publicRecord=[RECORD | {"bankruptcyVoluntaryIndicator": value}]).public_records
    assert record.voluntary is expected


def test_it_parses_the_sanctions_message():
    report = parse_sample(ofac={"messageNumber": "1202", "messageText": "OFAC NO RECORD FOUND"})
    assert (report.ofac.code, report.ofac.text) == ("1202", "OFAC NO RECORD FOUND")
    assert report.ofac in report.messages
    assert report.warnings == ()


def test_it_finds_the_sanctions_message_among_other_messages():
    messages = [
        {"messageNumber": "57", "messageNumberDetailed": "1200", "messageText": "NAME MATCHES OFAC/PLC/FSE LIST"}
    ]
    assert parse_sample(informationalMessage=messages).ofac.code == "1200"
    assert parse_sample().ofac is None


# --- No record ------------------------------------------------------------------------------------------------

NO_RECORD = [{"messageNumber": "07", "messageNumberDetailed": "0007", "messageText": "NO RECORD FOUND"}]
EMPTY = dict.fromkeys(("tradeline", "inquiry", "riskModel", "addressInformation"))


@pytest.mark.parametrize("present", ["identity", "score", "address", "nothing"])
def test_it_has_state_no_hit_if_a_message_says_so(present):
    sections = EMPTY | {"consumerIdentity": None, "uniqueConsumerIdentifier": None}
    if present == "identity":
        del sections["consumerIdentity"]
    if present == "address":
        del sections["addressInformation"]
    if present == "score":
        sections["riskModel"] = [{"modelIndicator": "V4", "score": "9003"}]
    assert parse_sample(informationalMessage=NO_RECORD, **sections).state == "no_hit"


@pytest.mark.parametrize("nothing", [[], None, {}, [{}], ""])
def test_it_has_state_no_hit_with_empty_sections(nothing):
    profile = dict.fromkeys(PROFILE, nothing) | {"publicRecord": nothing, "statement": nothing}
    empty = normalize(json.dumps({"creditProfile": [profile]}).encode(), asof=TODAY, models=MODELS)
    assert (empty.state, empty.tradelines) == ("no_hit", ())
    profile_with_message = profile | {"informationalMessage": NO_RECORD, "addressInformation": [ADDRESS]}
    no_record = normalize(json.dumps({"creditProfile": [profile_with_message]}).encode(), asof=TODAY, models=MODELS)
    assert no_record.state == "no_hit"


def test_it_has_state_no_hit_by_the_short_message_number():
    messages = [{"messageNumber": "07", "messageText": "NO RECORD FOUND"}]
    assert parse_sample(informationalMessage=messages, **EMPTY).state == "no_hit"


def test_it_skips_empty_objects():
    report = parse_sample(tradeline=[{}, card()], inquiry={}, publicRecord=[{}], informationalMessage=[{}])
    assert (len(report.tradelines), report.inquiries, report.public_records, report.messages) == (1, (), (), ())


def test_it_has_state_ready_with_accounts_whatever_the_message():
    assert parse_sample(informationalMessage=NO_RECORD).state == "ready"


# --- Fraud indicators -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "is_deceased"), [("03012025", True), ("00002025", True), ("12319999", False), ("0" * 8, False)]
)
def test_it_ignores_a_date_of_death_in_the_future(value, is_deceased):
    assert parse_sample(fraudShield=[{"dateOfDeath": value}]).flags.deceased is is_deceased


@pytest.mark.parametrize(("codes", "state"), [(["01", "02", "04", "99"], "ready"), (["03"], "mismatch")])
def test_it_maps_fraud_indicators_to_a_state(codes, state):
    shield = {"type": "99", "fraudShieldIndicators": {"indicator": codes}}
    report = parse_sample(fraudShield=[shield])
    assert (report.state, report.warnings) == (state, ())
