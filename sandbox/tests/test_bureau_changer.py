"""P11's twelve months: each report has the planned change of its month, and no other."""

from collections.abc import Iterator
from datetime import date

import pytest

from sandbox.tests.bureau_client import BureauClient, Json, find_account, first_score, parse_amount
from sandbox.tests.sandbox_client import SandboxClient, run_sandbox

MONTHS = 13
SCORES = [702, 688, 684, 676, 690, 651, 656, 667, 664, 666, 672, 689, 640]
BEACON = [1995, 3315, 3290, 3270, 1820, 1790, 1815, 1760, 1745, 1730, 1715, 1690, 1690]
NEWS: list[set[str]] = [
    set(),
    {"inquiry MESA AUTO FINANCE"},
    {"MESA AUTO FINANCE"},
    set(),
    {"HARBOR STORE CARD late", "HARBOR STORE CARD past due"},
    {"HARBOR STORE CARD past due"},
    {"BEACON CARD limit"},
    {"HARBOR STORE CARD closed"},
    {"NORTHFIELD EDUCATION closed", "CEDAR LOAN SERVICING"},
    {"address 27 HARBOR VIEW", "PRAIRIE FINANCE closed", "HARBOR STORE CARD disputed"},
    {"HARBOR STORE CARD late", "HARBOR STORE CARD disputed"},
    {"TRI-COUNTY RECOVERY", "statement 07"},
]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> list[Json]:
    """The 13 profiles of a client that pulls a report every 30 days of virtual time."""
    return [
        profile
        for driver in run_sandbox(tmp_path_factory.mktemp("year"), "instant")
        for profile in pull_monthly(driver)
    ]


def pull_monthly(driver: SandboxClient) -> Iterator[Json]:
    yield BureauClient(driver).profile("P11")
    for _ in range(MONTHS - 1):
        driver.admin("POST", "clock", {"advance_days": 30})
        yield BureauClient(driver).profile("P11")


def day(text: str) -> date:
    return date(int(text[4:]), int(text[:2]), int(text[2:4]))


def list_values(profile: Json) -> dict[str, str]:
    """Return the values of a profile, except those that change every month: balances, payments, dates."""
    values = {f"inquiry {inquiry['subscriberName']}": inquiry["date"] for inquiry in profile.get("inquiry", [])}
    values |= {
        f"address {address['streetPrefix']} {address['streetName']}": "" for address in profile["addressInformation"]
    }
    values |= {
        f"statement {statement['type']}": statement["statementText"] for statement in profile.get("statement", [])
    }
    for row in profile["tradeline"]:
        name, wide = row["subscriberName"], row["enhancedPaymentData"]
        values[name] = row["openDate"]
        values[f"{name} limit"] = wide.get("creditLimitAmount", "")
        values[f"{name} closed"] = wide["enhancedAccountCondition"] if row["openOrClosed"] == "C" else ""
        values[f"{name} late"] = row["delinquencies30Days"] if row["status"] != "93" else "00"
        values[f"{name} past due"] = row.get("amountPastDue", "")
        values[f"{name} disputed"] = row["enhancedPaymentData"].get("complianceCondition", "")
    return values


def test_it_has_the_planned_score_in_every_month(year: list[Json]) -> None:
    assert [int(first_score(profile)) for profile in year] == SCORES
    assert [parse_amount(find_account(profile, "BEACON CARD")["balanceAmount"]) for profile in year] == BEACON


@pytest.mark.parametrize("month", range(1, MONTHS))
def test_it_has_only_the_planned_change_in_each_month(year: list[Json], month: int) -> None:
    before, after = list_values(year[month - 1]), list_values(year[month])
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    creditors = {row["subscriberName"] for row in year[month]["tradeline"]}
    creditors_before = {row["subscriberName"] for row in year[month - 1]["tradeline"]}
    new = {
        name for name in changed if any(name.startswith(f"{creditor} ") for creditor in creditors - creditors_before)
    }
    assert changed - new == NEWS[month - 1]


def test_it_crosses_the_thresholds_of_utilization(year: list[Json]) -> None:
    used = [round(100 * balance / 6500, 1) for balance in BEACON[:5]]
    assert used == [30.7, 51.0, 50.6, 50.3, 28.0]
    limits = [find_account(profile, "BEACON CARD")["enhancedPaymentData"]["creditLimitAmount"] for profile in year]
    assert [int(limit) for limit in limits] == [6500] * 7 + [8000] * 6


def test_it_removes_the_late_payment_after_a_dispute(year: list[Json]) -> None:
    rows = [find_account(profile, "HARBOR STORE CARD") for profile in year]
    assert [row["status"] for row in rows[4:12]] == ["11", "71", "31", "31", "51", "51", "51", "12"]
    assert [row["paymentHistory"][:3] for row in rows[4:9]] == ["CCC", "1CC", "C1C", "0C1", "B0C"]
    assert parse_amount(rows[5]["amountPastDue"]) == 25
    assert [row["paymentHistory"].count("1") for row in rows] == [0] * 5 + [1] * 6 + [0] * 2
    assert "balanceAmount" not in rows[8]
    assert {row["balanceDate"] for row in rows[8:]} == {rows[8]["balanceDate"]}


def test_it_transfers_a_loan_without_a_new_debt(year: list[Json]) -> None:
    old, new = find_account(year[9], "NORTHFIELD EDUCATION"), find_account(year[9], "CEDAR LOAN SERVICING")
    assert (old["status"], old["openOrClosed"], "balanceAmount" in old) == ("05", "C", False)
    assert (new["openDate"], new["amount1"]) == (old["openDate"], old["amount1"])
    assert parse_amount(new["balanceAmount"]) == 14200 - 9 * 130
    assert parse_amount(find_account(year[8], "NORTHFIELD EDUCATION")["balanceAmount"]) == 14200 - 8 * 130


def test_it_dates_new_entries_between_the_reports(year: list[Json]) -> None:
    report_dates = [day(profile["headerRecord"][0]["y2kReportedDate"]) for profile in year[:4]]
    (inquiry,) = (inquiry for inquiry in year[2]["inquiry"] if inquiry["subscriberName"] == "MESA AUTO FINANCE")
    assert report_dates[0] < day(inquiry["date"]) < report_dates[2]
    assert report_dates[1] < day(find_account(year[3], "MESA AUTO FINANCE")["openDate"]) < report_dates[3]


def test_it_pays_a_loan_off(year: list[Json]) -> None:
    rows = [find_account(profile, "PRAIRIE FINANCE") for profile in year]
    assert [parse_amount(row.get("balanceAmount")) for row in rows[:10]] == [1400 - 140 * month for month in range(10)]
    assert (rows[10]["openOrClosed"], rows[10]["enhancedPaymentData"]["enhancedAccountCondition"]) == ("C", "A2")
