import pytest

from credit.diffing import ChangeType, Severity
from credit.tests.experian_samples import (
    card,
    loan,
)
from credit.tests.report_pairs import (
    CARD_KEY,
    COLLECTION,
    LOAN_KEY,
    diff_card,
    diff_sections,
    filter_changes,
    list_change_types,
    summarize,
)

# --- Accounts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opened", "change_type"),
    [
        ("07222026", ChangeType.ACCOUNT_OPENED),
        ("07212026", ChangeType.ACCOUNT_APPEARED),
        ("11012026", ChangeType.ACCOUNT_OPENED),
        ("00000000", ChangeType.ACCOUNT_APPEARED),
    ],
)
def test_it_distinguishes_a_new_account_from_a_newly_reported_one(opened, change_type):
    # The older report is of October 20; ninety days before lies July 22.
    assert list_change_types(
        diff_sections({"tradeline": [card()]}, {"tradeline": [card(), loan(openDate=opened)]})
    ) == [change_type]


def test_it_finds_a_collection_of_any_age():
    [change] = diff_sections({}, {"tradeline": [card(), loan(), COLLECTION]})
    assert (change.type, change.severity, change.after) == (ChangeType.COLLECTION_ADDED, Severity.HIGH, 118)


def test_it_finds_a_vanished_account():
    assert summarize(diff_sections({}, {"tradeline": [card()]})) == [(ChangeType.ACCOUNT_VANISHED, 6100, None, "")]


def test_it_finds_a_closed_account():
    closed = {"openOrClosed": "C", "enhanced": {"enhancedAccountCondition": "A3"}}
    assert summarize(diff_card({}, closed)) == [(ChangeType.ACCOUNT_CLOSED, None, None, "closed")]


@pytest.mark.parametrize(
    "paid",
    [
        {"balanceAmount": "00000000"},
        {"balanceAmount": None, "openOrClosed": "C", "enhancedPaymentData": {"enhancedAccountCondition": "A2"}},
    ],
)
def test_it_finds_a_loan_that_was_paid_off(paid):
    changes = diff_sections({}, {"tradeline": [card(), loan(**paid)]})
    assert summarize(filter_changes(changes, ChangeType.ACCOUNT_PAID_OFF)) == [
        (ChangeType.ACCOUNT_PAID_OFF, 6100, 0, "")
    ]


def test_it_does_not_treat_an_unreported_balance_as_paid_off():
    assert diff_sections({}, {"tradeline": [card(), loan(balanceAmount=None)]}) == ()
    assert diff_card({"balanceAmount": "00000100"}, {"balanceAmount": "00000000"}) == ()


NEW_LENDER = {"subscriberName": "CEDAR LOAN SERVICING", "subscriberCode": "1110005"}
TRANSFERRED = {"openOrClosed": "C", "balanceAmount": None, "enhancedPaymentData": {"enhancedAccountCondition": "05"}}


def test_it_finds_a_loan_that_was_transferred_to_another_lender():
    [change] = diff_sections({}, {"tradeline": [card(), loan(**TRANSFERRED), loan(**NEW_LENDER)]})
    assert summarize([change]) == [(ChangeType.ACCOUNT_TRANSFERRED, "US DEPT OF EDUCATION", "CEDAR LOAN SERVICING", "")]
    assert change.key != LOAN_KEY


def test_it_finds_a_transferred_loan_whose_old_account_vanished():
    assert list_change_types(diff_sections({}, {"tradeline": [card(), loan(**NEW_LENDER)]})) == [
        ChangeType.ACCOUNT_TRANSFERRED
    ]


def test_it_does_not_treat_another_loan_as_a_transfer():
    other_loan = loan(**NEW_LENDER, amount1="00008000")
    changes = diff_sections({}, {"tradeline": [card(), loan(**TRANSFERRED), other_loan]})
    assert list_change_types(changes) == [ChangeType.ACCOUNT_APPEARED, ChangeType.ACCOUNT_CLOSED]


def test_it_pairs_each_loan_with_one_transfer():
    second = {"amount1": "00005500"}
    before = {"tradeline": [loan(), loan(**second)]}
    after = {"tradeline": [loan(**NEW_LENDER), loan(**NEW_LENDER, **second)]}
    assert list_change_types(diff_sections(before, after)) == [ChangeType.ACCOUNT_TRANSFERRED] * 2


def test_it_pairs_equal_loans_with_one_transfer_each():
    changes = diff_sections({"tradeline": [loan(), loan()]}, {"tradeline": [loan(**NEW_LENDER), loan(**NEW_LENDER)]})
    assert list_change_types(changes) == [ChangeType.ACCOUNT_TRANSFERRED] * 2
    assert len({change.key for change in changes}) == 2


# --- Payments -------------------------------------------------------------------------------------------------

OCTOBER, NOVEMBER = {"balanceDate": "10092026"}, {"balanceDate": "11092026"}


def diff_payments(before, after):
    return diff_card(OCTOBER | {"paymentHistory": before}, NOVEMBER | {"paymentHistory": after})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("CCC", "1CCC", [(ChangeType.LATE_PAYMENT, "no_data", "late30", "2026-11")]),
        ("CCC", "C1CC", [(ChangeType.LATE_PAYMENT, "ok", "late30", "2026-10")]),
        ("-CC", "C2CC", [(ChangeType.LATE_PAYMENT, "no_data", "late60", "2026-10")]),
        ("1CC", "C1CC", []),
        ("1CC", "C2CC", [(ChangeType.LATE_WORSENED, "late30", "late60", "2026-10")]),
        ("1CC", "CCCC", [(ChangeType.LATE_REMOVED, "late30", "ok", "2026-10")]),
        ("1CC", "C-CC", []),
        ("2CC", "C1CC", []),
        ("6CC", "L6CC", [(ChangeType.LATE_PAYMENT, "no_data", "derog", "2026-11")]),
        ("CCC", "C", []),
        ("C", "CC1", [(ChangeType.LATE_PAYMENT, "no_data", "late30", "2026-09")]),
    ],
)
def test_it_compares_payments_by_calendar_month(before, after, expected):
    assert summarize(diff_payments(before, after)) == expected


def test_it_has_an_entity_for_each_month():
    months = [change.entity for change in diff_payments("CCC", "21CC")]
    assert months == [f"{CARD_KEY}:2026-10", f"{CARD_KEY}:2026-11"]


def test_it_lowers_the_severity_of_a_continued_charge_off():
    [continued] = diff_payments("LLC", "LLLC")
    assert continued.severity is Severity.INFO
    [new] = diff_payments("6CC", "L6CC")
    assert new.severity is Severity.HIGH


def test_it_finds_an_amount_that_became_past_due():
    assert summarize(diff_card({}, {"amountPastDue": "00000025"})) == [(ChangeType.PAST_DUE, None, 25, "")]
    assert summarize(diff_card({"amountPastDue": "00000000"}, {"amountPastDue": "00000025"})) == [
        (ChangeType.PAST_DUE, 0, 25, "")
    ]
    assert diff_card({"amountPastDue": "00000025"}, {"amountPastDue": "00000050"}) == ()


# --- Conditions and remarks ------------------------------------------------------------------------------------


def test_it_finds_a_derogatory_condition():
    charged_off = {"enhanced": {"enhancedAccountCondition": "97"}}
    assert summarize(diff_card({}, charged_off)) == [(ChangeType.DEROGATORY_ADDED, "open", "charge_off", "")]
    assert summarize(diff_card(charged_off, {})) == [(ChangeType.DEROGATORY_CLEARED, "charge_off", "open", "")]


def test_it_finds_a_dispute_and_a_remark():
    assert summarize(diff_card({}, {"consumerDisputeFlag": "Y"})) == [(ChangeType.DISPUTE_CHANGED, "", "disputed", "")]
    assert summarize(diff_card({"specialComment": "19"}, {"specialComment": "68"})) == [
        (ChangeType.REMARK_CHANGED, "19", "68", "")
    ]


# --- Histories that no balance dates --------------------------------------------------------------------------


def test_it_ignores_months_that_are_dated_by_the_report():
    """An account that reports no more would seem to be late a month later with every report."""
    fields = {"balanceDate": None, "statusDate": None, "paymentHistory": "CC1C"}
    assert diff_card(fields, fields) == ()


def test_it_ignores_months_that_are_dated_by_another_date_than_before():
    before = {"balanceDate": "10092026", "paymentHistory": "CC1C"}
    after = {"balanceDate": None, "statusDate": "09092026", "paymentHistory": "CCC1C"}
    assert filter_changes(diff_card(before, after), ChangeType.LATE_PAYMENT, ChangeType.LATE_REMOVED) == []


def test_it_compares_months_that_are_dated_by_the_same_kind_of_date():
    before = {"balanceDate": None, "statusDate": "10092026", "paymentHistory": "CCC"}
    after = {"balanceDate": None, "statusDate": "11092026", "paymentHistory": "1CCC"}
    assert summarize(diff_card(before, after)) == [(ChangeType.LATE_PAYMENT, "no_data", "late30", "2026-11")]


@pytest.mark.parametrize("newer", ["CCC1", "1CC1", "CC", "C1C"])
def test_it_ignores_shifted_months_with_an_unchanged_date(newer):
    """The status keeps its date for as long as it holds, while the lender reports month after month."""
    undated = {"balanceDate": None, "statusDate": "06092026"}
    changes = diff_card(undated | {"paymentHistory": "CC1"}, undated | {"paymentHistory": newer})
    assert filter_changes(changes, ChangeType.LATE_PAYMENT, ChangeType.LATE_REMOVED, ChangeType.LATE_WORSENED) == []


def test_it_ignores_a_blank_month():
    before = {"balanceDate": "10092026", "paymentHistory": "C1C"}
    after = {"balanceDate": "11092026", "paymentHistory": " C1C"}
    assert diff_card(before, after) == ()


def test_it_ignores_details_that_older_parsers_dropped():
    fields = {
        "terms": "060",
        "maxDelinquencyDate": "07012011",
        "enhanced": {"complianceCondition": "XA", "secondDelinquencyDate": "01012017", "maxDelinquencyCode": "1"},
    }
    assert diff_card({}, fields) == ()
