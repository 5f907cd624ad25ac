"""Codes of real files: types of accounts, statuses without enhanced data, and derogatory marks."""

import pytest

from credit.analysis.summary import summarize
from credit.analysis.utilization import summarize_utilization
from credit.report import AccountKind
from credit.tests.experian_samples import TODAY, card, list_problems, loan, parse_sample


def parse_account(section):
    """Parse a report with one account, and return it."""
    [line] = parse_sample(tradeline=[section]).tradelines
    return line


def parse_loan(**changes):
    """Parse a loan without enhanced data, which only some lenders send."""
    return parse_account(loan(**changes))


# --- Types of accounts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("2A", "card"),
        ("8A", "card"),
        ("37", "card"),
        ("0G", "card"),
        ("3A", "auto"),
        ("13", "lease"),
        ("78", "personal"),
        ("20", "personal"),
        ("02", "personal"),
        ("06", "personal"),
        ("11", "personal"),
        ("22", "personal"),
        ("91", "personal"),
        ("10", "business"),
        ("6A", "business"),
        ("7B", "business"),
        ("2C", "mortgage"),
        ("08", "mortgage"),
        ("25", "mortgage"),
        ("17", "mortgage"),
        ("27", "mortgage"),
        ("6D", "mortgage"),
        ("85", "mortgage"),
        ("7A", "loc"),
        ("9B", "loc"),
        ("90", "medical"),
        ("92", "utility"),
        ("4D", "utility"),
        ("29", "utility"),
        ("93", "support"),
        ("50", "support"),
        ("48", "collection"),
        ("0C", "collection"),
    ],
)
def test_it_maps_the_types_of_the_documented_table(code, kind):
    report = parse_sample(tradeline=[card(accountType=code, enhanced={"enhancedAccountType": code})])
    assert report.tradelines[0].kind == kind
    assert report.warnings == ()


@pytest.mark.parametrize("code", ["30", "31", "34", "43", "65", "70", "74", "77", "8B", "95", "96"])
def test_it_accepts_general_types(code):
    report = parse_sample(tradeline=[loan(accountType=code)])
    assert report.warnings == ()


def test_it_uses_the_enhanced_type_if_the_plain_one_is_general_or_unknown():
    assert parse_account(card(accountType="31")).kind is AccountKind.CARD
    assert parse_account(card(accountType="3Q")).kind is AccountKind.CARD
    assert parse_account(card(accountType="3Q", enhanced={"enhancedAccountType": "3Q"})).kind is AccountKind.OTHER
    assert parse_account(card(accountType="31", enhanced={"enhancedAccountType": None})).kind is AccountKind.OTHER


def test_it_has_a_product_for_special_types():
    assert parse_account(card(accountType="2A")).product == "secured_card"
    assert parse_loan(accountType="3A").product == "auto_lease"
    assert parse_loan(accountType="12").product == ""


@pytest.mark.parametrize("enhanced", [None, {"enhancedAccountType": "3Q"}])
def test_it_keeps_the_product_of_the_plain_type(enhanced):
    assert parse_loan(accountType="77", enhancedPaymentData=enhanced).product == "returned_check"


@pytest.mark.parametrize(
    ("condition", "is_open"), [("A1", True), ("A2", False), ("A3", False), ("05", False), ("93", None), (None, None)]
)
def test_it_derives_whether_an_account_is_open_from_its_condition(condition, is_open):
    enhanced = {"enhancedAccountCondition": condition}
    assert parse_account(card(openOrClosed=None, enhanced=enhanced)).is_open is is_open
    assert parse_account(card(openOrClosed="O", enhanced=enhanced)).is_open


def test_it_derives_from_the_terms_that_a_card_revolves():
    line = parse_account(card(revolvingOrInstallment=None, openOrClosed=None))
    assert summarize_utilization([line]).overall == (1140, 12000)
    assert line.key == parse_account(card(revolvingOrInstallment=None, terms="036")).key
    assert parse_account(card(revolvingOrInstallment=None, terms="036")).revolving is None


def test_it_counts_a_secured_card_in_utilization():
    secured = card(
        subscriberName="FIRST STEP SECURED",
        accountType="2A",
        balanceAmount="00000450",
        amount1="00000500",
        amount2=None,
        amount2Qualifier=None,
        enhanced={"creditLimitAmount": "0000000500", "enhancedAccountType": "2A"},
    )
    use = summarize_utilization(parse_sample(tradeline=[card(), secured]).tradelines)
    assert str(use.overall.percent) == "12.7"
    assert [str(used_card.use.percent) for used_card in use.cards] == ["9.5", "90.0"]


@pytest.mark.parametrize("code", ["2A", "37", "8A", "3A", "13", "78", "20", "10", "2C", "90", "0A"])
def test_it_keeps_the_key_of_an_account_when_its_type_becomes_known(code):
    """Keys are in URLs and in links to cards at banks, so they must not change with the tables of types."""
    unknown = parse_account(card(accountType="3Q", enhanced={"enhancedAccountType": "3Q"}))
    assert parse_account(card(accountType=code, enhanced={"enhancedAccountType": code})).key == unknown.key


# --- Statuses without enhanced data ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("71", "late30"),
        ("72", "late30"),
        ("73", "late30"),
        ("74", "late30"),
        ("75", "late30"),
        ("76", "late30"),
        ("77", "late30"),
        ("78", "late60"),
        ("79", "late"),
        ("80", "late90"),
        ("81", "late"),
        ("82", "late120"),
        ("83", "late150"),
        ("84", "late180"),
        ("13", "paid"),
        ("61", "paid_was_surrendered"),
        ("62", "paid_was_collection"),
        ("63", "paid_was_repossessed"),
        ("64", "paid_was_charged_off"),
        ("65", "paid_was_foreclosed"),
    ],
)
def test_it_maps_the_plain_status_to_a_payment_status(code, word):
    report = parse_sample(tradeline=[loan(status=code)])
    assert report.tradelines[0].payment_status == word
    assert report.warnings == ()


@pytest.mark.parametrize("code", ["13", "61", "62", "63", "64", "65"])
def test_it_maps_paid_statuses_to_the_condition_paid(code):
    assert parse_loan(status=code, openOrClosed="C").account_condition == "paid"


@pytest.mark.parametrize("code", ["61", "62", "63", "64", "65", "93", "97"])
def test_it_treats_paid_after_default_as_derogatory(code):
    assert parse_loan(status=code, openOrClosed="C").derogatory


@pytest.mark.parametrize("code", ["11", "12", "13", "31", "71", "73", "84", "05"])
def test_it_does_not_treat_late_payments_as_derogatory(code):
    assert not parse_loan(status=code).derogatory


@pytest.mark.parametrize("source", ["payment status", "status", "type"])
def test_it_treats_a_paid_collection_as_derogatory(source):
    enhanced = {"enhancedAccountCondition": "A2", "enhancedPaymentStatus": "93" if source == "payment status" else None}
    status = "93" if source != "type" else "A2"
    paid = card(accountType="48", status=status, openOrClosed="C", balanceAmount=None, enhanced=enhanced)
    line = parse_account(paid)
    assert (line.account_condition, line.derogatory) == ("paid", True)
    assert summarize([line], [], on=TODAY).derogatory == 1


def test_it_parses_a_paid_collection_of_another_type():
    line = parse_account(
        card(status="93", openOrClosed="C", enhanced={"enhancedAccountCondition": "A2", "enhancedPaymentStatus": None})
    )
    assert (line.account_condition, line.payment_status, line.derogatory) == ("paid", "paid_was_collection", True)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("93", "paid_was_collection"),
        ("94", "paid_was_foreclosed"),
        ("95", "paid_was_surrendered"),
        ("96", "paid_was_repossessed"),
        ("97", "paid_was_charged_off"),
    ],
)
def test_it_maps_paid_accounts_to_past_problems(code, word):
    paid = {"enhancedAccountCondition": "A2", "enhancedPaymentStatus": code}
    assert parse_account(card(openOrClosed="C", enhanced=paid)).payment_status == word
    assert (
        parse_account(card(openOrClosed="C", enhanced=paid | {"enhancedAccountCondition": code})).payment_status != word
    )


@pytest.mark.parametrize(("code", "word"), [("A2", "paid"), ("05", "transferred"), ("A3", "closed")])
def test_it_accepts_a_condition_in_place_of_a_payment_status(code, word):
    sections = [card(enhanced={"enhancedPaymentStatus": code})]
    assert parse_sample(tradeline=sections).tradelines[0].payment_status == word
    assert list_problems(parse_sample(tradeline=sections)) == []


@pytest.mark.parametrize("code", ["71", "78", "79", "80", "82", "84"])
def test_it_does_not_treat_a_paid_account_as_late(code):
    paid = {"enhancedAccountCondition": "A2", "enhancedPaymentStatus": code}
    assert parse_account(card(openOrClosed="C", enhanced=paid)).payment_status == "paid_was_late"
    assert parse_account(
        card(openOrClosed="C", enhanced=paid | {"enhancedAccountCondition": "A3"})
    ).payment_status.startswith("late")
