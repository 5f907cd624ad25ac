"""The features of published real reports in P15's, without the four fields that no published report has."""

import json
from typing import Any

import pytest

from sandbox.tests.bureau_client import REPORTED, BureauClient, Json, find_account, request_body, summary_attributes

TYPES = {"02", "06", "08", "10", "13", "25", "31", "78", "3A", "2A"}
STATUSES = {"05", "13", "62", "71", "73", "84"}
# Fields of the schema that no published report has.
UNSEEN = {"bankruptcyChapterNumber", "ciiCode", "consumerDisputeFlag", "originalCreditorName"}
MONTHS = (0, 5, 10, 12)


@pytest.fixture
def profile(bureau: BureauClient) -> Json:
    return bureau.profile("P15")


def codes(profile: Json, field: str) -> set[str]:
    return {row[field] for row in profile["tradeline"] if field in row}


def fields(part: Any) -> set[str]:
    """Return the names of all fields in a part of a report."""
    if isinstance(part, list):
        return set().union(*map(fields, part))
    if isinstance(part, dict):
        return set(part).union(*map(fields, part.values()))
    return set()


def test_it_sends_types_and_statuses_of_real_files(profile: Json) -> None:
    assert codes(profile, "accountType") >= TYPES
    assert codes(profile, "status") >= STATUSES
    assert codes(profile, "ecoa") >= {"4", "7"}
    assert "UNK" in codes(profile, "terms")


def test_it_sends_conditions_in_place_of_a_payment_status(profile: Json) -> None:
    wide = [row["enhancedPaymentData"] for row in profile["tradeline"] if "enhancedPaymentData" in row]
    assert {"05", "A2"} <= {each["enhancedAccountCondition"] for each in wide}
    assert {"A2", "93"} <= {each["enhancedPaymentStatus"] for each in wide}


def test_it_sends_accounts_without_enhanced_data(profile: Json) -> None:
    plain = [row for row in profile["tradeline"] if "enhancedPaymentData" not in row]
    assert {row["status"] for row in plain} >= {"13", "62", "73"}


def test_it_sends_accounts_without_a_balance_date(profile: Json) -> None:
    undated = [row for row in profile["tradeline"] if "balanceDate" not in row]
    assert {("statusDate" in row, "paymentHistory" in row) for row in undated} == {(True, True), (False, True)}


def test_it_sends_blank_months(profile: Json) -> None:
    grid = find_account(profile, "HARBOR STORE CARD")["paymentHistory"]
    assert grid[0] == " "
    assert " " in grid.strip()


def test_it_sends_a_paid_collection(profile: Json) -> None:
    row = find_account(profile, "TRI-COUNTY RECOVERY")
    wide = row["enhancedPaymentData"]
    assert (row["accountType"], row["status"], row["openOrClosed"]) == ("48", "93", "C")
    assert (wide["enhancedAccountCondition"], wide["enhancedPaymentStatus"]) == ("A2", "93")


def test_it_excludes_a_disputed_account_from_the_totals(profile: Json) -> None:
    summary, row = summary_attributes(profile), find_account(profile, "MESA AUTO LEASING")
    assert row["enhancedPaymentData"]["complianceCondition"] == "XB"
    assert summary["disputedAccountsExcluded"] == "001"
    assert int(summary["totalTradeItems"]) == len(profile["tradeline"]) - 1


def test_it_sends_types_of_inquiries_as_numbers(bureau: BureauClient, profile: Json) -> None:
    assert {one["type"] for one in profile["inquiry"]} >= {"31", "08", "48"}
    for persona in REPORTED:
        assert all(one["type"] != "I" and one["terms"] == "UNK" for one in bureau.profile(persona).get("inquiry", []))


def test_it_sends_fraud_indicators_with_the_file(bureau: BureauClient, profile: Json) -> None:
    (shield,) = profile["fraudShield"]
    assert (shield["type"], shield["fraudShieldIndicators"]["indicator"]) == ("99", ["01", "02", "04"])
    assert bureau.profile("P06")["fraudShield"][0]["fraudShieldIndicators"]["indicator"] == ["03"]


def test_it_sends_the_result_of_the_sanctions_check(profile: Json) -> None:
    assert profile["ofac"] == {"messageNumber": "1202", "messageText": "OFAC NO RECORD FOUND"}


def test_it_sends_the_details_of_a_bankruptcy(profile: Json) -> None:
    (record,) = profile["publicRecord"]
    assert (record["bankruptcyVoluntaryIndicator"], record["ecoa"]) == ("V", "1")
    assert (record["bankruptcyAssetAmount"], record["repaymentPercent"]) == ("00021500", "040")


def test_it_reports_the_worst_delinquency_of_the_grid(bureau: BureauClient) -> None:
    row = find_account(bureau.profile("P03"), "BEACON CARD")
    assert row["enhancedPaymentData"]["maxDelinquencyCode"] == "2"


def test_it_sends_the_date_of_the_payment_level(bureau: BureauClient) -> None:
    row = find_account(bureau.profile("P01"), "LAKESHORE BANK")
    assert row["enhancedPaymentData"]["paymentLevelDate"] == row["balanceDate"][:2] + "01" + row["balanceDate"][4:]


@pytest.mark.parametrize("persona", REPORTED)
def test_it_sends_no_field_that_no_published_report_has(bureau: BureauClient, persona: str) -> None:
    for month in MONTHS:
        bureau.set_month(persona, month)
        unseen = fields(bureau.profile(persona).get("tradeline", [])) & UNSEEN
        assert unseen == (UNSEEN if persona == "P12" else set()), month


def test_it_sends_a_message_that_there_is_no_record(bureau: BureauClient) -> None:
    bureau.admin("POST", "personas/P04", {"mode": "no_hit_message"})
    response = bureau.request_report(request_body("P04"))
    (profile,) = json.loads(response.data)["creditProfile"]
    (message,) = profile["informationalMessage"]
    assert (response.status, message["messageNumberDetailed"], message["messageText"]) == (
        200,
        "0007",
        "NO RECORD FOUND",
    )
    assert not {"tradeline", "riskModel", "consumerIdentity", "inquiry"} & profile.keys()
    bureau.admin("POST", "personas/P04", {"mode": "usual"})
    assert bureau.expect_error(request_body("P04")) == (404, "07")
