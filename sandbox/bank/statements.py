"""The monthly statements of a debt: when they are issued, their balances, and what was paid.

A statement is issued on the same day of every month, so that it moves on with the clock; its payment is due 25 days
later. Its balance is the account's balance less what was posted since.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.bank.accounts import Account
from sandbox.bank.transaction_log import Row

DAYS_TO_PAY = timedelta(days=25)
LAST_ISSUE_DAY = 28
MINIMUM, MINIMUM_SHARE = Decimal("25"), Decimal("0.01")
CENT = Decimal("0.01")
PAYMENT = "LOAN_PAYMENTS_"


@dataclass(frozen=True)
class DebtStatement:
    """The last statement of a debt. ``carried`` is what of the statement before was not paid."""

    issued: date
    due: date
    balance: Decimal
    carried: Decimal


@dataclass(frozen=True)
class Payment:
    """A payment of a debt, as a positive amount."""

    day: date
    amount: Decimal


@dataclass(frozen=True)
class Debt:
    """One debt: its account, the transactions of the account, and the day on which it is described."""

    account: Account
    rows: list[Row]
    today: date

    @property
    def terms(self) -> dict[str, Any]:
        """What the persona says about the debt."""
        return self.account.draft.liability or {}

    @property
    def balance(self) -> Decimal:
        """The balance; 0 for an unknown one."""
        return self.account.draft.current or Decimal(0)

    @property
    def statement(self) -> DebtStatement | None:
        """The last statement, if the balance is known."""
        return last_statement(self.account, self.rows, self.today)

    @property
    def last_payment(self) -> Payment | None:
        """The last payment: the one in the transactions, else the persona's, paid when the last statement was due."""
        paid = list_payments(self.rows)
        if paid:
            return paid[-1]
        if "last_payment_amount" not in self.terms:
            return None
        issued = last_issue(issue_day(self.account), self.today)
        return Payment(add_months(issued, -1), self.decimal("last_payment_amount", Decimal(0)))

    def decimal(self, name: str, default: Decimal) -> Decimal:
        """Return a number of the terms."""
        return Decimal(self.terms[name]) if self.terms.get(name) is not None else default

    def day(self, name: str, default: date) -> date:
        """Return a date of the terms."""
        return date.fromisoformat(self.terms[name]) if self.terms.get(name) else default


def issue_day(account: Account) -> int:
    """Return the day of the month on which an account's statements are issued, the same for its whole life."""
    terms = account.draft.liability or {}
    return int(terms.get("statement_day") or 1 + sum(map(ord, account.key)) % LAST_ISSUE_DAY)


def last_issue(day: int, today: date) -> date:
    """Return the last date up to ``today`` on which statements of this day of the month are issued."""
    this_month = today.replace(day=day)
    return this_month if this_month <= today else add_months(this_month, -1)


def add_months(day: date, months: int) -> date:
    """Return the same day ``months`` later, or the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def last_statement(account: Account, rows: list[Row], today: date) -> DebtStatement | None:
    """Return the last statement up to ``today``; None for an account whose balance is unknown."""
    if account.draft.current is None:
        return None
    issued = last_issue(issue_day(account), today)
    before = add_months(issued, -1)
    paid = sum((payment.amount for payment in list_payments(rows) if before <= payment.day < issued), Decimal(0))
    carried = max(_balance_on(account, rows, before) - paid, Decimal(0))
    return DebtStatement(issued, issued + DAYS_TO_PAY, _balance_on(account, rows, issued), carried)


def list_payments(rows: list[Row]) -> list[Payment]:
    """List the posted payments of an account, oldest first. Loans have them with either sign."""
    paid = [row for row in rows if row["category"].startswith(PAYMENT) and not row["pending"]]
    credits = [row for row in paid if Decimal(row["amount"]) < 0] or paid
    payments = [Payment(date.fromisoformat(row["date"]), abs(Decimal(row["amount"]))) for row in credits]
    return sorted(payments, key=lambda payment: payment.day)


def minimum_payment(balance: Decimal, interest: Decimal) -> Decimal:
    """Return what has to be paid at least: 1 % and the interest, 25 or more; 0 if nothing is owed."""
    if balance <= 0:
        return Decimal(0)
    return min(balance, max(MINIMUM, round_cents(balance * MINIMUM_SHARE + interest)))


def monthly_interest(balance: Decimal, rate: Decimal) -> Decimal:
    """Return one month's interest on a balance at a yearly rate in percent."""
    return round_cents(balance * rate / 1200)


def annuity(principal: Decimal, rate: Decimal, months: int) -> Decimal:
    """Return the constant monthly payment that repays a loan in ``months``."""
    monthly = rate / 1200
    if not monthly:
        return round_cents(principal / months)
    return round_cents(principal * monthly / (1 - (1 + monthly) ** -months))


def round_cents(amount: Decimal) -> Decimal:
    """Round half up to cents."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def _balance_on(account: Account, rows: list[Row], day: date) -> Decimal:
    """Return the balance at the start of a day.

    The published transactions of some personas do not add up to their balances; the balance is then today's.
    """
    current = account.draft.current or Decimal(0)
    since = sum(
        (Decimal(row["amount"]) for row in rows if not row["pending"] and row["date"] >= day.isoformat()), Decimal(0)
    )
    balance = current - since
    is_above_limit = account.draft.limit is not None and balance > account.draft.limit
    return current if is_above_limit or (balance < 0 < current) else round_cents(balance)
