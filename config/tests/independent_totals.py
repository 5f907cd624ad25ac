"""The figures that the site should show, computed from the sandbox's transactions without the site's code."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

PRIMARIES = (
    "BANK_FEES",
    "ENTERTAINMENT",
    "FOOD_AND_DRINK",
    "GENERAL_MERCHANDISE",
    "GENERAL_SERVICES",
    "GOVERNMENT_AND_NON_PROFIT",
    "HOME_IMPROVEMENT",
    "INCOME",
    "LOAN_DISBURSEMENTS",
    "LOAN_PAYMENTS",
    "MEDICAL",
    "OTHER",
    "PERSONAL_CARE",
    "RENT_AND_UTILITIES",
    "TRANSFER_IN",
    "TRANSFER_OUT",
    "TRANSPORTATION",
    "TRAVEL",
)
NOT_CASH_FLOW = ("TRANSFER_IN", "TRANSFER_OUT", "LOAN_DISBURSEMENTS")
CARD_PAYMENT = "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"
NOTHING = Decimal(0)

Ledger = dict[str, Any]
Row = tuple[str, Decimal, date, bool]


@dataclass
class Totals:
    """Sums in dollars. Income is positive, and so are card balances and spending."""

    in_bank: Decimal = NOTHING
    available: Decimal = NOTHING
    card_balance: Decimal = NOTHING
    limit: Decimal = NOTHING
    income: Decimal = NOTHING
    spent: dict[str, Decimal] = field(default_factory=dict)
    money_in: Decimal = NOTHING
    money_out: Decimal = NOTHING
    rows: int = 0

    @property
    def spending(self) -> Decimal:
        return sum(self.spent.values(), NOTHING)

    @property
    def net(self) -> Decimal:
        return self.income - self.spending


def compute_totals(ledger: Ledger, today: date) -> Totals:
    """Add up a ledger, as ``GET /_double/ledger/<item_id>`` returns it."""
    totals = Totals()
    for account in ledger["accounts"]:
        add_balance(totals, account)
    kinds = {account["account_id"]: account["type"] for account in ledger["accounts"]}
    transfers = find_transfers(ledger)
    for line in ledger["transactions"]:
        totals.rows += 1
        if kinds[line["account_id"]] not in ("depository", "credit") or is_transfer(line, transfers):
            continue
        add_transaction(totals, line)
        if today - timedelta(days=30) < transaction_day(line) <= today:
            add_cash_flow(totals, line)
    return totals


def add_balance(totals: Totals, account: Ledger) -> None:
    balances = account["balances"]
    assert balances["iso_currency_code"] == "USD"
    if account["type"] == "depository":
        totals.in_bank += money(balances["current"])
        totals.available += money(balances["available"])
    elif account["type"] == "credit":
        totals.card_balance += max(money(balances["current"]), NOTHING)
        totals.limit += money(balances["limit"])


def add_transaction(totals: Totals, line: Ledger) -> None:
    amount = -money(line["amount"])
    totals.money_in += max(amount, NOTHING)
    totals.money_out += max(-amount, NOTHING)


def add_cash_flow(totals: Totals, line: Ledger) -> None:
    """Count a transaction as income, spending or a refund."""
    amount, category = -money(line["amount"]), primary_category(line["category"])
    if category == "INCOME" or (not category and amount > 0):
        totals.income += amount
    else:
        totals.spent[category] = totals.spent.get(category, NOTHING) - amount


def is_transfer(line: Ledger, transfers: set[str]) -> bool:
    """Whether a transaction is a transfer by its category, or half of one that ``find_transfers`` found."""
    is_named = primary_category(line["category"]) in NOT_CASH_FLOW or line["category"] == CARD_PAYMENT
    return is_named or line["transaction_id"] in transfers


def find_transfers(ledger: Ledger) -> set[str]:
    """Return the ids of transactions that are half of a transfer. Pairs that are nearest in days match first."""
    allowed = ("", "OTHER", *NOT_CASH_FLOW[:2])
    candidates = [line for line in ledger["transactions"] if primary_category(line["category"]) in allowed]
    candidates += [line for line in ledger["transactions"] if line["category"] == CARD_PAYMENT]
    pairs = [
        (abs(transaction_day(debit) - transaction_day(credit)), debit["transaction_id"], credit["transaction_id"])
        for debit in candidates
        for credit in candidates
        if money(debit["amount"]) == -money(credit["amount"]) > 0 and debit["account_id"] != credit["account_id"]
    ]
    ids: set[str] = set()
    for distance, debit_id, credit_id in sorted(pairs):
        if distance <= timedelta(days=4) and not {debit_id, credit_id} & ids:
            ids |= {debit_id, credit_id}
    return ids


def primary_category(category: str | None) -> str:
    """The primary category of a detailed one: ``FOOD_AND_DRINK_COFFEE`` belongs to FOOD_AND_DRINK."""
    return next((name for name in PRIMARIES if (category or "").startswith(name)), "")


def transaction_day(line: Ledger) -> date:
    return date.fromisoformat(line["authorized_date"] or line["date"])


def expected_rows(ledger: Ledger) -> set[Row]:
    """The ledger's transactions as the site should store them: id, amount, day and whether it is pending."""
    return {
        (line["transaction_id"], -money(line["amount"]), transaction_day(line), line["pending"])
        for line in ledger["transactions"]
    }


def money(figure: float | int | None) -> Decimal:
    return Decimal(str(figure or 0))


def dollars(amount: Decimal) -> str:
    """An amount as pages show it: ``$1,234.56``, ``−$0.50``."""
    cents = amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{'−' if cents < 0 else ''}${abs(cents):,}"
