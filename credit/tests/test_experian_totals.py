import pytest

from credit.tests.experian_samples import (
    card,
    list_problems,
    loan,
    parse_sample,
)


def summary_section(**values):
    attributes = [{"id": name, "value": value} for name, value in values.items()]
    return [{"summaryType": "Profile Summary", "attributes": attributes}]


TRUE_TOTALS = {
    "installmentBalance": "00006100",
    "realEstateBalance": "00000000",
    "revolvingBalance": "00001140",
    "totalTradeItems": "002",
    "paidAccounts": "000",
    "delinquencies30Days": "000",
    "oldestTradeDate": "03152016",
    "wasDelinquentDerog": "000",
}


def test_it_finds_the_same_totals_as_the_bureau():
    report = parse_sample(summaries=summary_section(**TRUE_TOTALS))
    assert report.warnings == ()
    assert dict(report.totals)["oldestTradeDate"] == 20160315


@pytest.mark.parametrize("name", TRUE_TOTALS)
def test_it_lists_a_total_that_differs(name):
    wrong = "01012001" if name == "oldestTradeDate" else "00000007"
    report = parse_sample(summaries=summary_section(**TRUE_TOTALS | {name: wrong}))
    assert [problem for _, problem in list_problems(report)] == ["total_differs"]


def test_it_leaves_a_balance_that_is_not_reported_out_of_the_totals():
    lines = [card(openOrClosed="C", balanceAmount=None), loan()]
    totals = TRUE_TOTALS | {"revolvingBalance": "00000000", "paidAccounts": "001"}
    assert parse_sample(tradeline=lines, summaries=summary_section(**totals)).warnings == ()


def test_it_takes_a_bad_debt_that_was_paid_for_one_that_was_bad():
    enhanced = {"enhancedAccountCondition": "A2", "enhancedPaymentStatus": "93"}
    paid = card(openOrClosed="C", balanceAmount=None, status="93", derogCounter="07", enhanced=enhanced)
    told = {"wasDelinquentDerog": "001", "totalTradeItems": "001"}
    assert parse_sample(tradeline=[paid], summaries=summary_section(**told)).warnings == ()
    unpaid = card(status="93", derogCounter="07", enhanced={"enhancedAccountCondition": "93"})
    assert (
        parse_sample(tradeline=[unpaid], summaries=summary_section(**told | {"wasDelinquentDerog": "000"})).warnings
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


def test_it_finds_the_totals_of_a_bureau_that_leaves_disputed_accounts_out():
    report = parse_sample(
        tradeline=[card(), loan(), DISPUTED], summaries=summary_section(**TRUE_TOTALS, disputedAccountsExcluded="001")
    )
    assert report.warnings == ()


def test_it_finds_the_totals_of_a_bureau_that_counts_disputed_accounts():
    with_it = TRUE_TOTALS | {
        "revolvingBalance": "00001640",
        "totalTradeItems": "003",
        "delinquencies30Days": "002",
        "oldestTradeDate": "01152012",
        "wasDelinquentDerog": "001",
    }
    lines = [card(), loan(), DISPUTED]
    assert (
        parse_sample(tradeline=lines, summaries=summary_section(**with_it, disputedAccountsExcluded="000")).warnings
        == ()
    )
    # Which totals leave them out is documented nowhere, so either sum is right.
    mixed = TRUE_TOTALS | {"totalTradeItems": "003", "oldestTradeDate": "01152012"}
    assert (
        parse_sample(tradeline=lines, summaries=summary_section(**mixed, disputedAccountsExcluded="001")).warnings == ()
    )


@pytest.mark.parametrize("name", TRUE_TOTALS)
def test_it_still_lists_a_total_that_differs_either_way(name):
    wrong = "01012001" if name == "oldestTradeDate" else "00000007"
    told = TRUE_TOTALS | {name: wrong, "disputedAccountsExcluded": "001"}
    report = parse_sample(tradeline=[card(), loan(), DISPUTED], summaries=summary_section(**told))
    assert [problem for _, problem in list_problems(report)] == ["total_differs"]


def test_it_compares_nothing_where_it_cannot_tell_which_accounts_were_left_out():
    told = TRUE_TOTALS | {"totalTradeItems": "007", "disputedAccountsExcluded": "002"}
    report = parse_sample(tradeline=[card(), loan(), DISPUTED], summaries=summary_section(**told))
    assert [problem for _, problem in list_problems(report)] == ["total_differs"]
    assert report.warnings[0].path.endswith(f"attributes[{len(TRUE_TOTALS)}]")


def test_it_takes_the_mark_of_a_partial_total_for_no_figure():
    assert parse_sample(summaries=summary_section(**TRUE_TOTALS, monthlyPaymentPartialFlag="*")).warnings == ()
