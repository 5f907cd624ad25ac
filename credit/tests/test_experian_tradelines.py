from datetime import date
from fractions import Fraction

import pytest

from credit.analysis import labels
from credit.analysis.summary import summarize
from credit.payment_history import Bucket
from credit.report import AccountKind, Role
from credit.tests.experian_samples import (
    TODAY,
    card,
    list_problems,
    loan,
    parse_sample,
)

GRID = "B00CCCC1CCCCC1CCC0000-0CC"


def one(**changes):
    """The card of a report that has no other account."""
    [line] = parse_sample(tradeline=[card(**changes)]).tradelines
    return line


def flaws(**changes):
    return list_problems(parse_sample(tradeline=[card(**changes)]))


# --- Limits ---------------------------------------------------------------------------------------------------


def test_it_takes_the_limit_from_the_enhanced_data_first():
    assert one(amount1="00011000").limit == 12000
    assert one(enhanced={"creditLimitAmount": None}).limit == 12000
    assert one(amount1=None, amount1Qualifier=None).limit == 12000


def test_it_takes_a_real_amount_beside_a_zero_in_the_enhanced_data():
    zeros = {"creditLimitAmount": "0000000000", "highBalanceAmount": "0000000000", "originalLoanAmount": "0000000000"}
    line = one(enhanced=zeros)
    assert (line.limit, line.high) == (12000, 3410)
    [loaned, same] = parse_sample(
        tradeline=[loan(enhancedPaymentData=zeros), loan(enhancedPaymentData=zeros)]
    ).tradelines
    assert loaned.original == same.original == 9000
    assert one(amount1="00000000", enhanced=zeros).limit == 0


def test_it_makes_an_accounts_key_of_the_amount_that_it_was_first_made_of():
    zero = {"originalLoanAmount": "0000000000"}
    [beside] = parse_sample(tradeline=[loan(enhancedPaymentData=zero)]).tradelines
    [alone] = parse_sample(tradeline=[loan(enhancedPaymentData=zero, amount1=None, amount1Qualifier=None)]).tradelines
    assert (beside.original, alone.original) == (9000, 0)
    assert beside.key == alone.key


@pytest.mark.parametrize(
    ("code", "role", "said"),
    [
        ("0", Role.UNDESIGNATED, "Not specified"),
        ("1", Role.INDIVIDUAL, "Individual account"),
        ("2", Role.JOINT, "Joint account"),
        ("3", Role.AUTHORIZED_USER, "Authorized user: someone else owes the balance"),
        ("4", Role.JOINT, "Joint account"),
        ("5", Role.COSIGNER, "Cosigner: you owe the balance if the borrower doesn't pay"),
        ("6", Role.ON_BEHALF, "Opened on behalf of another person"),
        ("7", Role.MAKER, "Primary borrower, with a cosigner"),
        ("T", Role.TERMINATED, "No longer associated with you"),
        ("W", Role.BUSINESS, "Business account"),
        ("X", Role.DECEASED, "Marked as deceased"),
        ("Z", Role.DELETED, "Being removed from your file"),
    ],
)
def test_it_reads_how_the_person_stands_to_an_account(code, role, said):
    line = one(ecoa=code)
    assert (line.role, labels.ROLES[line.role]) == (role, said)
    assert flaws(ecoa=code) == []


def test_it_never_takes_a_high_balance_for_a_limit():
    line = one(amount1=None, amount1Qualifier=None, enhanced={"creditLimitAmount": None})
    assert (line.limit, line.high) == (None, 3410)


@pytest.mark.parametrize("qualifier", ["U", "C", "H", ""])
def test_it_takes_only_an_amount_that_is_called_a_limit_for_one(qualifier):
    line = one(amount1Qualifier=qualifier, enhanced={"creditLimitAmount": "UNKNOWN"})
    assert line.limit is None


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"accountType": "47", "enhanced": {"enhancedAccountType": "89"}}, AccountKind.HOME_EQUITY),
        ({"accountType": "47", "enhanced": {"enhancedAccountType": None}}, AccountKind.LINE),
        ({"accountType": "07"}, AccountKind.RETAIL),
        ({"accountType": "00"}, AccountKind.AUTO),
        ({"accountType": "26"}, AccountKind.MORTGAGE),
        ({"accountType": "48"}, AccountKind.COLLECTION),
        ({"accountType": None}, AccountKind.CARD),
    ],
)
def test_it_tells_kinds_of_accounts_apart(changes, kind):
    assert one(**changes).kind is kind


@pytest.mark.parametrize(
    ("code", "word", "bad"),
    [("A2", "paid", False), ("05", "transferred", False), ("97", "charge_off", True), ("E", "bankruptcy", True)],
)
def test_it_says_in_words_how_an_account_ended(code, word, bad):
    line = one(openOrClosed="C", enhanced={"enhancedAccountCondition": code})
    assert (line.account_condition, line.derogatory) == (word, bad)


# --- Payment history ------------------------------------------------------------------------------------------


def test_it_lays_the_grid_from_the_month_of_the_balance_date_backwards():
    line = one(balanceDate="01162018", paymentHistory=GRID)
    months = {each.month: each for each in line.history.months()}
    assert line.history.latest == date(2018, 1, 1)
    assert months[date(2017, 6, 1)].bucket is Bucket.LATE_30
    assert months[date(2016, 12, 1)].bucket is Bucket.LATE_30
    assert (months[date(2018, 1, 1)].code, months[date(2018, 1, 1)].bucket) == ("B", Bucket.NO_DATA)
    assert min(months) == date(2016, 1, 1)
    assert sum(each.bucket is Bucket.LATE_30 for each in months.values()) == 2


def test_it_counts_payments_on_time_among_known_months():
    line = one(paymentHistory=GRID)
    assert summarize([line], [], on=TODAY).on_time == Fraction(21, 23)


def test_it_prefers_the_longer_grid():
    line = one(enhanced={"enhancedPaymentHistory84": "C" * 84})
    assert (len(line.history.codes), len(set(line.history.months()))) == (84, 84)


def test_it_lists_a_mark_that_it_does_not_know():
    line = one(paymentHistory="CZC?")
    assert line.history.buckets == (Bucket.OK, Bucket.NO_DATA, Bucket.OK, Bucket.NO_DATA)
    assert flaws(paymentHistory="CZC?") == [("paymentHistory", "unknown_code")] * 2


def test_it_cuts_a_grid_that_is_too_long():
    assert len(one(paymentHistory="C" * 90).history.codes) == 84
    assert ("paymentHistory", "history_too_long") in flaws(paymentHistory="C" * 90)


def test_it_reads_the_misspelt_amount_of_a_trend():
    trend = {"monthNumber": "1", "balanceAmount": "UNKNOWN", "originalLoamAmountOrLimit": "00021000"}
    [month] = one(trendedTrades=[trend]).trend
    assert (month.months_ago, month.balance, month.limit_or_original) == (1, None, 21000)
    assert ("originalLoamAmountOrLimit", "misspelt_key") in flaws(trendedTrades=[trend])


def test_it_takes_a_month_of_a_trend_that_has_no_number_for_no_month_of_its_own():
    months = one(trendedTrades=[{"monthNumber": "0"}, {"balanceAmount": "00000100"}, {"monthNumber": "x"}]).trend
    assert [month.months_ago for month in months] == [0, None, None]


# --- Which account is which -----------------------------------------------------------------------------------


def test_it_gives_an_account_the_same_name_whatever_its_figures_do():
    before, after = one(), one(balanceAmount="00009000", amount1="00015000", accountNumber="0" * 16, openOrClosed="C")
    assert before.key == after.key


@pytest.mark.parametrize(
    "changes",
    [{"subscriberCode": "1110009"}, {"subscriberName": "OTHER BANK"}, {"openDate": "03162016"}, {"accountType": "07"}],
)
def test_it_tells_accounts_apart_by_what_stays(changes):
    assert one().key != one(**changes).key


def test_it_tells_loans_of_one_day_apart_by_their_amount():
    lines = parse_sample(tradeline=[loan(), loan(amount1="00005500")]).tradelines
    assert len({line.key for line in lines}) == 2


def test_it_numbers_accounts_that_nothing_tells_apart_in_an_order_that_holds():
    small, large = card(amount1="00000500"), card(enhanced={"highBalanceAmount": "0000009000"})
    there, back = parse_sample(tradeline=[small, large]).tradelines, parse_sample(tradeline=[large, small]).tradelines
    assert len({line.key for line in there}) == 2
    assert {line.high: line.key for line in there} == {line.high: line.key for line in back}
