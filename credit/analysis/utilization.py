"""Credit utilization: balances as a share of limits, exact, in whole dollars.

Open revolving cards, store cards and lines of credit with a limit count. Home equity lines, and cards without a limit,
are listed separately. A negative balance counts as zero; an account without a reported balance does not count. The
thresholds at 30, 50 and 75 percent are our choice; no model is known to have a step there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from credit.report import AccountKind, Role, Tradeline

THRESHOLDS = (30, 50, 75)
OVER_LIMIT = 100
COUNTED = frozenset({AccountKind.CARD, AccountKind.RETAIL, AccountKind.LINE})


class Utilization(NamedTuple):
    """A balance against a limit, in whole dollars; the limit is above zero."""

    balance: int
    limit: int

    @property
    def percent(self) -> Decimal:
        """The share in percent with one decimal, half rounded up. For display; use ``is_over`` to compare."""
        return Decimal((2000 * self.balance + self.limit) // (2 * self.limit)).scaleb(-1)

    def is_over(self, mark: int) -> bool:
        """Whether more than ``mark`` percent is used. Exactly ``mark`` percent is not over it."""
        return 100 * self.balance > mark * self.limit

    def paydown_to(self, mark: int) -> Decimal:
        """How many dollars to pay to be at or below the threshold: exact to the cent, never negative."""
        return Decimal(max(0, 100 * self.balance - mark * self.limit)).scaleb(-2)


class CardUtilization(NamedTuple):
    """One account and how much of its limit is used."""

    account: Tradeline
    use: Utilization


@dataclass(frozen=True, slots=True)
class UtilizationSummary:
    """All revolving accounts of a report, by whether they count. ``overall`` is ``None`` if none counts."""

    cards: tuple[CardUtilization, ...]
    overall: Utilization | None
    without_limit: tuple[Tradeline, ...]
    without_balance: tuple[Tradeline, ...]
    home_equity: tuple[Tradeline, ...]


def summarize_utilization(accounts: Iterable[Tradeline], *, authorized_user: bool = True) -> UtilizationSummary:
    """Group the open revolving accounts and add up those that count.

    Accounts of an authorized user count unless ``authorized_user`` is false, as in most models.
    """
    lines = [account for account in accounts if _is_open_line(account)]
    if not authorized_user:
        lines = [account for account in lines if account.role is not Role.AUTHORIZED_USER]
    counted = [account for account in lines if account.kind in COUNTED]
    cards = tuple(CardUtilization(account, use) for account in counted if (use := utilization_of(account)) is not None)
    return UtilizationSummary(
        cards=cards,
        overall=_sum(card.use for card in cards),
        without_limit=tuple(account for account in counted if not account.limit),
        without_balance=tuple(account for account in counted if account.limit and account.balance is None),
        home_equity=tuple(account for account in lines if account.kind is AccountKind.HOME_EQUITY),
    )


def utilization_of(account: Tradeline) -> Utilization | None:
    """Return how much of its limit an account uses, or ``None`` if it does not count."""
    if not _is_open_line(account) or account.kind not in COUNTED or not account.limit or account.balance is None:
        return None
    return Utilization(max(0, account.balance), account.limit)


def _is_open_line(account: Tradeline) -> bool:
    return bool(account.is_open and account.revolving)


def _sum(uses: Iterable[Utilization]) -> Utilization | None:
    counted = list(uses)
    return Utilization(sum(use.balance for use in counted), sum(use.limit for use in counted)) if counted else None


def crossed_thresholds(before: Utilization, after: Utilization) -> Iterator[tuple[int, bool]]:
    """Yield every threshold between two values, the limit itself included, and whether it was an increase."""
    for mark in (*THRESHOLDS, OVER_LIMIT):
        if before.is_over(mark) != after.is_over(mark):
            yield mark, after.is_over(mark)
