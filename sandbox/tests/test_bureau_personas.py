"""The personas of the bureau: their features, and that the totals of every report are right."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

import pytest

from sandbox.bureau import reports
from sandbox.bureau.months import current_report_month, plus
from sandbox.bureau.personas import PERSONAS
from sandbox.tests.bureau_client import (
    REPORTED,
    BureauClient,
    Json,
    find_account,
    first_score,
    parse_amount,
    request_body,
    summary_attributes,
)

MONTHS = range(14)
STARTS = [date(2024, 1, 31), date(2024, 2, 29), date(2026, 1, 6), date(2026, 11, 22), date(2027, 12, 31)]
EVERYTHING = reports.AddOns("2222222", ("V4",), True, True, True, True, True, True)
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
HOUSES = {"08", "19", "25", "26"}
NOW_BAD = {"71", "72", "73", "78", "80", "82", "83", "84", "67", "93", "94", "95", "96", "97"}


def day(text: str) -> date:
    """Parse MMDDCCYY; day 00 counts as the first."""
    return date(int(text[4:]), int(text[:2]), int(text[2:4]) or 1)


def count_totals(profile: Json) -> dict[str, Any]:
    """Count the totals of a report from its accounts, without disputed ones."""
    all_rows = profile.get("tradeline", [])
    rows = [row for row in all_rows if row.get("enhancedPaymentData", {}).get("complianceCondition") != "XB"]
    houses = [row for row in rows if row["accountType"] in HOUSES]
    others = [row for row in rows if row["accountType"] not in HOUSES]
    kinds = {kind: [row for row in others if row["revolvingOrInstallment"] == kind] for kind in "IR"}
    bad = [row for row in rows if is_bad_now(row)]
    fields = ("delinquencies30Days", "delinquencies60Days", "delinquencies90to180Days", "derogCounter")
    was = [row for row in rows if not is_bad_now(row) and any(int(row[field]) for field in fields)]

    def total(some: list[Json], field: str) -> int:
        return sum(parse_amount(row.get(field)) for row in some)

    return {
        "installmentBalance": total(kinds["I"], "balanceAmount"),
        "realEstateBalance": total(houses, "balanceAmount"),
        "revolvingBalance": total(kinds["R"], "balanceAmount"),
        "pastDueAmount": total(rows, "amountPastDue"),
        "monthlyPayment": total(others, "monthlyPaymentAmount"),
        "realEstatePayment": total(houses, "monthlyPaymentAmount"),
        "totalTradeItems": len(rows),
        "paidAccounts": sum(row["openOrClosed"] == "C" for row in rows),
        "satisfactoryAccounts": len(rows) - len(bad) - len(was),
        "nowDelinquentDerog": len(bad),
        "wasDelinquentDerog": len(was),
        "totalInquiries": len(profile.get("inquiry", [])),
        "publicRecordsCount": len(profile.get("publicRecord", [])),
        "disputedAccountsExcluded": len(all_rows) - len(rows),
        **{field: total(rows, field) for field in fields},
    }


def is_bad_now(row: Json) -> bool:
    """Whether an account is delinquent, or derogatory and not paid."""
    return row["status"] in NOW_BAD and row.get("enhancedPaymentData", {}).get("enhancedAccountCondition") != "A2"


def utilization(profile: Json, *, own_only: bool = False) -> Decimal:
    """Return the utilization of open cards in percent, to two decimal places."""
    cards = [
        row
        for row in profile["tradeline"]
        if row["openOrClosed"] == "O"
        and row["accountType"] in ("18", "07", "2A")
        and not (own_only and row["ecoa"] == "3")
    ]
    balances = sum(parse_amount(row["balanceAmount"]) for row in cards)
    limits = sum(parse_amount(row["enhancedPaymentData"]["creditLimitAmount"]) for row in cards)
    return (Decimal(100) * balances / limits).quantize(Decimal("0.01"), ROUND_HALF_UP)


def factors(profile: Json) -> list[str]:
    return [factor["code"] for factor in profile["riskModel"][0]["scoreFactors"]]


def scalars(part: Any) -> Iterator[Any]:
    """Yield everything in a report that is neither an object nor an array."""
    match part:
        case dict():
            for value in part.values():
                yield from scalars(value)
        case list():
            for value in part:
                yield from scalars(value)
        case _:
            yield part


# --- All personas -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("persona", REPORTED)
def test_it_reports_the_sums_of_the_accounts_as_totals_in_every_month(bureau: BureauClient, persona: str) -> None:
    for month in MONTHS:
        bureau.set_month(persona, month)
        profile = bureau.profile(persona)
        summary = summary_attributes(profile)
        assert {name: int(summary[name]) for name in count_totals(profile)} == count_totals(profile), (persona, month)
        oldest = min(row["openDate"][4:] + row["openDate"][:4] for row in profile["tradeline"])
        assert summary["oldestTradeDate"] == oldest[4:] + oldest[:4]
        if "revolvingAvailablePercent" not in summary:
            continue
        revolving = [row for row in profile["tradeline"] if row["revolvingOrInstallment"] == "R"]
        assert all("enhancedPaymentData" in row for row in revolving)
        limited = [
            row for row in revolving if row["openOrClosed"] == "O" and "creditLimitAmount" in row["enhancedPaymentData"]
        ]
        owed = sum(parse_amount(row.get("balanceAmount")) for row in limited)
        limits = sum(parse_amount(row["enhancedPaymentData"]["creditLimitAmount"]) for row in limited)
        available = Decimal(100) - Decimal(100) * owed / limits
        assert 0 <= int(summary["revolvingAvailablePercent"]) - max(available, 0) < 1


@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize("began", STARTS, ids=str)
def test_it_writes_every_report_in_the_bureau_s_format(persona: str, began: date) -> None:
    for month in (0, 1, 6, 11, 12, 13, 40, 90):
        today = plus(began, month)
        report_month = current_report_month(began, today)
        profile = reports.report(PERSONAS[persona], report_month, EVERYTHING, at=MIDNIGHT)
        assert report_month.number == month
        assert all(isinstance(value, str) and value for value in scalars(profile))
        assert len(summary_attributes(profile)) >= 22
        for row in profile.get("tradeline", []):
            check_row(row, today, quirky=persona == "P12")
        dates = [inquiry["date"] for inquiry in profile.get("inquiry", [])]
        dates += [record[field] for record in profile.get("publicRecord", []) for field in ("filingDate", "statusDate")]
        assert all(day(text) <= today for text in dates)


def check_row(row: Json, today: date, *, quirky: bool) -> None:
    """Check the widths of fields, the order of dates, and that the grid matches the counters."""
    wide = row.get("enhancedPaymentData", {})
    grid = wide.get("enhancedPaymentHistory84", row["paymentHistory"])
    for field in ("balanceAmount", "amountPastDue", "monthlyPaymentAmount", "amount1", "amount2"):
        assert re.fullmatch(r"\d{8}|UNKNOWN" if quirky else r"\d{8}", row.get(field, "00000000")), field
    for field in ("creditLimitAmount", "highBalanceAmount", "originalLoanAmount", "chargeoffAmount"):
        assert re.fullmatch(r"\d{10}", wide.get(field, "0000000000")), field
    assert re.fullmatch(r"[C0-9BGL ]{1,84}" if not quirky else r"[C0ZN\-B]{1,84}", grid)
    assert row["paymentHistory"] == grid[:25]
    if "balanceDate" not in row:
        return
    assert day(row["openDate"]) < day(row["balanceDate"]) <= today
    counters = int(row["delinquencies30Days"]), int(row["delinquencies60Days"])
    # The short grid alone may not include everything that the counters count.
    assert not wide or counters == (grid.count("1"), grid.count("2"))
    late = [place for place, code in enumerate(grid) if code in "123456789GL"]
    if late and wide:
        assert day(wide["firstDelinquencyDate"]) == plus(day(row["balanceDate"]).replace(day=1), -late[0])
    if len(late) > 1 and wide:
        assert day(wide["secondDelinquencyDate"]) == plus(day(row["balanceDate"]).replace(day=1), -late[1])


def longest_grid(row: Json) -> str:
    return row.get("enhancedPaymentData", {}).get("enhancedPaymentHistory84", row["paymentHistory"])


@pytest.mark.parametrize("persona", PERSONAS)
def test_it_keeps_the_history_from_report_to_report(persona: str) -> None:
    """Two reports have the same codes for the same month, unless the bureau removed a mark."""
    began = date(2026, 1, 31)
    pages = [
        reports.report(PERSONAS[persona], current_report_month(began, plus(began, month)), EVERYTHING, at=MIDNIGHT)
        for month in MONTHS
    ]
    for before, after in pairwise(pages):
        rows = {(row["subscriberCode"], row["openDate"]): row for row in after.get("tradeline", [])}
        for row in (row for row in before.get("tradeline", []) if "balanceDate" in row):
            later = rows[row["subscriberCode"], row["openDate"]]
            moved = (day(later["balanceDate"]).year - day(row["balanceDate"]).year) * 12
            moved += day(later["balanceDate"]).month - day(row["balanceDate"]).month
            assert moved in (0, 1)
            old, new = longest_grid(row), longest_grid(later)[moved:]
            taken_back = persona == "P11" and row["subscriberName"] == "HARBOR STORE CARD" and "1" in old
            assert old[: len(new)] == new[: len(old)] or taken_back


def test_it_returns_the_same_report_twice_in_a_month(bureau: BureauClient) -> None:
    for persona in REPORTED:
        first, second = bureau.profile(persona), bureau.profile(persona)
        for profile in (first, second):
            del profile["headerRecord"][0]["reportTime"]
        assert first == second


# --- Single personas --------------------------------------------------------------------------------------


def test_it_has_a_prime_file(bureau: BureauClient) -> None:
    profile = bureau.profile("P01")
    summary = summary_attributes(profile)
    assert (first_score(profile), factors(profile)) == ("0782", ["13", "84"])
    assert utilization(profile) == Decimal("15.06")
    assert (summary["revolvingBalance"], summary["installmentBalance"]) == ("00003012", "00011960")
    assert (summary["realEstateBalance"], summary["monthlyPayment"], summary["realEstatePayment"]) == (
        "00281450",
        f"{512 + 34 + 56:08d}",
        "00001936",
    )
    assert find_account(profile, "MESA AUTO FINANCE")["amount1"] == "00028400"
    assert find_account(profile, "CEDAR HOME MORTGAGE")["enhancedPaymentData"]["originalLoanAmount"] == "0000318000"
    assert {row["status"] for row in profile["tradeline"]} == {"11"}
    (inquiry,) = profile["inquiry"]
    header = day(profile["headerRecord"][0]["y2kReportedDate"])
    assert plus(day(inquiry["date"]), 14) < header < plus(day(inquiry["date"]), 15)


def test_it_has_a_thin_file(bureau: BureauClient) -> None:
    profile = bureau.profile("P02")
    (row,) = profile["tradeline"]
    assert (first_score(profile), factors(profile), utilization(profile)) == ("0641", ["14", "32"], Decimal("82.40"))
    assert (row["monthsHistory"], row["paymentHistory"]) == ("07", "C" * 7)


def test_it_has_a_subprime_file(bureau: BureauClient) -> None:
    profile = bureau.profile("P03")
    assert (first_score(profile), utilization(profile)) == ("0548", Decimal("93.29"))
    assert parse_amount(summary_attributes(profile)["pastDueAmount"]) == 1930 + 842
    assert find_account(profile, "BEACON CARD")["paymentHistory"][4] == "2"
    charged_off = find_account(profile, "PLAINS BANK CARD")
    assert (charged_off["status"], charged_off["evaluation"], charged_off["balanceAmount"]) == ("97", "N", "00001930")
    assert charged_off["enhancedPaymentData"]["chargeoffAmount"] == "0000001930"
    collection = find_account(profile, "TRI-COUNTY RECOVERY")
    assert (collection["balanceAmount"], collection["status"]) == ("00000842", "93")
    today = day(profile["headerRecord"][0]["y2kReportedDate"])
    assert len([one for one in profile["inquiry"] if day(one["date"]) > plus(today, -12)]) == 5


def test_it_has_no_file_for_p04(bureau: BureauClient) -> None:
    response = bureau.request_report(request_body("P04"))
    assert (response.status, json.loads(response.data)["errors"][0]["message"]) == (404, "NO RECORD FOUND")


def test_it_reports_a_frozen_file_in_two_ways_and_lifts_the_freeze(bureau: BureauClient) -> None:
    profile = bureau.profile("P05")
    assert not {"riskModel", "tradeline", "inquiry", "summaries", "ssn"} & profile.keys()
    assert "FILE FROZEN" in profile["statement"][0]["statementText"]
    bureau.admin("POST", "personas/P05", {"mode": "frozen_422"})
    assert bureau.expect_error(request_body("P05")) == (422, "25")
    bureau.admin("POST", "personas/P05", {"mode": "normal"})
    assert first_score(bureau.profile("P05")) == "0733"
    bureau.admin("POST", "personas/P05", {"mode": "usual"})
    assert "riskModel" not in bureau.profile("P05")


def test_it_reports_which_details_do_not_match_the_file(bureau: BureauClient) -> None:
    profile = bureau.profile("P06")
    assert profile["ssn"][0]["variationIndicator"] == "Y"
    assert profile["fraudShield"][0]["fraudShieldIndicators"]["indicator"] == ["03"]
    assert profile["addressInformation"][0]["streetPrefix"] == "101"
    assert profile["ssn"][0]["number"] == "666011001"
    bureau.admin("POST", "personas/P06", {"mode": "no_hit"})
    assert bureau.expect_error(request_body("P06")) == (404, "07")


def test_it_reports_a_death_with_every_indicator(bureau: BureauClient) -> None:
    profile = bureau.profile("P07", "V4", "F9")
    shield = profile["fraudShield"][0]
    assert shield["fraudShieldIndicators"]["indicator"] == ["05", "25"]
    assert day(shield["dateOfDeath"]) < plus(day(profile["headerRecord"][0]["y2kReportedDate"]), -6)
    assert [model["score"] for model in profile["riskModel"]] == ["9001", "9001"]
    (row,) = profile["tradeline"]
    assert (row["status"], row["enhancedPaymentData"]["enhancedAccountCondition"]) == ("21", "21")


def test_it_reports_a_file_with_alerts(bureau: BureauClient) -> None:
    profile = bureau.profile("P08")
    texts = [one["statementText"] for one in profile["statement"]]
    assert re.search(r"EXTENDED ALERT.*\d{3}-\d{3}-\d{4}", texts[0])
    assert "ACTIVE DUTY" in texts[1]
    assert first_score(profile) == "0719"


def test_it_reports_a_bankruptcy(bureau: BureauClient) -> None:
    profile = bureau.profile("P09")
    (record,) = profile["publicRecord"]
    today = day(profile["headerRecord"][0]["y2kReportedDate"])
    assert plus(day(record["statusDate"]), 14) < today < plus(day(record["statusDate"]), 15)
    included = [row for row in profile["tradeline"] if row["status"] == "67"]
    assert [row["enhancedPaymentData"]["enhancedAccountCondition"] for row in included] == ["E", "E"]
    assert not any("balanceAmount" in row for row in included)


def test_it_reports_an_exclusion_code_without_recent_accounts(bureau: BureauClient) -> None:
    profile = bureau.profile("P10", "V4", "V3", "F9")
    assert [model["score"] for model in profile["riskModel"]] == ["9002"] * 3
    assert not any("scoreFactors" in model for model in profile["riskModel"])
    today = day(profile["headerRecord"][0]["y2kReportedDate"])
    assert all(day(row["balanceDate"]) < plus(today, -6) for row in profile["tradeline"])


def test_it_sends_every_quirk_of_the_format(bureau: BureauClient) -> None:
    response = bureau.request_report(request_body("P12"))
    (profile,) = json.loads(response.data)["creditProfile"]
    rows = profile["tradeline"]
    assert sum(not row["accountNumber"].strip("0") for row in rows) == 4
    assert "amount1Qualifier" not in rows[0]
    assert rows[0]["enhancedPaymentData"]["creditLimitAmount"] == "0000003000"
    assert (rows[1]["amount1Qualifier"], "creditLimitAmount" in rows[1]["enhancedPaymentData"]) == ("H", False)
    assert parse_amount(rows[2]["balanceAmount"]) > parse_amount(rows[2]["amount1"])
    assert (rows[2]["openDate"][2:4], rows[2]["lastPaymentDate"]) == ("00", "00000000")
    assert (rows[3]["balanceAmount"], rows[3]["amount1"]) == ("UNKNOWN", "UNKNOWN")
    assert rows[4]["balanceAmount"] == "00000000"
    assert rows[5]["subscriberName"] == rows[6]["subscriberName"]
    assert (rows[5]["openDate"], rows[5]["amount1"]) != (rows[6]["openDate"], rows[6]["amount1"])
    assert (rows[7]["accountType"], rows[7]["status"]) == ("3Q", "4Z")
    assert rows[7]["paymentHistory"][:8] == "CCCBN-ZC"
    assert "originalLoamAmountOrLimit" in rows[8]["trendedTrades"][0]
    assert isinstance(profile["consumerIdentity"], dict)
    assert profile["riskModel"]["modelIndicator"] == "RC"
    assert "CAFÉ".encode() in response.data


def test_it_has_a_file_of_maximum_size(bureau: BureauClient) -> None:
    profile = bureau.profile("P13")
    assert (len(profile["tradeline"]), len(profile["publicRecord"])) == (60, 100)
    open_ = [row["enhancedPaymentData"] for row in profile["tradeline"] if row["openOrClosed"] == "O"]
    assert {len(wide["enhancedPaymentHistory84"]) for wide in open_} == {84}


def test_it_reports_the_cards_of_an_authorized_user(bureau: BureauClient) -> None:
    profile = bureau.profile("P14")
    assert sorted(row["ecoa"] for row in profile["tradeline"]) == ["1", "3", "3"]
    assert (utilization(profile), utilization(profile, own_only=True)) == (Decimal("7.50"), Decimal("70.00"))


# --- Add-ons ----------------------------------------------------------------------------------------------


def test_it_returns_the_requested_scores_and_names_unavailable_models(bureau: BureauClient) -> None:
    profile = bureau.profile("P01", "V4", "V3", "F9", "AF")
    assert [(one["modelIndicator"], one["score"]) for one in profile["riskModel"]] == [
        ("V4", "0782"),
        ("V3", "0776"),
        ("F9", "0790"),
    ]
    assert any("RISK MODEL AF NOT AVAILABLE" in one["messageText"] for one in profile["informationalMessage"])


def test_it_returns_no_add_on_that_was_not_requested(bureau: BureauClient) -> None:
    profile = bureau.profile("P01", addOns={})
    assert not {"riskModel", "summaries", "fraudShield", "uniqueConsumerIdentifier"} & profile.keys()
    assert not any("enhancedPaymentHistory84" in row["enhancedPaymentData"] for row in profile["tradeline"])
    assert not any("trendedTrades" in row for row in profile["tradeline"])


def test_it_returns_trended_data_if_requested(bureau: BureauClient) -> None:
    profile = bureau.profile("P01", addOns={"trendedData": "Y"})
    trend = find_account(profile, "MESA AUTO FINANCE")["trendedTrades"]
    assert [one["monthNumber"] for one in trend] == [str(month) for month in range(24)]
    assert [one["balanceAmount"] for one in trend[:3]] == ["00011960", "00012425", "00012890"]


def test_it_gives_every_consumer_a_constant_id(bureau: BureauClient) -> None:
    ids = {}
    for persona in REPORTED:
        bureau.set_month(persona, 0)
        (ids[persona],) = bureau.profile(persona)["uniqueConsumerIdentifier"]
        bureau.set_month(persona, 5)
        assert bureau.profile(persona)["uniqueConsumerIdentifier"] == [ids[persona]]
        assert len(ids[persona]["value"]) == 17
    assert ids.pop("P06") == ids["P01"]
    assert len({one["value"] for one in ids.values()}) == len(ids)
