"""What a person's figures have to be, counted from the bank's own ledger without any of the site's code."""

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
UNCOUNTED = ("TRANSFER_IN", "TRANSFER_OUT", "LOAN_DISBURSEMENTS")
CARD_PAYMENT = "LOAN_PAYMENTS_CREDIT_CARD_PAYMENT"
NOTHING = Decimal(0)

Ledger = dict[str, Any]
Row = tuple[str, Decimal, date, bool]


@dataclass
class Totals:
    """Sums in dollars. A positive amount came in; what is owed on cards and what was spent is positive, too."""

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
    """Add up a ledger as ``GET /_double/ledger/<item_id>`` gives it."""
    totals = Totals()
    for account in ledger["accounts"]:
        add_balance(totals, account)
    kinds = {account["account_id"]: account["type"] for account in ledger["accounts"]}
    transfers = transfers_in(ledger)
    for line in ledger["transactions"]:
        totals.rows += 1
        if kinds[line["account_id"]] not in ("depository", "credit") or is_moved(line, transfers):
            continue
        add_movement(totals, line)
        if today - timedelta(days=30) < paid_on(line) <= today:
            add_flow(totals, line)
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


def add_movement(totals: Totals, line: Ledger) -> None:
    amount = -money(line["amount"])
    totals.money_in += max(amount, NOTHING)
    totals.money_out += max(-amount, NOTHING)


def add_flow(totals: Totals, line: Ledger) -> None:
    """Count a movement as earned, spent or given back."""
    amount, category = -money(line["amount"]), primary(line["category"])
    if category == "INCOME" or (not category and amount > 0):
        totals.income += amount
    else:
        totals.spent[category] = totals.spent.get(category, NOTHING) - amount


def is_moved(line: Ledger, transfers: set[str]) -> bool:
    """Whether a movement only moves between a person's own accounts."""
    is_named = primary(line["category"]) in UNCOUNTED or line["category"] == CARD_PAYMENT
    return is_named or line["transaction_id"] in transfers


def transfers_in(ledger: Ledger) -> set[str]:
    """The ids of movements that are half of a transfer: each possible pair is tried, the nearest in days first."""
    untold = [line for line in ledger["transactions"] if primary(line["category"]) in ("", "OTHER", *UNCOUNTED[:2])]
    untold += [line for line in ledger["transactions"] if line["category"] == CARD_PAYMENT]
    possible = [
        (abs(paid_on(one) - paid_on(other)), one["transaction_id"], other["transaction_id"])
        for one in untold
        for other in untold
        if money(one["amount"]) == -money(other["amount"]) > 0 and one["account_id"] != other["account_id"]
    ]
    ids: set[str] = set()
    for apart, one, other in sorted(possible):
        if apart <= timedelta(days=4) and not {one, other} & ids:
            ids |= {one, other}
    return ids


def primary(category: str | None) -> str:
    """The category that a detailed one belongs to: ``FOOD_AND_DRINK_COFFEE`` is FOOD_AND_DRINK."""
    return next((name for name in PRIMARIES if (category or "").startswith(name)), "")


def paid_on(line: Ledger) -> date:
    return date.fromisoformat(line["authorized_date"] or line["date"])


def rows_of(ledger: Ledger) -> set[Row]:
    """The ledger's movements as the site should have stored them: id, amount, day and whether it is pending."""
    return {
        (line["transaction_id"], -money(line["amount"]), paid_on(line), line["pending"])
        for line in ledger["transactions"]
    }


def money(figure: float | int | None) -> Decimal:
    return Decimal(str(figure or 0))


def dollars(amount: Decimal) -> str:
    """An amount in words of the site: ``$1,234.56``, ``−$0.50``."""
    cents = amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{'−' if cents < 0 else ''}${abs(cents):,}"
