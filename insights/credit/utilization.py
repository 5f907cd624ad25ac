"""Each card's utilization as the bureau reports it, beside the bank's current balance.

Each balance has its own date, because they are of different days. They are never added together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from banking.models import Item
from credit.analysis.utilization import (
    THRESHOLDS,
    CardUtilization,
    Utilization,
    UtilizationSummary,
    summarize_utilization,
)
from credit.report import Role, Tradeline
from insights.balances.account_totals import list_shown_accounts
from insights.credit import card_links
from insights.credit.card_links import CardMatch
from insights.models import CardLink


@dataclass(frozen=True, slots=True)
class PaydownTarget:
    """A threshold, and how much to pay to get down to it."""

    percent: int
    pay: Decimal


@dataclass(frozen=True, slots=True)
class CardRow:
    """One card: its utilization and thresholds, and the card at a bank that it is, or may be."""

    account: Tradeline
    use: Utilization
    marks: tuple[PaydownTarget, ...]
    bank: CardMatch | None


@dataclass(frozen=True, slots=True)
class UtilizationPage:
    """All cards of a report, those that are not in the total, and whether authorized-user accounts can be excluded."""

    overall: Utilization | None
    marks: tuple[PaydownTarget, ...]
    cards: tuple[CardRow, ...]
    utilization: UtilizationSummary
    has_shared: bool


def utilization_page(
    report_accounts: Sequence[Tradeline], items: Iterable[Item], links: Iterable[CardLink] = (), *, own: bool
) -> UtilizationPage:
    """Return the cards, highest utilization first; ``own`` excludes authorized-user accounts."""
    report_utilization = summarize_utilization(report_accounts, authorized_user=not own)
    at_banks = [account for account in list_shown_accounts(items) if account.is_card]
    matched = card_links.match_cards([card.account for card in report_utilization.cards], at_banks, links)
    return UtilizationPage(
        overall=report_utilization.overall,
        marks=paydown_targets(report_utilization.overall) if report_utilization.overall else (),
        cards=tuple(_row(card, matched.get(card.account.key)) for card in _highest_first(report_utilization.cards)),
        utilization=report_utilization,
        has_shared=any(account.role is Role.AUTHORIZED_USER and account.is_open for account in report_accounts),
    )


def paydown_targets(use: Utilization) -> tuple[PaydownTarget, ...]:
    """How much to pay to get down to each exceeded threshold, the nearest first."""
    return tuple(PaydownTarget(mark, use.paydown_to(mark)) for mark in reversed(THRESHOLDS) if use.is_over(mark))


def _highest_first(cards: Iterable[CardUtilization]) -> list[CardUtilization]:
    return sorted(cards, key=lambda card: (-card.use.percent, card.account.creditor))


def _row(card: CardUtilization, bank: CardMatch | None) -> CardRow:
    return CardRow(account=card.account, use=card.use, marks=paydown_targets(card.use), bank=bank)
