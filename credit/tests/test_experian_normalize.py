import json
import sys
from datetime import date

import msgspec
import pytest
from django.views.debug import ExceptionReporter
from msgspec import structs

from credit.experian.normalize import PARSER_VERSION, normalize
from credit.provider import MalformedReport, Outcome
from credit.report import AccountKind, CreditReport, Detail, Factor, Notice, PartialDate, Precision, ReportStatus, Role
from credit.tests.experian_samples import (
    CARD,
    INQUIRY,
    MODELS,
    PROFILE,
    RECORD,
    SCORE,
    SSN,
    TODAY,
    card,
    list_card_problems,
    list_problems,
    loan,
    parse_card,
    parse_sample,
    raw,
)


def test_it_parses_an_ordinary_report_without_warnings():
    report = parse_sample()
    assert report.warnings == ()
    assert (report.provider, report.parser_version) == ("experian", PARSER_VERSION)
    assert report.reported_on == date(2026, 11, 20)
    assert report.state is ReportStatus.READY
    [score] = report.scores
    assert (score.model, score.value, score.percentile, score.on) == ("vantagescore_4", 782, 81, date(2026, 11, 20))
    assert score.factors == (Factor(1, "13"), Factor(2, "84"))
    card_account, student_loan = report.tradelines
    assert (card_account.kind, card_account.balance, card_account.limit, card_account.high, card_account.original) == (
        AccountKind.CARD,
        1140,
        12000,
        3410,
        None,
    )
    assert (card_account.is_open, card_account.revolving, card_account.role, card_account.account_condition) == (
        True,
        True,
        Role.INDIVIDUAL,
        "open",
    )
    assert (card_account.last_four, card_account.payment_status, card_account.monthly_payment) == (
        "1001",
        "current",
        35,
    )
    assert (student_loan.kind, student_loan.original, student_loan.limit, student_loan.last_four) == (
        AccountKind.STUDENT,
        9000,
        None,
        "",
    )


def test_it_returns_the_path_of_each_row():
    paths = ["$.creditProfile[0].tradeline[0]", "$.creditProfile[0].tradeline[1]"]
    assert [line.path for line in parse_sample().tradelines] == paths


def test_it_parses_the_same_bytes_to_equal_reports():
    text = raw(tradeline=[card(), card(), loan()], inquiry=[INQUIRY, INQUIRY])
    assert normalize(text, asof=TODAY, models=MODELS) == normalize(text, asof=TODAY, models=MODELS)


def test_it_drops_social_security_and_account_numbers():
    text = str(msgspec.to_builtins(parse_sample()))
    assert SSN not in text
    assert CARD["accountNumber"] not in text
    assert "1001" in text


def test_it_prints_neither_names_nor_the_bureaus_identifier():
    printed = repr(parse_sample(statement=[{"type": "07", "statementText": "FRAUD ALERT, CALL 2195550100"}]))
    assert "MERCER" not in printed
    assert "0123456789ABCDEF0" not in printed
    assert "2195550100" not in printed


@pytest.mark.parametrize("function", ["parse_tradelines", "_score", "_personal"])
def test_it_keeps_the_file_out_of_djangos_error_report(monkeypatch, function):
    def fail(*rows):
        raise ZeroDivisionError

    monkeypatch.setattr(f"credit.experian.normalize.{function}", fail)
    frames = []
    try:
        parse_sample()
    except ZeroDivisionError:
        frames = ExceptionReporter(None, *sys.exc_info()).get_traceback_frames()
    own_frames = [frame for frame in frames if "/credit/experian/" in frame["filename"]]
    assert own_frames
    assert "MERCER" not in "".join(f"{name}={value}" for frame in own_frames for name, value in frame["vars"])


# --- Scores ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["9002", "9001", "9000", "9003", "0000", "0001", "0004", "0299", "0851", "9999"])
def test_it_never_treats_an_exclusion_code_as_a_score(code):
    report = parse_sample(riskModel=[SCORE | {"score": code}])
    [score] = report.scores
    assert (score.value, score.exclusion_code) == (None, code)
    assert ("score", "score_excluded") in list_problems(report)


@pytest.mark.parametrize(("text", "value"), [("0300", 300), ("0850", 850), ("783", 783)])
def test_it_accepts_scores_within_the_range(text, value):
    [score] = parse_sample(riskModel=[SCORE | {"score": text}]).scores
    assert (score.value, score.exclusion_code) == (value, "")


@pytest.mark.parametrize("text", ["", "UNKN", "-782", "78.2", "٧٨٢", None])
def test_it_has_no_score_if_the_text_is_no_number(text):
    [score] = parse_sample(riskModel=[{**SCORE, "score": text}]).scores
    assert score.value is None


def test_it_does_not_guess_an_unknown_model():
    report = parse_sample(riskModel={**SCORE, "modelIndicator": "RC"})
    [score] = report.scores
    assert (score.model, score.indicator, score.value) == ("", "RC", 782)
    assert [warning for warning in report.warnings if warning.code == "RC"]


def test_it_orders_factors_by_importance():
    factors = [{"importance": "2", "code": "84"}, {"importance": "1", "code": "04"}, {"importance": "3", "code": ""}]
    [score] = parse_sample(riskModel=[SCORE | {"scoreFactors": factors}]).scores
    assert score.factors == (Factor(1, "4"), Factor(2, "84"))


# --- Amounts, dates, codes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["UNKNOWN", "unknown", "UNK"])
def test_it_treats_unknown_as_missing_and_not_as_zero(text):
    line = parse_card(balanceAmount=text)
    assert line.balance is None
    assert ("balanceAmount", "unstated") in list_card_problems(balanceAmount=text)


@pytest.mark.parametrize("text", ["", "        ", None])
def test_it_treats_an_empty_amount_as_missing_without_warning(text):
    assert parse_card(balanceAmount=text).balance is None
    assert list_card_problems(balanceAmount=text) == []


@pytest.mark.parametrize("text", ["1,140", "11.40", "$1140", "1e3", "1140-", "١١٤٠", "9" * 13, "0x10", "+12"])
def test_it_treats_an_invalid_amount_as_missing(text):
    assert parse_card(balanceAmount=text).balance is None
    assert ("balanceAmount", "bad_amount") in list_card_problems(balanceAmount=text)


@pytest.mark.parametrize(
    ("text", "dollars"),
    [("00000000", 0), ("00001140", 1140), ("0000001140", 1140), ("99999999", 99_999_999), ("-0000035", -35)],
)
def test_it_parses_padded_whole_dollars(text, dollars):
    assert parse_card(balanceAmount=text).balance == dollars


def test_it_parses_an_amount_that_is_a_number():
    text = raw(tradeline=[card(balanceAmount=1140)])
    assert normalize(text, asof=TODAY, models=MODELS).tradelines[0].balance == 1140


def test_it_accepts_negative_values_only_for_balances():
    assert parse_card(amountPastDue="-0000001").past_due is None
    assert ("amountPastDue", "negative_amount") in list_card_problems(amountPastDue="-0000001")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("03152016", PartialDate(date(2016, 3, 15))),
        ("02292024", PartialDate(date(2024, 2, 29))),
        ("03002016", PartialDate(date(2016, 3, 1), Precision.MONTH)),
        ("00002016", PartialDate(date(2016, 1, 1), Precision.YEAR)),
        ("00000000", None),
        ("", None),
    ],
)
def test_it_parses_partial_dates(text, day):
    assert parse_card(openDate=text).opened == day


@pytest.mark.parametrize("text", ["02302016", "13012016", "00152016", "20160315", "3152016", "03/15/16", "0315201X"])
def test_it_warns_of_an_invalid_date(text):
    assert parse_card(openDate=text).opened is None
    assert ("openDate", "bad_date") in list_card_problems(openDate=text)


def test_it_warns_of_a_future_date():
    assert ("openDate", "future_date") in list_card_problems(openDate="11212026")
    assert list_card_problems(openDate="11202026") == []


@pytest.mark.parametrize("field", ["accountType", "ecoa", "openOrClosed", "revolvingOrInstallment"])
def test_it_warns_of_an_unknown_code(field):
    report = parse_sample(tradeline=[card(**{field: "3Q"})])
    assert [warning.code for warning in report.warnings if warning.problem == "unknown_code"] == ["3Q"]


def test_it_keeps_unknown_codes():
    changes = {"enhancedPaymentStatus": "4Z", "enhancedAccountCondition": "Z9", "enhancedAccountType": "3Q"}
    line = parse_card(status="4Z", accountType="3Q", enhanced=changes)
    assert (line.payment_status_code, line.payment_status, line.account_condition_code, line.account_condition) == (
        "4Z",
        "",
        "Z9",
        "",
    )
    assert (line.kind, line.derogatory) == (AccountKind.OTHER, False)


def test_it_shows_only_short_codes_in_warnings():
    report = parse_sample(tradeline=[card(ecoa="4000111000011001", accountType=SSN)])
    assert {warning.code for warning in report.warnings} == {""}


# --- Shapes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("section", sorted(PROFILE.keys() - {"tradeline"}))
def test_it_treats_an_object_as_an_array_of_one(section):
    report = parse_sample(**{section: PROFILE[section][0]})
    assert report == structs.replace(parse_sample(), sha256=report.sha256)


UNUSUAL_VALUES = [None, [], "", {}, [None], ["text"], "text", [[]], True, [{"x": {"y": 1}}]]


@pytest.mark.parametrize("section", [*PROFILE, "publicRecord", "statement", "summaries", "fraudShield"])
@pytest.mark.parametrize("value", UNUSUAL_VALUES)
def test_it_parses_a_section_of_any_type(section, value):
    body = json.dumps({"creditProfile": [PROFILE | {section: value}]}).encode()
    assert isinstance(normalize(body, asof=TODAY, models=MODELS), CreditReport)


def test_it_warns_of_values_that_are_not_objects():
    assert ("tradeline[0]", "not_an_object") in list_problems(parse_sample(tradeline=["text"]))


def test_it_parses_only_one_profile():
    text = json.dumps({"creditProfile": [PROFILE, PROFILE | {"tradeline": []}]}).encode()
    report = normalize(text, asof=TODAY, models=MODELS)
    assert len(report.tradelines) == 2
    assert ("creditProfile", "more_than_one_profile") in list_problems(report)


@pytest.mark.parametrize("first", [{}, None])
def test_it_never_parses_the_second_profile(first):
    report = normalize(json.dumps({"creditProfile": [first, PROFILE]}).encode(), asof=TODAY, models=MODELS)
    assert (report.state, report.tradelines, report.personal) == (ReportStatus.NO_HIT, (), ())
    assert ("creditProfile", "more_than_one_profile") in list_problems(report)


INVALID_BODIES = [b"", b"{", b"[]", b"null", b"<html>", b'"x"', b"[" * 100_000, b"\xff\xfe", b'{"errors": []}']


@pytest.mark.parametrize("body", INVALID_BODIES)
def test_it_rejects_other_content(body):
    with pytest.raises(MalformedReport) as error:
        normalize(body, asof=TODAY, models=MODELS)
    assert error.value.outcome is Outcome.MADE
    assert error.value.__context__ is None


def test_it_rejects_a_truncated_report_without_repeating_it():
    with pytest.raises(MalformedReport) as error:
        normalize(raw()[:-20], asof=TODAY, models=MODELS)
    assert "MERCER" not in repr(vars(error.value))
    assert error.value.__context__ is None


def test_it_parses_bytes_that_are_not_utf_8():
    text = raw(tradeline=[card(subscriberName="CAFE NOIR")]).replace(b"CAFE", b"CAF\xc9")
    report = normalize(text, asof=TODAY, models=MODELS)
    assert report.tradelines[0].creditor == "CAFÉ NOIR"
    assert ("", "not_utf8") in list_problems(report)


@pytest.mark.parametrize(
    ("encoding", "problem"), [("utf-8-sig", []), ("utf-16", ["not_utf8"]), ("utf-32", ["not_utf8"])]
)
def test_it_detects_other_encodings(encoding, problem):
    report = normalize(raw().decode().encode(encoding), asof=TODAY, models=MODELS)
    assert len(report.tradelines) == 2
    assert [warning.problem for warning in report.warnings] == problem


def test_it_replaces_characters_that_postgresql_cannot_store():
    assert parse_card(subscriberName="A\0B\ud800\u202eC\n  D").creditor == "A B? C D"


def test_it_limits_rows_and_warnings():
    report = parse_sample(inquiry=[{"kob": "BC"}] * 5000, publicRecord=["x"] * 999, statement=["x"])
    assert len(report.inquiries) == 1000
    assert ("inquiry", "too_many_rows") in list_problems(report)
    assert len(report.warnings) == 1001


# --- The file as a whole --------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", [[], [{}], None, [{"headerRecord": [{"y2kReportedDate": "11202026"}]}]])
def test_it_has_state_no_hit_for_an_empty_profile(profile):
    report = normalize(json.dumps({"creditProfile": profile}).encode(), asof=TODAY, models=MODELS)
    assert report.state is ReportStatus.NO_HIT


def test_it_has_state_frozen_for_a_frozen_file_without_rows():
    statement = {"type": "25", "statementText": "SECURITY FREEZE: FILE FROZEN DUE TO STATE LEGISLATION."}
    frozen_report = parse_sample(statement=[statement], tradeline=None, riskModel=None, inquiry=None)
    assert frozen_report.state is ReportStatus.FROZEN
    assert parse_sample(statement=[statement]).state is ReportStatus.READY
    assert parse_sample(statement=[statement]).flags.frozen


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ("EXTENDED FRAUD VICTIM ALERT", Notice.FRAUD_ALERT),
        ("ACTIVE DUTY ALERT", Notice.ACTIVE_DUTY),
        ("I DISAGREE WITH THE ENTRY OF THE ELECTRIC COMPANY", Notice.CONSUMER),
    ],
)
def test_it_classifies_statements_by_their_text(text, notice):
    report = parse_sample(statement={"type": "07", "dateReported": "11012026", "statementText": text})
    assert report.statements[0].notice is notice
    assert report.flags.fraud_alert is (notice is Notice.FRAUD_ALERT)


@pytest.mark.parametrize(
    "sections",
    [
        {"fraudShield": [{"fraudShieldIndicators": {"indicator": ["05"]}}]},
        {"fraudShield": {"fraudShieldIndicators": {"indicator": "25"}}},
        {"fraudShield": [{"dateOfDeath": "05202026"}]},
        {"tradeline": [card(enhanced={"enhancedAccountCondition": "21"})]},
    ],
)
def test_it_has_state_restricted_if_the_consumer_is_deceased(sections):
    assert parse_sample(**sections).state is ReportStatus.RESTRICTED


@pytest.mark.parametrize(
    "sections",
    [
        {"ssn": [{"number": SSN, "ssnIndicators": "YYYYYNNNN"}]},
        {"ssn": {"variationIndicator": "Y"}},
        {"fraudShield": [{"fraudShieldIndicators": {"indicator": ["03"]}}]},
    ],
)
def test_it_has_state_mismatch_if_details_differ(sections):
    assert parse_sample(**sections).state is ReportStatus.MISMATCH


def test_it_parses_personal_details():
    job = {"name": "MICHIANA FREIGHT", "firstReportedDate": "01012020"}
    details = {(detail.kind, detail.text) for detail in parse_sample(employmentInformation=job).personal}
    assert details == {
        (Detail.NAME, "ADA MERCER"),
        (Detail.BIRTH, "1971-01-15"),
        (Detail.ADDRESS, "101 MAPLE ST, MICHIGAN CITY IN 46360"),
        (Detail.EMPLOYER, "MICHIANA FREIGHT"),
    }


@pytest.mark.parametrize(("dob", "text"), [({"year": "1971"}, ["1971"]), ({"year": "0000", "day": "00"}, [])])
def test_it_parses_a_year_of_birth(dob, text):
    details = parse_sample(consumerIdentity=[{"dob": dob}]).personal
    assert [detail.text for detail in details if detail.kind is Detail.BIRTH] == text


def test_it_parses_a_public_record():
    [record] = parse_sample(publicRecord=[RECORD]).public_records
    assert (record.amount, record.status_code, record.bankruptcy) == (38400, "15", True)
    assert (record.filed_on, record.reference) == (PartialDate(date(2025, 5, 15)), "2490009")


def test_it_does_not_warn_of_an_inquiry_without_an_amount():
    [inquiry] = parse_sample().inquiries
    assert (inquiry.on, inquiry.amount) == (PartialDate(date(2025, 9, 12)), None)
