"""What real files contain besides balances and payments, and how the pages show it."""

import pytest

from credit.tests.experian_samples import RECORD, card, loan, parse_sample
from credit.tests.factories import store_report
from credit.tests.test_views_reading import get_main_text

pytestmark = pytest.mark.django_db


def get_account_text(client, user, section, **sections):
    """The visible text of an account's page; the account is the only one of its report."""
    report = parse_sample(tradeline=[section], **sections)
    store_report(user, report)
    return get_main_text(client, "credit_account", report.tradelines[0].key)


def test_it_shows_the_exact_type_of_an_account(as_alice, alice):
    page = get_account_text(as_alice, alice, card(accountType="2A", enhanced={"enhancedAccountType": "2A"}))
    assert "Type Secured credit card" in page
    assert "Terms Revolving" in page


def test_it_shows_how_late_an_account_is_without_a_payment_history(as_alice, alice):
    assert "Payment status 30 days past due" in get_account_text(as_alice, alice, loan(status="73", terms="060"))


def test_it_shows_the_dates_of_late_payments_and_the_worst_delinquency(as_alice, alice):
    late = {
        "maxDelinquencyDate": "07012011",
        "enhanced": {
            "firstDelinquencyDate": "09012017",
            "secondDelinquencyDate": "01012017",
            "maxDelinquencyCode": "2",
            "complianceCondition": "XA",
        },
    }
    page = get_account_text(as_alice, alice, card(**late))
    assert (
        "Last late payment Sep 1, 2017 Earlier late payment Jan 1, 2017 Worst delinquency 60 days past due, Jul 1, 2011"
        in page
    )
    assert "Lender's note Closed at the consumer's request" in page


def test_it_omits_what_is_not_reported(as_alice, alice):
    page = get_account_text(as_alice, alice, loan(terms="UNK"))
    for label in ("Terms", "Worst", "Earlier late payment", "Lender's note", "Bankruptcy"):
        assert label not in page


def test_it_shows_the_chapter_and_stage_of_a_bankruptcy(as_alice, alice):
    closed = card(openOrClosed="C", enhanced={"enhancedAccountCondition": "E"})
    assert "Bankruptcy Chapter 7 · Discharged" in get_account_text(as_alice, alice, closed)


@pytest.mark.parametrize(
    ("dates", "note"),
    [
        ({"balanceDate": "11092026"}, None),
        ({"balanceDate": None, "statusDate": "10092026"}, "counted from the status date"),
        ({"balanceDate": None, "statusDate": None}, "counted from the report date"),
    ],
)
def test_it_says_from_which_date_it_counts_the_months(as_alice, alice, dates, note):
    page = get_account_text(as_alice, alice, card(**dates, paymentHistory="C1C"))
    assert "2026" in page
    assert (note or "Months are counted") in page if note else "Months are counted" not in page


def test_it_shows_a_payment_history_without_a_date(as_alice, alice):
    undated = card(balanceDate=None, statusDate=None, paymentHistory="C1" + "C" * 13)
    page = get_account_text(as_alice, alice, undated, headerRecord=None)
    assert "The report doesn't say which months these are" in page
    assert "1 OK 30 OK" in page
    assert "13 OK OK OK" in page


def test_it_shows_the_details_of_a_bankruptcy_record(as_alice, alice):
    details = {
        "bankruptcyAssetAmount": "00021635",
        "bankruptcyVoluntaryIndicator": "V",
        "repaymentPercent": "040",
        "adjustmentPercent": "015",
        "ecoa": "2",
        "consumerComment": "PLAN FINISHED EARLY",
    }
    store_report(alice, parse_sample(publicRecord=[RECORD | details]))
    page = get_main_text(as_alice, "credit_records")
    assert "repayment plan: 40% · adjustment: 15% · assets: $21,635 · filed by the debtor · Joint account" in page
    assert "Your comment: PLAN FINISHED EARLY" in page


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("1202", "OFAC NO RECORD FOUND", "The bureau found no match for your name."),
        ("1200", "NAME MATCHES OFAC/PLC/FSE LIST", "doesn't mean that you are the person listed"),
        ("1299", "OFAC SOMETHING ELSE", "OFAC SOMETHING ELSE"),
    ],
)
def test_it_shows_the_result_of_the_sanctions_list_search(as_alice, alice, code, text, expected):
    store_report(alice, parse_sample(ofac={"messageNumber": code, "messageText": text}))
    assert expected in get_main_text(as_alice, "credit_personal")


def test_it_omits_the_sanctions_list_when_it_was_not_searched(as_alice, alice):
    store_report(alice, parse_sample())
    assert "Sanctions list" not in get_main_text(as_alice, "credit_personal")


def test_it_shows_neither_to_another_user(as_mallory, alice):
    report = parse_sample(ofac={"messageNumber": "1202", "messageText": "OFAC NO RECORD FOUND"})
    store_report(alice, report)
    assert as_mallory.get(f"/credit/accounts/{report.tradelines[0].key}/").status_code == 404
    assert "OFAC" not in as_mallory.get("/credit/personal/", follow=True).content.decode()


def make_paid_collection(**changes):
    enhanced = {"enhancedAccountCondition": "A2", "enhancedPaymentStatus": "93"}
    fields = {"accountType": "48", "openOrClosed": "C", "balanceAmount": None, "status": "93", "enhanced": enhanced}
    return card(**fields | changes)


def test_it_shows_that_a_collection_was_paid(as_alice, alice):
    page = get_account_text(as_alice, alice, make_paid_collection())
    assert "Status Paid Payment status Paid, was in collections" in page
    assert "Closed. Paid, was in collections" in get_main_text(as_alice, "credit_accounts")
    assert "Paid, was in collections · balance: Not reported · opened: Mar 15, 2016" in get_main_text(
        as_alice, "credit_records"
    )


def test_it_shows_the_balance_of_a_collection(as_alice, alice):
    unpaid = make_paid_collection(
        balanceAmount="00000842", openOrClosed="O", enhanced={"enhancedAccountCondition": "93"}
    )
    store_report(alice, parse_sample(tradeline=[unpaid]))
    assert "In collections · balance: $842" in get_main_text(as_alice, "credit_records")


def test_it_says_that_a_date_is_not_reported(as_alice, alice):
    page = get_account_text(as_alice, alice, card(balanceDate=None), headerRecord=None)
    assert "from Not reported" not in page
    assert "Balance date not reported" in page
    assert "Experian report Score" in page
