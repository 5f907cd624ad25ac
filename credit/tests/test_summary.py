from datetime import date
from fractions import Fraction

import pytest

from credit.analysis.summary import Ages, age, summarize
from credit.report import AccountKind
from credit.tests.experian_samples import INQUIRY, TODAY, card, loan, parse_sample


def summary(**sections):
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


def test_it_adds_up_an_ordinary_report():
    found = summary()
    assert (
        found.balances[AccountKind.CARD],
        found.balances[AccountKind.STUDENT],
        found.balances[AccountKind.AUTO],
    ) == (1140, 6100, 0)
    assert (found.open_accounts, found.closed_accounts, found.monthly_payments) == (2, 0, 35)
    # March 15, 2016 is 128 months ago and August 20, 2019 is 87.
    assert found.all_ages == found.open_ages == Ages(oldest=128, newest=87, average=107)
    assert found.on_time == Fraction(1)
    # September 12, 2025 is 14 months ago.
    assert found.inquiries == {6: 0, 12: 0, 24: 1}


def test_it_averages_ages_over_all_accounts_and_over_open_ones():
    found = summary(tradeline=[card(), loan(openOrClosed="C")])
    assert (found.all_ages.average, found.open_ages.average) == (107, 128)


def test_it_knows_no_age_without_a_date():
    assert summary(tradeline=[card(openDate=None)]).all_ages == Ages(None, None, None)


def test_it_counts_nothing_by_a_date_that_lies_far_ahead():
    ahead = summary(tradeline=[card(openDate="12319999"), loan()], inquiry=[INQUIRY | {"date": "12319999"}])
    assert ahead.all_ages == Ages(oldest=87, newest=87, average=87)
    assert ahead.inquiries == {6: 0, 12: 0, 24: 0}
    tomorrow = summary(tradeline=[card(openDate="11212026")], inquiry=[INQUIRY | {"date": "11212026"}])
    assert (tomorrow.all_ages.newest, tomorrow.inquiries[6]) == (0, 1)


@pytest.mark.parametrize(("day", "counted"), [("05212026", True), ("05202026", False)])
def test_it_counts_an_inquiry_until_its_months_are_over(day, counted):
    assert summary(inquiry=[INQUIRY | {"date": day}]).inquiries[6] == counted


def test_it_counts_months_that_went_badly():
    found = summary(tradeline=[card(paymentHistory="C1-B9"), card(paymentHistory="0N")])
    assert (found.on_time, found.late_months) == (Fraction(3, 5), 2)
    assert summary(tradeline=[card(paymentHistory="-B")]).on_time is None


def test_it_counts_collections_and_what_is_past_due():
    collection = loan(accountType="48", balanceAmount="00000842", amountPastDue="00000842")
    found = summary(tradeline=[card(amountPastDue="00000025"), collection, loan(balanceAmount=None)])
    assert (found.collections, found.collection_balance, found.past_due) == (1, 842, 867)
