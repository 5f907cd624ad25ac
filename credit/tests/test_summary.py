from datetime import date
from fractions import Fraction

import pytest

from credit.analysis.summary import Ages, age, summarize
from credit.report import AccountKind
from credit.tests.experian_samples import INQUIRY, TODAY, card, loan, parse_sample


def summarize_sample(**sections):
    report = parse_sample(**sections)
    return summarize(report.tradelines, report.inquiries, on=TODAY)


@pytest.mark.parametrize(
    ("opened", "months"),
    [
        (date(2026, 11, 20), 0),
        (date(2026, 10, 20), 1),
        (date(2026, 10, 21), 0),
        (date(2025, 11, 20), 12),
        (date(2025, 11, 21), 11),
        (date(2016, 3, 15), 128),
        (date(2026, 8, 31), 2),
    ],
)
def test_it_counts_whole_months(opened, months):
    assert age(opened, TODAY) == months


def test_it_sums_up_an_ordinary_report():
    result = summarize_sample()
    assert (
        result.balances[AccountKind.CARD],
        result.balances[AccountKind.STUDENT],
        result.balances[AccountKind.AUTO],
    ) == (1140, 6100, 0)
    assert (result.open_accounts, result.closed_accounts, result.monthly_payments) == (2, 0, 35)
    # March 15, 2016 is 128 months ago and August 20, 2019 is 87.
    assert result.all_ages == result.open_ages == Ages(oldest=128, newest=87, average=107)
    assert result.on_time == Fraction(1)
    # September 12, 2025 is 14 months ago.
    assert result.inquiries == {6: 0, 12: 0, 24: 1}


def test_it_averages_ages_over_all_accounts_and_over_open_ones():
    result = summarize_sample(tradeline=[card(), loan(openOrClosed="C")])
    assert (result.all_ages.average, result.open_ages.average) == (107, 128)


def test_it_has_no_age_without_an_open_date():
    assert summarize_sample(tradeline=[card(openDate=None)]).all_ages == Ages(None, None, None)


def test_it_ignores_dates_in_the_far_future():
    far_future = summarize_sample(
        tradeline=[card(openDate="12319999"), loan()], inquiry=[INQUIRY | {"date": "12319999"}]
    )
    assert far_future.all_ages == Ages(oldest=87, newest=87, average=87)
    assert far_future.inquiries == {6: 0, 12: 0, 24: 0}
    tomorrow = summarize_sample(tradeline=[card(openDate="11212026")], inquiry=[INQUIRY | {"date": "11212026"}])
    assert (tomorrow.all_ages.newest, tomorrow.inquiries[6]) == (0, 1)


@pytest.mark.parametrize(("day", "counted"), [("05212026", True), ("05202026", False)])
def test_it_counts_an_inquiry_until_its_months_are_over(day, counted):
    assert summarize_sample(inquiry=[INQUIRY | {"date": day}]).inquiries[6] == counted


def test_it_counts_late_months():
    result = summarize_sample(tradeline=[card(paymentHistory="C1-B9"), card(paymentHistory="0N")])
    assert (result.on_time, result.late_months) == (Fraction(3, 5), 2)
    assert summarize_sample(tradeline=[card(paymentHistory="-B")]).on_time is None


def test_it_sums_collections_and_past_due_amounts():
    collection = loan(accountType="48", balanceAmount="00000842", amountPastDue="00000842")
    result = summarize_sample(tradeline=[card(amountPastDue="00000025"), collection, loan(balanceAmount=None)])
    assert (result.collections, result.collection_balance, result.past_due) == (1, 842, 867)
