import pytest

from credit.tests.experian_samples import (
    card,
    loan,
    problems,
    read,
)


def summed(**values):
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
    report = read(summaries=summed(**TRUE_TOTALS))
    assert report.warnings == ()
    assert dict(report.totals)["oldestTradeDate"] == 20160315


@pytest.mark.parametrize("name", TRUE_TOTALS)
def test_it_lists_a_total_that_differs(name):
    wrong = "01012001" if name == "oldestTradeDate" else "00000007"
    report = read(summaries=summed(**TRUE_TOTALS | {name: wrong}))
    assert [problem for _, problem in problems(report)] == ["total_differs"]


def test_it_leaves_a_balance_that_is_not_reported_out_of_the_totals():
    lines = [card(openOrClosed="C", balanceAmount=None), loan()]
    totals = TRUE_TOTALS | {"revolvingBalance": "00000000", "paidAccounts": "001"}
    assert read(tradeline=lines, summaries=summed(**totals)).warnings == ()
