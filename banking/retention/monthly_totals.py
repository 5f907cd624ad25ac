"""Income and spending of each month, from stored transactions and from the totals of those that are not stored."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Final
from uuid import UUID

from django.db import connection

from banking.retention.statements import MONTHLY_TOTALS
from banking.transactions.categories import INCOME

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class CategoryTotal:
    """One category in one month and currency; both amounts are positive."""

    month: date
    currency: str
    category: str
    money_in: Decimal
    money_out: Decimal
    count: int

    @property
    def net(self) -> Decimal:
        """Money in minus money out."""
        return self.money_in - self.money_out

    @property
    def is_refunded(self) -> bool:
        """Whether more was refunded than spent. Money that comes in without a category is not a refund."""
        return self.net > 0 and self.category not in (INCOME, "")

    @property
    def is_reversed(self) -> bool:
        """Whether more income was taken back than came in."""
        return self.net < 0 and self.category == INCOME


@dataclass(frozen=True)
class MonthTotal:
    """One month in one currency, and its categories, those with the most money first."""

    month: date
    currency: str
    categories: list[CategoryTotal] = field(default_factory=list)

    @property
    def money_in(self) -> Decimal:
        return sum((total.money_in for total in self.categories), ZERO)

    @property
    def money_out(self) -> Decimal:
        return sum((total.money_out for total in self.categories), ZERO)

    @property
    def net(self) -> Decimal:
        return self.money_in - self.money_out

    @property
    def count(self) -> int:
        return sum(total.count for total in self.categories)


def list_monthly_totals(*, owner_id: UUID) -> list[MonthTotal]:
    """Return an owner's months, the newest first, in the open transaction; one query.

    Each transaction is counted once, whether it is still stored or only in a total.
    """
    with connection.cursor() as cursor:
        cursor.execute(MONTHLY_TOTALS, {"owner": owner_id})
        return group_by_month(CategoryTotal(*row) for row in cursor.fetchall())


def group_by_month(totals: Iterable[CategoryTotal]) -> list[MonthTotal]:
    """Group totals that are sorted by month and currency."""
    groups = groupby(totals, key=lambda total: (total.month, total.currency))
    return [MonthTotal(month, currency, list(categories)) for (month, currency), categories in groups]
