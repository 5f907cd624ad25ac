"""The figures that the site has to show, computed from the sandbox's ledgers and the person's words.

Nothing of the site's code is used. The rules are those that docs/sync.md and docs/transactions.md promise:

- of each real account, the rows of the newest connection count, and before its first day those of the one before it;
- a posted row counts in place of the pending one that it names, for as long as both are at the bank;
- the person's word comes before a rule's, and a rule's before the bank's;
- transfers between own accounts are neither income nor spending.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from config.tests.independent_totals import primary_category
from config.tests.schedules.figures import Balances, Figures, Line, Sums
from config.tests.schedules.local_bank import Login, Row
from config.tests.schedules.machine import PAYEES, OwnWords, Rule, Schedule

ZERO = Decimal(0)
LABELS = {
    "": "Uncategorized",
    "FOOD_AND_DRINK": "Food and drink",
    "GENERAL_MERCHANDISE": "Shopping",
    "INCOME": "Income",
    "MEDICAL": "Health",
    "PERSONAL_CARE": "Personal care",
    "TRANSFER_IN": "Transfer in",
    "TRANSFER_OUT": "Transfer out",
    "TRAVEL": "Travel",
}
MATCHED_DAYS, JOINED_DAYS = 4, 10


class Payment(NamedTuple):
    """A row that counts, with what the person and the rules say. ``amount`` is positive when money comes in."""

    name: str
    key: str
    amount: Decimal
    day: date
    posted: date
    pending: bool
    bank_category: str
    own_category: str
    label: str
    note: str
    tags: tuple[str, ...]
    is_hidden: bool

    @property
    def category(self) -> str:
        return self.own_category or self.bank_category


def compute_figures(schedule: Schedule) -> Figures:
    """The figures of a schedule at this moment."""
    payments = [build_payment(schedule, row) for row in list_counted_rows(schedule)]
    shown = [payment for payment in payments if not payment.is_hidden]
    legs = list_transfer_legs(schedule, shown)
    cash_flow = [payment for payment in shown if is_cash_flow(payment, legs)]
    names = {key: f"{draft.name} ••{draft.mask}" for key, draft in schedule.bank.every_draft.items()}
    balances = compute_balances(schedule)
    income, spending = compute_month(schedule, cash_flow, {key for key in names if names[key] in balances})
    return Figures(
        lines=Counter(build_line(payment, names) for payment in shown),
        hidden=Counter(build_line(payment, names) for payment in payments if payment.is_hidden),
        sums=compute_sums(shown, cash_flow),
        months=compute_months(cash_flow),
        income=income,
        spending=spending,
        balances=balances,
    )


# --- Which rows count -------------------------------------------------------------------------------------


def list_counted_rows(schedule: Schedule) -> list[Row]:
    """The rows that count, of all connections, each payment once."""
    streams = [(login, rows) for login in schedule.bank.logins if (rows := list_stored_rows(schedule, login))]
    streams.sort(key=lambda stream: recency(stream[0]), reverse=True)
    first_days: dict[str, str] = {}
    counted: list[Row] = []
    for _, rows in streams:
        posted = {row["pending_transaction_id"] for row in rows if not row["pending"]}
        counted += [
            row
            for row in rows
            if row["date"] < first_days.get(row["key"], "9999")
            and not (row["pending"] and row["transaction_id"] in posted)
        ]
        for row in rows:
            first_days[row["key"]] = min(first_days.get(row["key"], "9999"), row["date"])
    return counted


def list_stored_rows(schedule: Schedule, login: Login) -> list[Row]:
    return schedule.bank.list_rows(login) if login.is_linked else login.rows


def recency(login: Login) -> tuple[object, ...]:
    """First the connections that are synced, the newest first; then the kept histories, the latest first."""
    return login.is_linked, login.connected_at if login.is_linked else login.synced_at, login.connected_at


# --- What the person and the rules say --------------------------------------------------------------------


def build_payment(schedule: Schedule, row: Row) -> Payment:
    said = schedule.said.get(row["name"], OwnWords())
    payee = next((payee for payee in PAYEES if row["name"].startswith(payee)), "")
    rule = schedule.rules.get(payee)
    posted = date.fromisoformat(row["date"])
    return Payment(
        name=row["name"],
        key=row["key"],
        amount=-Decimal(row["amount"]),
        day=date.fromisoformat(row["authorized_date"]) if row["authorized_date"] else posted,
        posted=posted,
        pending=row["pending"],
        bank_category=primary_category(row["category"]),
        own_category=decide(said.category, rule.category if rule else ""),
        label=decide(said.merchant, rule.rename if rule else "") or row["merchant_name"] or row["name"],
        note=said.note,
        tags=tuple(sorted(said.tags | list_rule_tags(rule), key=str.lower)),
        is_hidden=rule is not None and rule.hides if said.hidden is None else said.hidden,
    )


def decide(said: str | None, by_rule: str) -> str:
    return by_rule if said is None else said


def list_rule_tags(rule: Rule | None) -> set[str]:
    return {rule.tag} if rule and rule.tag else set()


# --- Transfers and sums -----------------------------------------------------------------------------------


def list_transfer_legs(schedule: Schedule, shown: Iterable[Payment]) -> set[str]:
    """The names of the payments that are half of a transfer between own accounts."""
    payments = {payment.name: payment for payment in shown}
    legs: set[str] = set()
    for pair in schedule.pairs:
        sent, arrived = payments.get(pair.money_out), payments.get(pair.money_in)
        if sent is None or arrived is None or pair.is_joined is False:
            continue
        days = abs((arrived.day - sent.day).days)
        is_found = days <= MATCHED_DAYS and may_be_leg(sent) and may_be_leg(arrived) and sent.key != arrived.key
        if is_found or (pair.is_joined and days <= JOINED_DAYS):
            legs |= {sent.name, arrived.name}
    return legs


def may_be_leg(payment: Payment) -> bool:
    return payment.category in ("", "TRANSFER_IN", "TRANSFER_OUT")


def is_cash_flow(payment: Payment, legs: set[str]) -> bool:
    if payment.own_category:
        return not payment.own_category.startswith("TRANSFER_")
    return not payment.bank_category.startswith("TRANSFER_") and payment.name not in legs


def compute_sums(shown: Iterable[Payment], cash_flow: list[Payment]) -> Sums:
    figures = defaultdict[str, Decimal](Decimal)
    for payment in shown:
        counts = payment in cash_flow
        figures[f"{'money' if counts else 'uncounted'}_{'in' if payment.amount > 0 else 'out'}"] += abs(payment.amount)
    return Sums(count=len(list(shown)), **figures)


def compute_months(cash_flow: Iterable[Payment]) -> dict[tuple[date, str], tuple[Decimal, Decimal, int]]:
    months: dict[tuple[date, str], tuple[Decimal, Decimal, int]] = {}
    for payment in cash_flow:
        key = payment.day.replace(day=1), payment.category
        money_in, money_out, count = months.get(key, (ZERO, ZERO, 0))
        months[key] = money_in + max(payment.amount, ZERO), money_out + max(-payment.amount, ZERO), count + 1
    return months


def compute_month(
    schedule: Schedule, cash_flow: Iterable[Payment], open_keys: set[str]
) -> tuple[Decimal, dict[str, Decimal]]:
    """Income, and spending by category, of thirty days, on the accounts that the bank still lists."""
    since, income, spending = schedule.bank.today - timedelta(days=29), ZERO, defaultdict[str, Decimal](Decimal)
    for payment in cash_flow:
        if payment.key not in open_keys or payment.day < since:
            continue
        if payment.category == "INCOME" or (not payment.category and payment.amount > 0):
            income += payment.amount
        else:
            spending[payment.category] -= payment.amount
    return income, {category: amount for category, amount in spending.items() if amount}


# --- Accounts ---------------------------------------------------------------------------------------------


def compute_balances(schedule: Schedule) -> dict[str, Balances]:
    """The balances of each real account, as the newest connection has them."""
    balances: dict[str, Balances] = {}
    for login in sorted(schedule.bank.linked_logins, key=recency):
        for account in schedule.bank.list_accounts(login):
            draft = account.draft
            available = None if draft.owes else draft.available
            balances[f"{draft.name} ••{draft.mask}"] = Balances(draft.current, available, draft.limit)
    return balances


def build_line(payment: Payment, names: dict[str, str]) -> Line:
    return Line(
        day=str(payment.day),
        posted="" if payment.pending else str(payment.posted),
        description=payment.label,
        category=LABELS[payment.category],
        account=names[payment.key],
        amount=payment.amount,
        currency="USD",
        status="pending" if payment.pending else "posted",
        note=payment.note,
        tags=", ".join(payment.tags),
    )
