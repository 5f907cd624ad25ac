"""The responses about liabilities and recurring transactions, with all the oddities that a bank may send."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from banking.plaid.products.responses import parse_liabilities, parse_recurring
from banking.provider import AprRow, LiabilityKind, LiabilityRow, MalformedResponse, SkippedRow
from banking.tests.plaid_samples import encode_json

CARD = {
    "account_id": "acc-card",
    "aprs": [
        {
            "apr_percentage": Decimal("15.24"),
            "apr_type": "balance_transfer_apr",
            "balance_subject_to_apr": Decimal("1562.32"),
            "interest_charge_amount": Decimal("130.22"),
        },
        {
            "apr_percentage": 0,
            "apr_type": "apr_of_2031",
            "balance_subject_to_apr": None,
            "interest_charge_amount": None,
        },
    ],
    "is_overdue": False,
    "last_payment_amount": Decimal("168.25"),
    "last_payment_date": "2026-05-22",
    "last_statement_issue_date": "2026-05-28",
    "last_statement_balance": Decimal("1708.77"),
    "minimum_payment_amount": 20,
    "next_payment_due_date": "2026-06-28",
}
STUDENT = {
    "account_id": "acc-student",
    "account_number": "4277075694",
    "disbursement_dates": ["2022-08-28"],
    "expected_payoff_date": "2032-07-28",
    "guarantor": "DEPT OF ED",
    "interest_rate_percentage": Decimal("5.25"),
    "is_overdue": None,
    "loan_name": "Consolidation &amp; more",
    "loan_status": {"end_date": "2032-07-28", "type": "repayment"},
    "minimum_payment_amount": 25,
    "outstanding_interest_amount": Decimal("6227.36"),
    "repayment_plan": {"description": None, "type": "standard"},
    "ytd_interest_paid": Decimal("280.55"),
}
MORTGAGE = {
    "account_id": "acc-mortgage",
    "interest_rate": {"percentage": Decimal("3.99"), "type": "fixed"},
    "next_monthly_payment": Decimal("3141.54"),
    "maturity_date": "2047-07-31",
    "past_due_amount": 2304,
    "property_address": {"street": "2992 Cameron Road"},
}
STREAM = {
    "account_id": "acc-checking",
    "stream_id": "stream-1",
    "category": None,
    "description": "NETFLIX.COM",
    "merchant_name": "Netflix",
    "first_date": "2026-01-05",
    "last_date": "2026-11-05",
    "predicted_next_date": "2026-12-05",
    "frequency": "MONTHLY",
    "transaction_ids": ["t1", "t2"],
    "average_amount": {"amount": Decimal("15.49"), "iso_currency_code": "USD", "unofficial_currency_code": None},
    "last_amount": {"amount": Decimal("17.99"), "iso_currency_code": "USD", "unofficial_currency_code": None},
    "is_active": True,
    "status": "MATURE",
    "personal_finance_category": {"primary": "ENTERTAINMENT", "detailed": "ENTERTAINMENT_TV_AND_MOVIES"},
}


def parse_lists(**lists: object) -> Any:
    return parse_liabilities(encode_json({"accounts": [], "item": {}, "liabilities": lists, "request_id": "r1"}))


def parse_streams(inflow: object = (), outflow: object = ()) -> Any:
    return parse_recurring(
        encode_json({"inflow_streams": inflow, "outflow_streams": outflow, "updated_datetime": None})
    )


@contextmanager
def refusing(field: str) -> Iterator[None]:
    with pytest.raises(MalformedResponse) as caught:
        yield
    assert field in str(caught.value)


# --- Liabilities ------------------------------------------------------------------------------------------


def test_it_reads_the_terms_of_a_card() -> None:
    response = parse_lists(credit=[CARD])
    assert response.liabilities == [
        LiabilityRow(
            account_id="acc-card",
            kind=LiabilityKind.CREDIT,
            aprs=[
                AprRow("balance_transfer_apr", Decimal("15.24"), Decimal("1562.32"), Decimal("130.22")),
                AprRow("apr_of_2031", Decimal(0), None, None),
            ],
            is_overdue=False,
            last_payment_amount=Decimal("168.25"),
            last_payment_date=date(2026, 5, 22),
            last_statement_issue_date=date(2026, 5, 28),
            last_statement_balance=Decimal("1708.77"),
            minimum_payment_amount=Decimal(20),
            next_payment_due_date=date(2026, 6, 28),
        )
    ]
    assert (response.request_id, response.skipped) == ("r1", [])


def test_it_reads_the_terms_of_loans_and_no_account_number_or_address() -> None:
    student, mortgage = parse_lists(mortgage=[MORTGAGE], student=[STUDENT]).liabilities
    assert student == LiabilityRow(
        account_id="acc-student",
        kind=LiabilityKind.STUDENT,
        aprs=[],
        minimum_payment_amount=Decimal(25),
        interest_rate=Decimal("5.25"),
        outstanding_interest_amount=Decimal("6227.36"),
        ytd_interest_paid=Decimal("280.55"),
        maturity_date=date(2032, 7, 28),
        loan_name="Consolidation & more",
        loan_status="repayment",
        repayment_plan="standard",
    )
    assert mortgage == LiabilityRow(
        account_id="acc-mortgage",
        kind=LiabilityKind.MORTGAGE,
        aprs=[],
        past_due_amount=Decimal(2304),
        next_payment_amount=Decimal("3141.54"),
        interest_rate=Decimal("3.99"),
        interest_rate_type="fixed",
        maturity_date=date(2047, 7, 31),
    )


@pytest.mark.parametrize("lists", [{}, {"credit": None, "student": None}, {"credit": [], "a_list_of_2031": [CARD]}])
def test_it_reads_lists_that_are_null_missing_or_unknown_as_empty(lists: dict[str, object]) -> None:
    response = parse_lists(**lists)
    assert (response.liabilities, response.skipped) == ([], [])


@pytest.mark.parametrize("account_id", [None, 5, "", "x" * 300])
def test_it_skips_a_liability_of_no_account_and_keeps_the_others(account_id: object) -> None:
    response = parse_lists(credit=[CARD | {"account_id": account_id}, CARD], loan=[{"account_id": "acc-loan"}])
    assert [row.account_id for row in response.liabilities] == ["acc-card", "acc-loan"]
    assert response.skipped == [SkippedRow("liability", "account_id")]


@pytest.mark.parametrize(
    "changes",
    [
        {name: None for name in CARD if name != "account_id"},
        {"aprs": {}, "is_overdue": "no", "last_payment_amount": "168.25", "last_payment_date": "yesterday"},
        {"interest_rate": 5, "interest_rate_percentage": "5", "loan_status": [], "repayment_plan": "x"},
    ],
)
def test_it_leaves_invalid_fields_of_a_liability_empty(changes: dict[str, object]) -> None:
    response = parse_lists(credit=[{"account_id": "acc-card"} | changes])
    assert response.liabilities == [LiabilityRow("acc-card", LiabilityKind.CREDIT, aprs=[])]
    assert response.skipped == []


def test_it_skips_an_interest_rate_without_a_number_and_keeps_the_card() -> None:
    aprs = [{"apr_percentage": None, "apr_type": "special"}, "12.5", {"apr_percentage": 9}]
    response = parse_lists(credit=[CARD | {"aprs": aprs}])
    assert response.liabilities[0].aprs == [AprRow("", Decimal(9), None, None)]
    assert response.skipped == [SkippedRow("apr", "apr_percentage"), SkippedRow("apr", "row")]


@pytest.mark.parametrize("body", [{}, {"liabilities": None}, {"liabilities": {"credit": {}}}])
def test_it_refuses_a_response_without_liabilities(body: dict[str, object]) -> None:
    with refusing("credit" if body.get("liabilities") else "liabilities"):
        parse_liabilities(encode_json(body))


# --- Recurring transactions -------------------------------------------------------------------------------


def test_it_reads_streams_with_the_sign_of_money_that_comes_in() -> None:
    salary = STREAM | {"stream_id": "s2", "average_amount": {"amount": -2500, "unofficial_currency_code": "BTC"}}
    inflow, outflow = parse_streams(inflow=[salary], outflow=[STREAM]).streams
    assert (inflow.is_inflow, inflow.average_amount, inflow.currency) == (True, Decimal(2500), "BTC")
    assert outflow._asdict() == {
        "provider_id": "stream-1",
        "account_id": "acc-checking",
        "is_inflow": False,
        "description": "NETFLIX.COM",
        "merchant_name": "Netflix",
        "category": "ENTERTAINMENT",
        "category_detail": "ENTERTAINMENT_TV_AND_MOVIES",
        "frequency": "MONTHLY",
        "average_amount": Decimal("-15.49"),
        "last_amount": Decimal("-17.99"),
        "currency": "USD",
        "first_date": date(2026, 1, 5),
        "last_date": date(2026, 11, 5),
        "predicted_next_date": date(2026, 12, 5),
        "status": "MATURE",
        "is_active": True,
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"stream_id": None}, "stream_id"),
        ({"account_id": 5}, "account_id"),
        ({"average_amount": None}, "average_amount"),
        ({"average_amount": {"amount": "15", "iso_currency_code": "USD"}}, "average_amount"),
        ({"average_amount": {"amount": 15, "iso_currency_code": None}}, "average_amount"),
        ({"last_date": None}, "last_date"),
        ({"is_active": None}, "is_active"),
    ],
)
def test_it_skips_a_stream_that_cannot_be_counted_and_keeps_the_others(changes: dict[str, Any], field: str) -> None:
    response = parse_streams(inflow=None, outflow=[STREAM | changes, STREAM])
    assert [row.provider_id for row in response.streams] == ["stream-1"]
    assert response.skipped == [SkippedRow("stream", field)]


def test_it_leaves_invalid_fields_of_a_stream_empty_and_keeps_unknown_codes() -> None:
    changes = {
        "frequency": "EVERY_BLUE_MOON",
        "status": 7,
        "last_amount": [],
        "first_date": "",
        "predicted_next_date": None,
        "merchant_name": None,
        "personal_finance_category": "x",
    }
    response = parse_streams(outflow=[STREAM | changes])
    [stream] = response.streams
    assert (stream.frequency, stream.status, stream.last_amount, stream.first_date) == (
        "EVERY_BLUE_MOON",
        "7",
        None,
        None,
    )
    assert (stream.predicted_next_date, stream.merchant_name, stream.category) == (None, "", "")
    assert response.skipped == []


def test_it_refuses_a_response_without_its_lists() -> None:
    with refusing("outflow_streams"):
        parse_recurring(encode_json({"inflow_streams": []}))
