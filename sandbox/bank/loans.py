"""Student loans, mortgages and other loans as ``/liabilities/get`` returns them.

What a persona does not say has the value of Plaid's own test data, or null where many banks say nothing.
"""

from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.bank.statements import Debt, add_months, annuity, list_payments, monthly_interest

STUDENT_RATE, MORTGAGE_RATE, LOAN_RATE = Decimal("5.25"), Decimal("3.99"), Decimal("6.75")
STUDENT_MONTHS, MORTGAGE_MONTHS, LOAN_MONTHS = 120, 360, 60
ORIGIN = date(2022, 8, 28)
ADDRESS = {"city": None, "country": None, "postal_code": None, "region": None, "street": None}

JsonObject = dict[str, Any]


def build_student_loan(debt: Debt) -> JsonObject:
    """Build a StudentLoan object."""
    terms, statement, paid = debt.terms, debt.statement, debt.last_payment
    rate = debt.decimal("nominal_apr", STUDENT_RATE)
    principal, months = debt.decimal("principal", debt.balance), _months_to_repay(debt)
    origin = debt.day("origination_date", ORIGIN)
    payoff = debt.day("expected_payoff_date", add_months(origin, months))
    return {
        "account_id": debt.account.id,
        "account_number": terms.get("account_number"),
        "disbursement_dates": [origin],
        "expected_payoff_date": payoff,
        "guarantor": terms.get("guarantor"),
        "interest_rate_percentage": rate,
        "is_overdue": bool(terms.get("is_overdue", False)),
        "last_payment_amount": paid.amount if paid else None,
        "last_payment_date": paid.day if paid else None,
        "last_statement_balance": statement.balance if statement else None,
        "last_statement_issue_date": statement.issued if statement else None,
        "loan_name": terms.get("loan_name"),
        "loan_status": terms.get("loan_status") or {"end_date": payoff, "type": "repayment"},
        "minimum_payment_amount": debt.decimal("minimum_payment_amount", annuity(principal, rate, months)),
        "next_payment_due_date": statement.due if statement else None,
        "origination_date": origin,
        "origination_principal_amount": principal,
        "outstanding_interest_amount": monthly_interest(debt.balance, rate),
        "payment_reference_number": terms.get("payment_reference_number"),
        "pslf_status": terms.get("pslf_status")
        or dict.fromkeys(("estimated_eligibility_date", "payments_made", "payments_remaining")),
        "repayment_plan": {
            "description": terms.get("repayment_plan_description", "Standard Repayment"),
            "type": terms.get("repayment_plan_type") or (terms.get("repayment_model") or {}).get("type", "standard"),
        },
        "sequence_number": terms.get("sequence_number"),
        "servicer_address": _address(terms.get("servicer_address")),
        **_paid_this_year(debt, rate),
    }


def build_mortgage(debt: Debt) -> JsonObject:
    """Build a MortgageLiability object."""
    terms, statement, paid = debt.terms, debt.statement, debt.last_payment
    rate, escrow = debt.decimal("nominal_apr", MORTGAGE_RATE), terms.get("escrow_balance")
    principal, origin = debt.decimal("principal", debt.balance), debt.day("origination_date", ORIGIN)
    payment = debt.decimal("minimum_payment_amount", annuity(principal, rate, MORTGAGE_MONTHS))
    return {
        "account_id": debt.account.id,
        "account_number": terms.get("account_number"),
        "current_late_fee": Decimal(0),
        "escrow_balance": Decimal(escrow) if escrow is not None else None,
        "has_pmi": terms.get("has_pmi"),
        "has_prepayment_penalty": terms.get("has_prepayment_penalty"),
        "interest_rate": {"percentage": rate, "type": "fixed"},
        "last_payment_amount": paid.amount if paid else None,
        "last_payment_date": paid.day if paid else None,
        "loan_term": f"{MORTGAGE_MONTHS // 12} year",
        "loan_type_description": "conventional",
        "maturity_date": add_months(origin, MORTGAGE_MONTHS),
        "next_monthly_payment": payment,
        "next_payment_due_date": statement.due if statement else None,
        "origination_date": origin,
        "origination_principal_amount": principal,
        "past_due_amount": Decimal(0),
        "property_address": _address(terms.get("property_address")),
        **_paid_this_year(debt, rate),
    }


def build_loan(debt: Debt) -> JsonObject:
    """Build a LoanLiability object, of a car or a person."""
    statement, paid = debt.statement, debt.last_payment
    rate = debt.decimal("nominal_apr", LOAN_RATE)
    principal, origin = debt.decimal("principal", debt.balance), debt.day("origination_date", ORIGIN)
    return {
        "account_id": debt.account.id,
        "account_number": None,
        "interest_rate": {"percentage": rate, "type": "fixed"},
        "principal_balance": debt.account.draft.current,
        "origination_principal_amount": principal,
        "origination_date": origin,
        "loan_term_months": LOAN_MONTHS,
        "maturity_date": add_months(origin, LOAN_MONTHS),
        "payment_count": None,
        "payment_frequency": "monthly",
        "next_payment_amount": debt.decimal("minimum_payment_amount", annuity(principal, rate, LOAN_MONTHS)),
        "next_payment_due_date": statement.due if statement else None,
        "last_payment_amount": paid.amount if paid else None,
        "last_payment_date": paid.day if paid else None,
        "payoff_amount": None,
        "ytd_interest_paid": _paid_this_year(debt, rate)["ytd_interest_paid"],
        "compounding_period": "monthly",
    }


def _months_to_repay(debt: Debt) -> int:
    model = debt.terms.get("repayment_model") or {}
    return int(model.get("repayment_months") or STUDENT_MONTHS) + int(model.get("non_repayment_months") or 0)


def _paid_this_year(debt: Debt, rate: Decimal) -> JsonObject:
    """Split this year's payments into interest, which is paid first, and principal."""
    payments = [payment.amount for payment in list_payments(debt.rows) if payment.day.year == debt.today.year]
    interest = sum((min(amount, monthly_interest(debt.balance, rate)) for amount in payments), Decimal(0))
    return {"ytd_interest_paid": interest, "ytd_principal_paid": sum(payments, Decimal(0)) - interest}


def _address(given: Any) -> JsonObject:
    """Return an address with all keys; a custom user's is ``{"data": {...}}``."""
    fields = (given or {}).get("data", given or {})
    return {name: fields.get(name) for name in ADDRESS}
