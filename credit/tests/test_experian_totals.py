import pytest

from credit.tests.experian_samples import (
    card,
    list_problems,
    loan,
    parse_sample,
)


def build_summary_section(**values):
    attributes = [{"id": name, "value": value} for name, value in values.items()]
    return [{"summaryType": "Profile Summary", "attributes": attributes}]


TOTALS = {
    "installmentBalance": "00006100",
    "realEstateBalance": "00000000",
    "revolvingBalance": "00001140",
    "totalTradeItems": "002",
    "paidAccounts": "000",
    "delinquencies30Days": "000",
    "oldestTradeDate": "03152016",
    "wasDelinquentDerog": "000",
}


def test_it_agrees_with_the_bureaus_totals():
    report = parse_sample(summaries=build_summary_section(**TOTALS))
    assert report.warnings == ()
    assert dict(report.totals)["oldestTradeDate"] == 20160315


@pytest.mark.parametrize("name", TOTALS)
def test_it_warns_of_a_different_total(name):
    wrong = "01012001" if name == "oldestTradeDate" else "00000007"
    report = parse_sample(summaries=build_summary_section(**TOTALS | {name: wrong}))
    assert [problem for _, problem in list_problems(report)] == ["total_differs"]


def test_it_excludes_unreported_balances_from_totals():
    lines = [card(openOrClosed="C", balanceAmount=None), loan()]
    totals = TOTALS | {"revolvingBalance": "00000000", "paidAccounts": "001"}
    assert parse_sample(tradeline=lines, summaries=build_summary_section(**totals)).warnings == ()


def test_it_counts_a_paid_bad_debt_as_derogatory():
    enhanced = {"enhancedAccountCondition": "A2", "enhancedPaymentStatus": "93"}
    paid = card(openOrClosed="C", balanceAmount=None, status="93", derogCounter="07", enhanced=enhanced)
    totals = {"wasDelinquentDerog": "001", "totalTradeItems": "001"}
    assert parse_sample(tradeline=[paid], summaries=build_summary_section(**totals)).warnings == ()
    unpaid = card(status="93", derogCounter="07", enhanced={"enhancedAccountCondition": "93"})
    assert (
        parse_sample(
            tradeline=[unpaid], summaries=build_summary_section(**totals | {"wasDelinquentDerog": "000"})
        ).warnings
        == ()
    )


# --- Accounts that are in dispute -----------------------------------------------------------------------------

DISPUTED = card(
    subscriberName="OTHER BANK",
    openDate="01152012",
    balanceAmount="00000500",
    delinquencies30Days="02",
    enhanced={"complianceCondition": "XB"},
)


def test_it_agrees_with_totals_without_disputed_accounts():
    report = parse_sample(
        tradeline=[card(), loan(), DISPUTED], summaries=build_summary_section(**TOTALS, disputedAccountsExcluded="001")
    )
    assert report.warnings == ()


def test_it_agrees_with_totals_with_disputed_accounts():
    totals_with_disputed = TOTALS | {
        "revolvingBalance": "00001640",
        "totalTradeItems": "003",
        "delinquencies30Days": "002",
        "oldestTradeDate": "01152012",
        "wasDelinquentDerog": "001",
    }
    lines = [card(), loan(), DISPUTED]
    assert (
        parse_sample(
            tradeline=lines, summaries=build_summary_section(**totals_with_disputed, disputedAccountsExcluded="000")
        ).warnings
        == ()
    )
    # Which totals exclude them is not documented, so both sums are accepted.
    mixed_totals = TOTALS | {"totalTradeItems": "003", "oldestTradeDate": "01152012"}
    assert (
        parse_sample(
            tradeline=lines, summaries=build_summary_section(**mixed_totals, disputedAccountsExcluded="001")
        ).warnings
        == ()
    )


@pytest.mark.parametrize("name", TOTALS)
def test_it_warns_if_a_total_differs_with_and_without_disputed_accounts(name):
    wrong = "01012001" if name == "oldestTradeDate" else "00000007"
    totals = TOTALS | {name: wrong, "disputedAccountsExcluded": "001"}
    report = parse_sample(tradeline=[card(), loan(), DISPUTED], summaries=build_summary_section(**totals))
    assert [problem for _, problem in list_problems(report)] == ["total_differs"]


def test_it_does_not_compare_if_the_excluded_accounts_are_unknown():
    totals = TOTALS | {"totalTradeItems": "007", "disputedAccountsExcluded": "002"}
    report = parse_sample(tradeline=[card(), loan(), DISPUTED], summaries=build_summary_section(**totals))
    assert [problem for _, problem in list_problems(report)] == ["total_differs"]
    assert report.warnings[0].path.endswith(f"attributes[{len(TOTALS)}]")


def test_it_ignores_the_flag_of_a_partial_total():
    assert parse_sample(summaries=build_summary_section(**TOTALS, monthlyPaymentPartialFlag="*")).warnings == ()
