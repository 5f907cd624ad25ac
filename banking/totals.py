"""What a set of transactions adds up to. Currencies are never added together."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, F, Q, QuerySet, Sum

from banking.models import Transaction


@dataclass(frozen=True, slots=True)
class Total:
    """One currency's part: how many rows, money in, money out (positive), and what is left of it."""

    currency: str
    count: int
    money_in: Decimal
    money_out: Decimal

    @property
    def net(self) -> Decimal:
        return self.money_in - self.money_out


def of(rows: QuerySet[Transaction]) -> list[Total]:
    """Total a set of rows, the currency of most rows first."""
    zero = Decimal(0)
    sums = (
        rows.order_by()
        .values("currency")
        .annotate(
            count=Count("id"),
            money_in=Sum("amount", filter=Q(amount__gt=0), default=zero),
            money_out=Sum(-F("amount"), filter=Q(amount__lt=0), default=zero),
        )
        .order_by("-count", "currency")
    )
    return [Total(**each) for each in sums]
