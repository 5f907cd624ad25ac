"""Each card's use of its limit as the bureau reports it, beside what the bank says today.

Both balances stand with their own date, because they mean different days. Nothing is added across the two.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from banking.models import Item
from credit.analysis.utilization import MARKS, CardUse, Use, Utilization, utilization
from credit.report import Role, Tradeline
from insights.balances.account_totals import accounts
from insights.credit import card_links
from insights.credit.card_links import Match
from insights.models import CardLink


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark, and what to pay to come down to it."""

    percent: int
    pay: Decimal


@dataclass(frozen=True, slots=True)
class CardRow:
    """One card: its use and marks, and the card at a bank that it is, or may be."""

    account: Tradeline
    use: Use
    marks: tuple[Mark, ...]
    bank: Match | None


@dataclass(frozen=True, slots=True)
class Page:
    """All cards of a report, those apart from the sum, and whether authorized-user accounts could be left out."""

    overall: Use | None
    marks: tuple[Mark, ...]
    cards: tuple[CardRow, ...]
    found: Utilization
    has_shared: bool


def page(
    report_accounts: Sequence[Tradeline], items: Iterable[Item], told: Iterable[CardLink] = (), *, own: bool
) -> Page:
    """Lay the cards out, the highest use first; ``own`` leaves authorized-user accounts out."""
    found = utilization(report_accounts, authorized_user=not own)
    at_banks = [account for account in accounts(items) if account.is_card]
    matched = card_links.matches([card.account for card in found.cards], at_banks, told)
    return Page(
        overall=found.overall,
        marks=marks(found.overall) if found.overall else (),
        cards=tuple(_row(card, matched.get(card.account.key)) for card in _highest_first(found.cards)),
        found=found,
        has_shared=any(each.role is Role.AUTHORIZED_USER and each.is_open for each in report_accounts),
    )


def marks(use: Use) -> tuple[Mark, ...]:
    """What it takes to come down to each mark that is passed, the nearest first."""
    return tuple(Mark(mark, use.down_to(mark)) for mark in reversed(MARKS) if use.is_over(mark))


def _highest_first(cards: Iterable[CardUse]) -> list[CardUse]:
    return sorted(cards, key=lambda card: (-card.use.percent, card.account.creditor))


def _row(card: CardUse, bank: Match | None) -> CardRow:
    return CardRow(account=card.account, use=card.use, marks=marks(card.use), bank=bank)
