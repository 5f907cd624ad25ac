"""Totals of a user's bank and card balances, from accounts that are already loaded; makes no query.

An account that the user leaves out of totals is in none of them. Currencies are never added together. A balance that
the bank does not report is not in the total.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from banking.models import Account, Item
from insights.balances import data_age
from insights.balances.data_age import Age

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class BankTotal:
    """Checking and savings in one currency: current and available balance (``None`` if not reported).

    The currency has ``count`` accounts; ``unstated`` have no reported balance, and ``available_count`` have an
    available balance.
    """

    currency: str
    amount: Decimal | None
    available: Decimal | None
    count: int = 0
    unstated: int = 0
    available_count: int = 0


@dataclass(frozen=True, slots=True)
class BankBalance:
    """All money in the bank."""

    totals: list[BankTotal]
    accounts: list[Account]
    age: Age


@dataclass(frozen=True, slots=True)
class Card:
    """One credit card. ``balance`` is what is owed; ``utilization`` is in percent, ``None`` without a limit."""

    pk: UUID
    label: str
    currency: str
    balance: Decimal | None
    limit: Decimal | None
    utilization: Decimal | None


@dataclass(frozen=True, slots=True)
class CardTotal:
    """One currency's cards; ``balance``, ``limit`` and ``utilization`` cover those with a balance and a limit.

    Separate are: the balance of ``unlimited`` cards without a limit, the credit balance of ``overpaid`` cards, and how
    many cards have no known balance.
    """

    currency: str
    balance: Decimal = ZERO
    limit: Decimal | None = None
    utilization: Decimal | None = None
    balance_without_limit: Decimal = ZERO
    unlimited: int = 0
    credit_balance: Decimal = ZERO
    overpaid: int = 0
    unstated: int = 0


@dataclass(frozen=True, slots=True)
class Cards:
    """All credit cards, in total and individually."""

    totals: list[CardTotal]
    cards: list[Card]
    age: Age


def bank_balance(items: Iterable[Item]) -> BankBalance | None:
    """Add up checking and savings; ``None`` if there is no such account."""
    accounts = [account for account in list_counted_accounts(items) if account.is_bank]
    if not accounts:
        return None
    totals = [bank_total(currency, group) for currency, group in group_by_currency(accounts).items()]
    return BankBalance(totals=totals, accounts=accounts, age=data_age.data_age({a.item: None for a in accounts}))


def bank_total(currency: str, accounts: list[Account]) -> BankTotal:
    stated = [account.current for account in accounts if account.current is not None]
    available = [account.available for account in accounts if account.available is not None]
    return BankTotal(
        currency=currency,
        amount=sum(stated, ZERO) if stated else None,
        available=sum(available, ZERO) if available else None,
        count=len(accounts),
        unstated=len(accounts) - len(stated),
        available_count=len(available),
    )


def cards(items: Iterable[Item]) -> Cards | None:
    """Add up the credit cards; ``None`` when there is none."""
    accounts = [account for account in list_counted_accounts(items) if account.is_card]
    if not accounts:
        return None
    return Cards(
        totals=[card_total(currency, group) for currency, group in group_by_currency(accounts).items()],
        cards=[card(account) for account in accounts],
        age=data_age.data_age({a.item: None for a in accounts}),
    )


def card(account: Account) -> Card:
    return Card(
        pk=account.pk,
        label=str(account),
        currency=account.currency,
        balance=account.current,
        limit=account.limit,
        utilization=account.utilization,
    )


def card_total(currency: str, accounts: list[Account]) -> CardTotal:
    limited = [account for account in accounts if account.utilization is not None]
    unlimited = [account for account in accounts if account.utilization is None and account.current is not None]
    overpaid = [account for account in accounts if (account.current or ZERO) < 0]
    limit, balance = sum((account.limit or ZERO for account in limited), ZERO), add_up_debt(limited)
    return CardTotal(
        currency=currency,
        balance=balance,
        limit=limit or None,
        utilization=balance * 100 / limit if limit else None,
        balance_without_limit=add_up_debt(unlimited),
        unlimited=len(unlimited),
        credit_balance=-sum((account.current or ZERO for account in overpaid), ZERO),
        overpaid=len(overpaid),
        unstated=sum(account.current is None for account in accounts),
    )


def add_up_debt(accounts: Iterable[Account]) -> Decimal:
    """The debt on some cards; an overpaid card counts as zero and does not reduce the others."""
    return sum((max(account.current or ZERO, ZERO) for account in accounts), ZERO)


def list_shown_accounts(items: Iterable[Item]) -> list[Account]:
    """The Items' open accounts that are in lists, each with its Item loaded."""
    return [account for item in items for account in item.shown_accounts]


def list_counted_accounts(items: Iterable[Item]) -> list[Account]:
    """The Items' open accounts that are in totals, each with its Item loaded."""
    return [account for account in list_shown_accounts(items) if account.counts]


def list_cash_flow_accounts(items: Iterable[Item]) -> list[Account]:
    """The Items' open accounts whose transactions are income and spending."""
    return [account for account in list_counted_accounts(items) if account.is_bank or account.is_card]


def list_row_account_ids(accounts: Iterable[Account]) -> list[UUID]:
    """The ids of the accounts and of their former accounts, under which their rows are stored."""
    return [row.pk for account in accounts for row in account.with_former_accounts]


def group_by_currency(accounts: Iterable[Account]) -> dict[str, list[Account]]:
    """Sort accounts by currency, the one with most accounts first."""
    groups: dict[str, list[Account]] = defaultdict(list)
    for account in accounts:
        groups[account.currency].append(account)
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))
