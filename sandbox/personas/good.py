"""user_good: twelve accounts with constant names and balances, and the same few transactions every thirty days.

Source: https://plaid.com/docs/sandbox/test-credentials/ and the responses of Plaid's own sandbox.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sandbox.personas.drafts import AccountDraft, Book, TransactionDraft

CYCLE = 30
CYCLES = 25


LIABILITIES: dict[str, dict[str, Any]] = {
    "card": {"purchase_apr": "12.5", "cash_apr": "27.95", "balance_transfer_apr": "15.24", "special_apr": "0"},
    "business": {"purchase_apr": "17.49", "apr_types": ["purchase_apr", "cash_apr"]},
    "student": {
        "nominal_apr": "5.25",
        "principal": "25000",
        "origination_date": "2002-08-28",
        "expected_payoff_date": "2032-07-28",
        "guarantor": "DEPT OF ED",
        "loan_name": "Consolidation",
        "account_number": "4277075694",
        "payment_reference_number": "4277075694",
        "sequence_number": "1",
        "last_payment_amount": "138.05",
        "pslf_status": {
            "estimated_eligibility_date": "2021-01-01",
            "payments_made": 200,
            "payments_remaining": 160,
        },
        "servicer_address": {
            "city": "San Matias",
            "country": "US",
            "postal_code": "99415",
            "region": "CA",
            "street": "123 Relaxation Road",
        },
    },
    "mortgage": {
        "nominal_apr": "3.99",
        "principal": "425000",
        "origination_date": "2015-08-01",
        "account_number": "3120194154",
        "escrow_balance": "3141.54",
        "minimum_payment_amount": "3141.54",
        "last_payment_amount": "3141.54",
        "has_pmi": True,
        "has_prepayment_penalty": True,
        "property_address": {
            "city": "Malakoff",
            "country": "US",
            "postal_code": "14236",
            "region": "NY",
            "street": "2992 Cameron Road",
        },
    },
}


def _account(
    key: str, name: str, official: str, mask: str, kind: str, available: str | None, current: str, limit: str = ""
) -> AccountDraft:
    type_, subtype = kind.split("/")
    return AccountDraft(
        key=key,
        name=name,
        official_name=official or None,
        mask=mask,
        type=type_,
        subtype=subtype,
        current=Decimal(current),
        available=Decimal(available) if available else None,
        limit=Decimal(limit) if limit else None,
        holder="business" if "Business" in name else "personal",
        liability=LIABILITIES.get(key),
    )


ACCOUNTS = [
    _account("checking", "Plaid Checking", "Plaid Gold Standard 0% Interest Checking", "0000",
             "depository/checking", "100", "110"),
    _account("saving", "Plaid Saving", "Plaid Silver Standard 0.1% Interest Saving", "1111",
             "depository/savings", "200", "210"),
    _account("cd", "Plaid CD", "Plaid Bronze Standard 0.2% Interest CD", "2222", "depository/cd", None, "1000"),
    _account("card", "Plaid Credit Card", "Plaid Diamond 12.5% APR Interest Credit Card", "3333",
             "credit/credit card", None, "410", "2000"),
    _account("market", "Plaid Money Market", "Plaid Platinum Standard 1.85% Interest Money Market", "4444",
             "depository/money market", "43200", "43200"),
    _account("ira", "Plaid IRA", "", "5555", "investment/ira", None, "320.76"),
    _account("401k", "Plaid 401k", "", "6666", "investment/401k", None, "23631.9805"),
    _account("student", "Plaid Student Loan", "", "7777", "loan/student", None, "65262"),
    _account("mortgage", "Plaid Mortgage", "", "8888", "loan/mortgage", None, "56302.06"),
    _account("hsa", "Plaid HSA", "Plaid Cares Health Savings Account", "9001", "depository/hsa", "6009", "6009"),
    _account("cash", "Plaid Cash Management", "Plaid Growth Cash Management", "9002",
             "depository/cash management", "12060", "12060"),
    _account("business", "Plaid Business Credit Card", "Plaid Platinum Small Business Credit Card", "9999",
             "credit/credit card", "4980", "5020", "10000"),
]  # fmt: skip


class CycleRow(NamedTuple):
    """A transaction of every cycle, ``days_before`` its end."""

    account: str
    days_before: int
    amount: str
    name: str
    merchant: str | None
    category: str
    channel: str = "in store"


RECURRING_TRANSACTIONS = (
    CycleRow("checking", 2, "6.33", "Uber 072515 SF**POOL**", "Uber", "TRANSPORTATION_TAXIS_AND_RIDE_SHARES", "online"),
    CycleRow("checking", 5, "-4.22", "INTRST PYMNT", None, "INCOME_INTEREST_EARNED", "other"),
    CycleRow("checking", 15, "12", "McDonald's", "McDonald's", "FOOD_AND_DRINK_FAST_FOOD"),
    CycleRow("checking", 15, "4.33", "Starbucks", "Starbucks", "FOOD_AND_DRINK_COFFEE"),
    CycleRow("checking", 16, "89.4", "SparkFun", "SparkFun", "GENERAL_MERCHANDISE_ELECTRONICS"),
    CycleRow("checking", 19, "5.4", "Uber 063015 SF**POOL**", "Uber", "TRANSPORTATION_TAXIS_AND_RIDE_SHARES", "online"),
    CycleRow("saving", 6, "25", "CREDIT CARD 3333 PAYMENT *//", None, "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT", "other"),
    CycleRow("cd", 7, "1000", "CD DEPOSIT .INITIAL.", None, "TRANSFER_OUT_ACCOUNT_TRANSFER", "other"),
    CycleRow("card", 3, "500", "United Airlines", "United Airlines", "TRAVEL_FLIGHTS"),
    CycleRow("card", 8, "78.5", "Touchstone Climbing", "Touchstone Climbing",
             "PERSONAL_CARE_GYMS_AND_FITNESS_CENTERS"),
    CycleRow("card", 9, "-25", "CREDIT CARD PAYMENT - THANK YOU", None, "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT", "other"),
    CycleRow("card", 10, "500", "Tectra Inc", None, "GENERAL_MERCHANDISE_OTHER_GENERAL_MERCHANDISE"),
    CycleRow("card", 11, "2078.5", "AUTOMATIC PAYMENT - THANK", None, "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT", "other"),
    CycleRow("card", 12, "500", "KFC", "KFC", "FOOD_AND_DRINK_FAST_FOOD"),
    CycleRow("card", 13, "500", "Madison Bicycle Shop", "Madison Bicycle Shop", "GENERAL_MERCHANDISE_SPORTING_GOODS"),
    CycleRow("card", 20, "-500", "United Airlines", "United Airlines", "TRAVEL_FLIGHTS"),
    CycleRow("market", 14, "5850", "ACH Electronic CreditGUSTO PAY 123456", None,
             "GENERAL_SERVICES_ACCOUNTING_AND_FINANCIAL_PLANNING", "online"),
    CycleRow("student", 17, "25", "Student loan payment", None, "LOAN_PAYMENTS_STUDENT_LOAN_PAYMENT", "other"),
)  # fmt: skip


def draw(seed: str, today: date) -> Book:
    """Generate the book. It does not depend on the seed: user_good is the same at every bank."""
    return Book(ACCOUNTS, sorted(_transactions(today), key=lambda draft: draft.day))


def _transactions(today: date) -> Iterator[TransactionDraft]:
    for cycle in range(CYCLES):
        end = today - timedelta(days=cycle * CYCLE)
        for place, recurring in enumerate(RECURRING_TRANSACTIONS):
            day = end - timedelta(days=recurring.days_before)
            yield TransactionDraft(
                key=f"{day.isoformat()}/{place}",
                account=recurring.account,
                day=day,
                amount=Decimal(recurring.amount),
                name=recurring.name,
                merchant=recurring.merchant,
                category=recurring.category,
                authorized=day - timedelta(days=1),
                channel=recurring.channel,
            )
