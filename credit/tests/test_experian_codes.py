"""Codes of real files: types of accounts, statuses that come without enhanced data, and what counts as serious."""

import pytest

from credit.analysis.summary import summarize
from credit.analysis.utilization import summarize_utilization
from credit.report import AccountKind
from credit.tests.experian_samples import TODAY, card, list_problems, loan, parse_sample


def one(section):
    """The account of a report that has no other."""
    [line] = parse_sample(tradeline=[section]).tradelines
    return line


def plain(**changes):
    """A loan as it comes without enhanced data, which only some lenders send."""
    return one(loan(**changes))


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
def test_it_reads_the_types_of_the_vendors_table(code, kind):
    report = parse_sample(tradeline=[card(accountType=code, enhanced={"enhancedAccountType": code})])
    assert report.tradelines[0].kind == kind
    assert report.warnings == ()


@pytest.mark.parametrize("code", ["30", "31", "34", "43", "65", "70", "74", "77", "8B", "95", "96"])
def test_it_knows_the_types_that_say_little(code):
    report = parse_sample(tradeline=[loan(accountType=code)])
    assert report.warnings == ()


def test_it_takes_the_enhanced_type_where_the_plain_one_says_nothing():
    assert one(card(accountType="31")).kind is AccountKind.CARD
    assert one(card(accountType="3Q")).kind is AccountKind.CARD
    assert one(card(accountType="3Q", enhanced={"enhancedAccountType": "3Q"})).kind is AccountKind.OTHER
    assert one(card(accountType="31", enhanced={"enhancedAccountType": None})).kind is AccountKind.OTHER


def test_it_says_more_of_a_type_than_its_kind():
    assert one(card(accountType="2A")).product == "secured_card"
    assert plain(accountType="3A").product == "auto_lease"
    assert plain(accountType="12").product == ""


@pytest.mark.parametrize("enhanced", [None, {"enhancedAccountType": "3Q"}])
def test_it_keeps_what_the_plain_type_says_where_no_other_is_known(enhanced):
    assert plain(accountType="77", enhancedPaymentData=enhanced).product == "returned_check"


@pytest.mark.parametrize(
    ("condition", "is_open"), [("A1", True), ("A2", False), ("A3", False), ("05", False), ("93", None), (None, None)]
)
def test_it_takes_the_condition_for_whether_an_account_is_open_where_nothing_else_tells(condition, is_open):
    told = {"enhancedAccountCondition": condition}
    assert one(card(openOrClosed=None, enhanced=told)).is_open is is_open
    assert one(card(openOrClosed="O", enhanced=told)).is_open


def test_it_counts_a_card_in_utilization_of_which_only_its_terms_say_that_it_revolves():
    told = one(card(revolvingOrInstallment=None, openOrClosed=None))
    assert summarize_utilization([told]).overall == (1140, 12000)
    assert told.key == one(card(revolvingOrInstallment=None, terms="036")).key
    assert one(card(revolvingOrInstallment=None, terms="036")).revolving is None


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
    assert [str(each.use.percent) for each in use.cards] == ["9.5", "90.0"]


@pytest.mark.parametrize("code", ["2A", "37", "8A", "3A", "13", "78", "20", "10", "2C", "90", "0A"])
def test_it_calls_an_account_by_the_name_that_it_had_before_its_type_was_known(code):
    """Names stand in addresses and in links to cards at banks, so they outlive every table."""
    unknown = one(card(accountType="3Q", enhanced={"enhancedAccountType": "3Q"}))
    assert one(card(accountType=code, enhanced={"enhancedAccountType": code})).key == unknown.key


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
def test_it_knows_how_payments_stand_from_the_plain_status(code, word):
    report = parse_sample(tradeline=[loan(status=code)])
    assert report.tradelines[0].payment_status == word
    assert report.warnings == ()


@pytest.mark.parametrize("code", ["13", "61", "62", "63", "64", "65"])
def test_it_calls_an_account_paid_whose_status_says_so(code):
    assert plain(status=code, openOrClosed="C").account_condition == "paid"


@pytest.mark.parametrize("code", ["61", "62", "63", "64", "65", "93", "97"])
def test_it_counts_what_was_paid_after_it_went_bad_as_a_serious_mark(code):
    assert plain(status=code, openOrClosed="C").derogatory


@pytest.mark.parametrize("code", ["11", "12", "13", "31", "71", "73", "84", "05"])
def test_it_does_not_call_late_payments_a_serious_mark(code):
    assert not plain(status=code).derogatory


@pytest.mark.parametrize("told", ["payment status", "status", "type"])
def test_it_counts_a_paid_collection_as_a_serious_mark(told):
    enhanced = {"enhancedAccountCondition": "A2", "enhancedPaymentStatus": "93" if told == "payment status" else None}
    status = "93" if told != "type" else "A2"
    paid = card(accountType="48", status=status, openOrClosed="C", balanceAmount=None, enhanced=enhanced)
    line = one(paid)
    assert (line.account_condition, line.derogatory) == ("paid", True)
    assert summarize([line], [], on=TODAY).derogatory == 1


def test_it_reads_a_paid_collection_of_another_lender():
    line = one(
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
def test_it_calls_nothing_bad_now_that_was_paid(code, word):
    paid = {"enhancedAccountCondition": "A2", "enhancedPaymentStatus": code}
    assert one(card(openOrClosed="C", enhanced=paid)).payment_status == word
    assert one(card(openOrClosed="C", enhanced=paid | {"enhancedAccountCondition": code})).payment_status != word


@pytest.mark.parametrize(("code", "word"), [("A2", "paid"), ("05", "transferred"), ("A3", "closed")])
def test_it_reads_a_condition_where_a_payment_status_should_stand(code, word):
    sections = [card(enhanced={"enhancedPaymentStatus": code})]
    assert parse_sample(tradeline=sections).tradelines[0].payment_status == word
    assert list_problems(parse_sample(tradeline=sections)) == []


@pytest.mark.parametrize("code", ["71", "78", "79", "80", "82", "84"])
def test_it_calls_nobody_late_now_with_what_was_paid(code):
    paid = {"enhancedAccountCondition": "A2", "enhancedPaymentStatus": code}
    assert one(card(openOrClosed="C", enhanced=paid)).payment_status == "paid_was_late"
    assert one(card(openOrClosed="C", enhanced=paid | {"enhancedAccountCondition": "A3"})).payment_status.startswith(
        "late"
    )
