"""Totals of a set of transactions: income and spending, and separately what does not count in cash flow.

Currencies are never added together.
"""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum

from banking.models import Transaction
from banking.transactions.cash_flow import is_in_cash_flow

ZERO = Decimal(0)


@dataclass(slots=True)
class CurrencyTotal:
    """One currency's number of rows, money in and money out; every amount is positive, except ``net``.

    ``uncounted_in`` and ``uncounted_out`` are transfers, card payments, borrowed money, and accounts that do not count.
    """

    currency: str
    count: int = 0
    money_in: Decimal = ZERO
    money_out: Decimal = ZERO
    uncounted_in: Decimal = ZERO
    uncounted_out: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        return self.money_in - self.money_out

    @property
    def has_uncounted(self) -> bool:
        """Whether any of it does not count in cash flow."""
        return bool(self.uncounted_in or self.uncounted_out)


def totals_by_currency(rows: QuerySet[Transaction], *, owner_id: UUID) -> list[CurrencyTotal]:
    """The totals of one user's rows, the currency with the most rows first."""
    parts = (
        rows.order_by()
        .annotate(counts=is_in_cash_flow(owner_id))
        .values("currency", "counts")
        .annotate(
            count=Count("id"),
            total_in=Sum("amount", filter=Q(amount__gt=0), default=ZERO),
            total_out=Sum(-F("amount"), filter=Q(amount__lt=0), default=ZERO),
        )
    )
    totals: dict[str, CurrencyTotal] = {}
    for currency, counts, count, total_in, total_out in parts.values_list(
        "currency", "counts", "count", "total_in", "total_out"
    ):
        total = totals.setdefault(currency, CurrencyTotal(currency))
        total.count += count
        if counts:
            total.money_in, total.money_out = total_in, total_out
        else:
            total.uncounted_in, total.uncounted_out = total_in, total_out
    return sorted(totals.values(), key=lambda total: (-total.count, total.currency))
