"""The reports of the sandbox's personas, parsed by code that shares nothing with the sandbox."""

from dataclasses import replace

import pytest

from credit.analysis.bands import model_name
from credit.analysis.summary import summarize
from credit.analysis.utilization import summarize_utilization
from credit.payment_history import Bucket
from credit.report import AccountKind, ReportStatus
from credit.tests.sandbox_bureau import PERSONAS_WITH_FILE, make_applicant


@pytest.mark.parametrize("persona", PERSONAS_WITH_FILE)
def test_it_agrees_with_the_bureaus_totals(local_bureau, persona):
    report = local_bureau.pull_report(persona)
    assert [warning for warning in report.warnings if warning.problem == "total_differs"] == []
    assert report.totals or persona == "P05"


@pytest.mark.parametrize("persona", sorted(set(PERSONAS_WITH_FILE) - {"P07", "P10", "P12", "P15"}))
def test_it_parses_an_ordinary_file_without_warnings(local_bureau, persona):
    assert local_bureau.pull_report(persona).warnings == ()


@pytest.mark.parametrize(("persona", "code"), [("P07", "9001"), ("P10", "9002")])
def test_it_warns_only_of_the_exclusion_code(local_bureau, persona, code):
    report = local_bureau.pull_report(persona)
    assert [(warning.problem, warning.code) for warning in report.warnings] == [("score_excluded", code)]
    assert (report.scores[0].value, report.scores[0].exclusion_code) == (None, code)


def test_it_parses_a_prime_file(local_bureau):
    report = local_bureau.pull_report("P01")
    [score] = report.scores
    assert (score.value, [factor.code for factor in score.factors]) == (782, ["13", "84"])
    assert model_name(score.model, score.indicator, report.provider) == "VantageScore 4.0"
    assert str(summarize_utilization(report.tradelines).overall.percent) == "15.1"
    assert summarize_utilization(report.tradelines).overall == (3012, 20000)
    assert [(line.kind, line.balance, line.original) for line in report.tradelines[3:]] == [
        (AccountKind.AUTO, 11960, 28400),
        (AccountKind.MORTGAGE, 281450, 318000),
    ]
    summary = summarize(report.tradelines, report.inquiries, on=report.reported_on)
    assert (summary.on_time, summary.inquiries) == (1, {6: 0, 12: 0, 24: 1})


def test_it_parses_a_subprime_file(local_bureau):
    report = local_bureau.pull_report("P03")
    assert report.scores[0].value == 548
    assert summarize_utilization(report.tradelines).overall == (3265, 3500)
    summary = summarize(report.tradelines, report.inquiries, on=report.reported_on)
    assert summary.past_due > 0
    assert (summary.collections, summary.collection_balance, summary.inquiries[12]) == (1, 842, 5)
    assert {line.account_condition for line in report.tradelines if line.derogatory} == {"charge_off", "collection"}


@pytest.mark.parametrize(
    ("persona", "state"),
    [
        ("P01", ReportStatus.READY),
        ("P05", ReportStatus.FROZEN),
        ("P07", ReportStatus.RESTRICTED),
        ("P08", ReportStatus.READY),
        ("P13", ReportStatus.READY),
        ("P15", ReportStatus.READY),
    ],
)
def test_it_returns_the_state_of_each_file(local_bureau, persona, state):
    assert local_bureau.pull_report(persona).state is state


def test_it_finds_alerts(local_bureau):
    flags = local_bureau.pull_report("P08").flags
    assert (flags.fraud_alert, flags.active_duty, flags.frozen) == (True, True, False)


@pytest.mark.parametrize("changes", [{"ssn": "1234"}, {"zip_code": "10001"}])
def test_it_has_state_mismatch_if_details_differ(local_bureau, changes):
    report = local_bureau.pull_report("P01", applicant=replace(make_applicant("P01"), **changes))
    assert report.state is ReportStatus.MISMATCH


def test_it_parses_a_bankruptcy(local_bureau):
    report = local_bureau.pull_report("P09")
    [record] = report.public_records
    assert (record.bankruptcy, record.amount) == (True, 38400)
    assert [line.bankruptcy for line in report.tradelines if line.account_condition == "bankruptcy"] == ["7", "7"]


def test_it_warns_of_every_problem_of_an_unusual_file(local_bureau):
    report = local_bureau.pull_report("P12")
    warnings = {(warning.path.rpartition(".")[2], warning.problem, warning.code) for warning in report.warnings}
    assert warnings >= {
        ("openDate", "partial_date", ""),
        ("balanceAmount", "unstated", ""),
        ("amount1", "unstated", ""),
        ("monthlyPaymentAmount", "unstated", ""),
        ("accountType", "unknown_code", "3Q"),
        ("enhancedPaymentStatus", "unknown_code", "4Z"),
        ("enhancedAccountCondition", "unknown_code", "Z9"),
        ("originalLoamAmountOrLimit", "misspelt_key", ""),
        ("modelIndicator", "unknown_code", "RC"),
    }
    lakeshore, charge, noir, prairie, beacon = report.tradelines[:5]
    assert (lakeshore.limit, lakeshore.last_four) == (3000, "")
    assert (charge.limit, charge.high) == (None, 2600)
    assert noir.balance > noir.limit
    assert (prairie.balance, prairie.original, beacon.balance) == (None, None, 0)
    assert len({line.key for line in report.tradelines}) == 9
    assert model_name(report.scores[0].model, "RC", "experian") == "Experian score, model RC"


def test_it_parses_the_largest_file(local_bureau):
    report = local_bureau.pull_report("P13")
    assert (len(report.tradelines), len(report.public_records)) == (60, 100)
    assert max(len(line.history.codes) for line in report.tradelines) == 84
    assert len({line.key for line in report.tradelines}) == 60


def test_it_excludes_authorized_user_cards_on_request(local_bureau):
    lines = local_bureau.pull_report("P14").tradelines
    assert summarize_utilization(lines).overall == (1890, 25200)
    assert summarize_utilization(lines, authorized_user=False).overall == (840, 1200)


def test_it_parses_other_models(local_bureau):
    report = local_bureau.pull_report("P01", risk_models=("V4", "V3", "F9", "ZZ"))
    assert [score.indicator for score in report.scores] == ["V4", "V3", "F9"]
    assert [message.code for message in report.messages] == ["0084", "1616"]


# --- A file like real ones ------------------------------------------------------------------------------------


@pytest.fixture
def accounts(local_bureau):
    """The accounts of P15, whose file is like real ones, by their creditors."""
    return {line.creditor: line for line in local_bureau.pull_report("P15").tradelines}


def test_it_warns_in_a_realistic_file_only_of_missing_dates(local_bureau):
    assert {warning.problem for warning in local_bureau.pull_report("P15").warnings} == {"history_dated_otherwise"}


def test_it_maps_the_types_of_a_realistic_file(accounts):
    assert {creditor: line.kind for creditor, line in accounts.items() if line.kind is AccountKind.OTHER} == {
        "SUMMIT SERVICES": AccountKind.OTHER
    }
    assert (accounts["FIRST STEP CARD"].product, accounts["MESA LEASING"].kind) == ("secured_card", AccountKind.LEASE)


def test_it_counts_the_secured_card_of_a_realistic_file(local_bureau):
    use = summarize_utilization(local_bureau.pull_report("P15").tradelines)
    assert use.overall == (1590, 12500)
    assert [str(card.use.percent) for card in use.cards] == ["90.0", "9.5"]
    assert [line.creditor for line in use.without_limit] == ["HARBOR STORE CARD"]


def test_it_maps_late_accounts_of_a_realistic_file(accounts):
    late = {
        creditor: line.payment_status for creditor, line in accounts.items() if line.payment_status.startswith("late")
    }
    assert late == {"PRAIRIE BUSINESS BANK": "late30", "DUNES CREDIT UNION": "late30", "QUICKLEND": "late180"}


def test_it_counts_the_paid_collections_of_a_realistic_file(local_bureau):
    report = local_bureau.pull_report("P15")
    summary = summarize(report.tradelines, report.inquiries, on=report.reported_on)
    assert (summary.derogatory, summary.collections, summary.collection_balance) == (2, 2, 0)
    assert {line.payment_status for line in report.tradelines if line.derogatory} == {"paid_was_collection"}


def test_it_dates_histories_without_a_balance_date(local_bureau, accounts):
    report = local_bureau.pull_report("P15")
    assert {creditor: str(line.history.dated_by) for creditor, line in accounts.items() if line.balance_on is None} == {
        "HARBOR FURNITURE": "status",
        "SUMMIT SERVICES": "report",
    }
    assert accounts["SUMMIT SERVICES"].history.latest == report.reported_on.replace(day=1)


def test_it_counts_the_blank_months_of_a_realistic_file(accounts):
    store = accounts["HARBOR STORE CARD"]
    [late] = [month.month for month in store.history.months() if month.bucket is Bucket.LATE_30]
    assert store.history.codes[0] == " "
    assert (store.balance_on.first.year * 12 + store.balance_on.first.month) - (late.year * 12 + late.month) == 4


def test_it_finds_a_dispute_by_its_compliance_code(local_bureau, accounts):
    assert [line.creditor for line in accounts.values() if line.disputed] == ["MESA AUTO LEASING"]
    assert dict(local_bureau.pull_report("P15").totals)["disputedAccountsExcluded"] == 1


def test_it_has_state_no_hit_by_a_message(local_bureau):
    local_bureau.control("bureau/personas/P04", {"mode": "no_hit_message"})
    report = local_bureau.pull_report("P04")
    local_bureau.control("bureau/personas/P04", {"mode": "usual"})
    assert (report.state, [message.code for message in report.messages]) == (ReportStatus.NO_HIT, ["0007"])
