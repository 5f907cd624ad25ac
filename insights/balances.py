"""What a person has in the bank and owes on cards, from accounts that are in memory already; costs no query.

Currencies are never added together. A balance that the bank does not state is left out of the sum.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from banking.models import Account, Item
from insights import age
from insights.age import Age

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class BankTotal:
    """One currency's checking and savings: what is there, and what can be spent now (``None`` if unsaid)."""

    currency: str
    amount: Decimal
    available: Decimal | None


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
    """One currency's cards. Only cards with a limit count towards ``limit`` and ``utilization``."""

    currency: str
    balance: Decimal
    limit: Decimal | None
    utilization: Decimal | None


@dataclass(frozen=True, slots=True)
class Cards:
    """All credit cards, together and one by one."""

    totals: list[CardTotal]
    cards: list[Card]
    age: Age


def bank_balance(items: Iterable[Item]) -> BankBalance | None:
    """Add up checking and savings; ``None`` when there is no such account."""
    found = [account for account in accounts(items) if account.is_bank]
    if not found:
        return None
    totals = [bank_total(currency, each) for currency, each in by_currency(found).items()]
    return BankBalance(totals=totals, accounts=found, age=age.of({a.item: None for a in found}))


def bank_total(currency: str, found: list[Account]) -> BankTotal:
    stated = [account.available for account in found if account.available is not None]
    return BankTotal(
        currency=currency,
        amount=sum((account.current or ZERO for account in found), ZERO),
        available=sum(stated, ZERO) if stated else None,
    )


def cards(items: Iterable[Item]) -> Cards | None:
    """Add up the credit cards; ``None`` when there is none."""
    found = [account for account in accounts(items) if account.is_card]
    if not found:
        return None
    return Cards(
        totals=[card_total(currency, each) for currency, each in by_currency(found).items()],
        cards=[card(account) for account in found],
        age=age.of({a.item: None for a in found}),
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


def card_total(currency: str, found: list[Account]) -> CardTotal:
    limited = [account for account in found if account.utilization is not None]
    limit = sum((account.limit or ZERO for account in limited), ZERO)
    owed = sum((max(account.current or ZERO, ZERO) for account in limited), ZERO)
    return CardTotal(
        currency=currency,
        balance=sum((account.current or ZERO for account in found), ZERO),
        limit=limit or None,
        utilization=owed * 100 / limit if limit else None,
    )


def accounts(items: Iterable[Item]) -> list[Account]:
    """The Items' open accounts, each with its Item at hand."""
    return [account for item in items for account in item.roster]


def by_currency(found: Iterable[Account]) -> dict[str, list[Account]]:
    """Sort accounts by currency, the one with most accounts first."""
    groups: dict[str, list[Account]] = defaultdict(list)
    for account in found:
        groups[account.currency].append(account)
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))
