"""The ``inflow_model`` of a custom user's account: a monthly income, or a monthly payment of a debt.

Source: https://plaid.com/docs/sandbox/user-custom/
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.personas.drafts import AccountDraft, TransactionDraft

KEY = "inflow"
INCOME, BALANCE, INTEREST = "monthly-income", "monthly-balance-payment", "monthly-interest-only-payment"
TYPES = ("none", INCOME, BALANCE, INTEREST)
DAYS = 730
CENT = Decimal("0.01")
NAMES = {INCOME: "INCOME", BALANCE: "PAYMENT - THANK YOU", INTEREST: "INTEREST PAYMENT - THANK YOU"}
CATEGORIES = {INCOME: "INCOME_SALARY"}
PAYMENT = "LOAN_PAYMENTS_OTHER_PAYMENT"

Json = dict[str, Any]


def draw(account: Json, draft: AccountDraft, drafts: list[TransactionDraft], today: date) -> list[TransactionDraft]:
    """Generate the inflows of two years up to today. Raises ValueError for an unknown type or day."""
    model = account.get("inflow_model") or {"type": "none"}
    if model["type"] not in TYPES:
        raise ValueError(f"there is no inflow_model {model['type']}")
    if model["type"] == "none":
        return []
    inflows = ((day, _amount(model, account, draft, drafts, day)) for day in _payment_days(model, today))
    return [_inflow(model, draft, day, amount) for day, amount in inflows if amount > 0]


def _payment_days(model: Json, today: date) -> Iterator[date]:
    """Yield the day of payment of each of the last 24 months, oldest first."""
    number = int(model.get("payment_day_of_month") or 1)
    if not 1 <= number <= 28:
        raise ValueError("payment_day_of_month must be from 1 to 28")
    days = (today - timedelta(days=ago) for ago in range(DAYS, -1, -1))
    return (day for day in days if day.day == number)


def _amount(model: Json, account: Json, draft: AccountDraft, drafts: list[TransactionDraft], day: date) -> Decimal:
    """Return what is paid on a day: the income, the spending of the last statement, or the interest on the balance."""
    if model["type"] == INCOME:
        return Decimal(model["income_amount"])
    if model["type"] == BALANCE:
        until = _last_statement(model, day)
        since = _last_statement(model, until - timedelta(days=1))
        return sum((row.amount for row in drafts if not row.pending and since <= row.day < until), Decimal(0))
    terms = account.get("liability") or {}
    rate = Decimal(terms.get("nominal_apr") or terms.get("purchase_apr") or 0)
    return ((draft.current or Decimal(0)) * rate / 1200).quantize(CENT, ROUND_HALF_UP)


def _last_statement(model: Json, day: date) -> date:
    """Return the last day of a statement up to this day."""
    number = int(model.get("statement_day_of_month") or 1)
    if not 1 <= number <= 28:
        raise ValueError("statement_day_of_month must be from 1 to 28")
    this_month = day.replace(day=number)
    return this_month if this_month <= day else (day.replace(day=1) - timedelta(days=1)).replace(day=number)


def _inflow(model: Json, draft: AccountDraft, day: date, amount: Decimal) -> TransactionDraft:
    name = str(model.get("transaction_name") or NAMES[model["type"]])
    return TransactionDraft(
        key=f"{draft.key}/{KEY}/{day}",
        account=draft.key,
        day=day,
        amount=-amount,
        name=name,
        category=CATEGORIES.get(model["type"], PAYMENT),
        authorized=day,
        channel="other",
        currency=draft.currency,
        original=name,
    )
