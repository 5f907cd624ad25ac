from datetime import date
from fractions import Fraction

import pytest

from credit.analysis import labels
from credit.analysis.summary import summarize
from credit.payment_history import Bucket
from credit.report import AccountKind, Role
from credit.tests.experian_samples import TODAY, card, list_card_problems, loan, parse_card, parse_sample

HISTORY = "B00CCCC1CCCCC1CCC0000-0CC"

# --- Limits ---------------------------------------------------------------------------------------------------


def test_it_prefers_the_limit_of_the_enhanced_data():
    assert parse_card(amount1="00011000").limit == 12000
    assert parse_card(enhanced={"creditLimitAmount": None}).limit == 12000
    assert parse_card(amount1=None, amount1Qualifier=None).limit == 12000


def test_it_prefers_an_amount_to_a_zero_in_the_enhanced_data():
    zeros = {"creditLimitAmount": "0000000000", "highBalanceAmount": "0000000000", "originalLoanAmount": "0000000000"}
    line = parse_card(enhanced=zeros)
    assert (line.limit, line.high) == (12000, 3410)
    [first_loan, second_loan] = parse_sample(
        tradeline=[loan(enhancedPaymentData=zeros), loan(enhancedPaymentData=zeros)]
    ).tradelines
    assert first_loan.original == second_loan.original == 9000
    assert parse_card(amount1="00000000", enhanced=zeros).limit == 0


def test_it_computes_the_key_from_the_enhanced_amount():
    zero = {"originalLoanAmount": "0000000000"}
    [with_amount] = parse_sample(tradeline=[loan(enhancedPaymentData=zero)]).tradelines
    [without_amount] = parse_sample(
        tradeline=[loan(enhancedPaymentData=zero, amount1=None, amount1Qualifier=None)]
    ).tradelines
    assert (with_amount.original, without_amount.original) == (9000, 0)
    assert with_amount.key == without_amount.key


@pytest.mark.parametrize(
    ("code", "role", "label"),
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
def test_it_maps_the_users_role_in_an_account(code, role, label):
    line = parse_card(ecoa=code)
    assert (line.role, labels.ROLES[line.role]) == (role, label)
    assert list_card_problems(ecoa=code) == []


def test_it_never_treats_a_high_balance_as_a_limit():
    line = parse_card(amount1=None, amount1Qualifier=None, enhanced={"creditLimitAmount": None})
    assert (line.limit, line.high) == (None, 3410)


@pytest.mark.parametrize("qualifier", ["U", "C", "H", ""])
def test_it_treats_only_an_amount_with_qualifier_l_as_a_limit(qualifier):
    line = parse_card(amount1Qualifier=qualifier, enhanced={"creditLimitAmount": "UNKNOWN"})
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
def test_it_maps_types_to_kinds_of_accounts(changes, kind):
    assert parse_card(**changes).kind is kind


@pytest.mark.parametrize(
    ("code", "word", "is_derogatory"),
    [("A2", "paid", False), ("05", "transferred", False), ("97", "charge_off", True), ("E", "bankruptcy", True)],
)
def test_it_maps_conditions_of_closed_accounts(code, word, is_derogatory):
    line = parse_card(openOrClosed="C", enhanced={"enhancedAccountCondition": code})
    assert (line.account_condition, line.derogatory) == (word, is_derogatory)


# --- Payment history ------------------------------------------------------------------------------------------


def test_it_counts_the_history_back_from_the_balance_date():
    line = parse_card(balanceDate="01162018", paymentHistory=HISTORY)
    months = {month.month: month for month in line.history.months()}
    assert line.history.latest == date(2018, 1, 1)
    assert months[date(2017, 6, 1)].bucket is Bucket.LATE_30
    assert months[date(2016, 12, 1)].bucket is Bucket.LATE_30
    assert (months[date(2018, 1, 1)].code, months[date(2018, 1, 1)].bucket) == ("B", Bucket.NO_DATA)
    assert min(months) == date(2016, 1, 1)
    assert sum(month.bucket is Bucket.LATE_30 for month in months.values()) == 2


def test_it_computes_payments_on_time_among_known_months():
    line = parse_card(paymentHistory=HISTORY)
    assert summarize([line], [], on=TODAY).on_time == Fraction(21, 23)


def test_it_prefers_the_longer_history():
    line = parse_card(enhanced={"enhancedPaymentHistory84": "C" * 84})
    assert (len(line.history.codes), len(set(line.history.months()))) == (84, 84)


def test_it_warns_of_an_unknown_history_code():
    line = parse_card(paymentHistory="CZC?")
    assert line.history.buckets == (Bucket.OK, Bucket.NO_DATA, Bucket.OK, Bucket.NO_DATA)
    assert list_card_problems(paymentHistory="CZC?") == [("paymentHistory", "unknown_code")] * 2


def test_it_truncates_a_history_that_is_too_long():
    assert len(parse_card(paymentHistory="C" * 90).history.codes) == 84
    assert ("paymentHistory", "history_too_long") in list_card_problems(paymentHistory="C" * 90)


def test_it_parses_the_misspelled_amount_of_a_trend():
    trend = {"monthNumber": "1", "balanceAmount": "UNKNOWN", "originalLoamAmountOrLimit": "00021000"}
    [month] = parse_card(trendedTrades=[trend]).trend
    assert (month.months_ago, month.balance, month.limit_or_original) == (1, None, 21000)
    assert ("originalLoamAmountOrLimit", "misspelt_key") in list_card_problems(trendedTrades=[trend])


def test_it_parses_months_of_a_trend_without_a_number():
    months = parse_card(trendedTrades=[{"monthNumber": "0"}, {"balanceAmount": "00000100"}, {"monthNumber": "x"}]).trend
    assert [month.months_ago for month in months] == [0, None, None]


# --- Keys of accounts -----------------------------------------------------------------------------------------


def test_it_keeps_the_key_when_amounts_change():
    before, after = (
        parse_card(),
        parse_card(balanceAmount="00009000", amount1="00015000", accountNumber="0" * 16, openOrClosed="C"),
    )
    assert before.key == after.key


@pytest.mark.parametrize(
    "changes",
    [{"subscriberCode": "1110009"}, {"subscriberName": "OTHER BANK"}, {"openDate": "03162016"}, {"accountType": "07"}],
)
def test_it_has_different_keys_for_different_accounts(changes):
    assert parse_card().key != parse_card(**changes).key


def test_it_has_different_keys_for_loans_of_one_day():
    lines = parse_sample(tradeline=[loan(), loan(amount1="00005500")]).tradelines
    assert len({line.key for line in lines}) == 2


def test_it_numbers_equal_accounts_in_a_stable_order():
    small, large = card(amount1="00000500"), card(enhanced={"highBalanceAmount": "0000009000"})
    forward, backward = (
        parse_sample(tradeline=[small, large]).tradelines,
        parse_sample(tradeline=[large, small]).tradelines,
    )
    assert len({line.key for line in forward}) == 2
    assert {line.high: line.key for line in forward} == {line.high: line.key for line in backward}
