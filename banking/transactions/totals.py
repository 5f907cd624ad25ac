"""What a set of transactions adds up to: what counts as income or spending, and apart from it what only moved.

Currencies are never added together.
"""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum

from banking.models import Transaction
from banking.transactions.cash_flow import counted

ZERO = Decimal(0)


@dataclass(slots=True)
class Total:
    """One currency's part: how many rows, money in and money out (positive), and what is left of it.

    ``moved_in`` and ``moved_out`` are what moved without counting: transfers, card payments, borrowed money.
    """

    currency: str
    count: int = 0
    money_in: Decimal = ZERO
    money_out: Decimal = ZERO
    moved_in: Decimal = ZERO
    moved_out: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        return self.money_in - self.money_out

    @property
    def has_moved(self) -> bool:
        """Whether there is anything that does not count."""
        return bool(self.moved_in or self.moved_out)


def of(rows: QuerySet[Transaction], *, owner_id: UUID) -> list[Total]:
    """Total a set of one person's rows, the currency of most rows first."""
    parts = (
        rows.order_by()
        .annotate(counts=counted(owner_id))
        .values("currency", "counts")
        .annotate(
            count=Count("id"),
            came=Sum("amount", filter=Q(amount__gt=0), default=ZERO),
            went=Sum(-F("amount"), filter=Q(amount__lt=0), default=ZERO),
        )
    )
    totals: dict[str, Total] = {}
    for currency, counts, count, came, went in parts.values_list("currency", "counts", "count", "came", "went"):
        total = totals.setdefault(currency, Total(currency))
        total.count += count
        if counts:
            total.money_in, total.money_out = came, went
        else:
            total.moved_in, total.moved_out = came, went
    return sorted(totals.values(), key=lambda total: (-total.count, total.currency))
