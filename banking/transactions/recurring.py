"""A user's recurring payments, in and out, and what they come to in a month."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from accounts.models import User
from banking.models import Account, RecurringStream
from banking.transactions.cash_flow import CASH_FLOW_ACCOUNT_TYPES, EXCLUDED_CATEGORIES
from banking.transactions.categories import CARD_PAYMENT

ZERO: Final = Decimal(0)


@dataclass(slots=True)
class MonthlySum:
    """What recurring payments come to in a month, in one currency; both amounts are positive."""

    currency: str
    money_in: Decimal = ZERO
    money_out: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        """Money in minus money out."""
        return self.money_in - self.money_out


@dataclass(frozen=True, slots=True)
class RecurringPayments:
    """Streams whose next payment is expected, those that have ended, and the monthly sums by currency.

    ``has_uncounted`` says that a stream is in no sum.
    """

    inflows: list[RecurringStream] = field(default_factory=list)
    outflows: list[RecurringStream] = field(default_factory=list)
    ended: list[RecurringStream] = field(default_factory=list)
    sums: list[MonthlySum] = field(default_factory=list)
    has_uncounted: bool = False


def list_recurring_payments(user: User) -> RecurringPayments:
    """List the streams of a user's open accounts that are not hidden, the largest in a month first; one query."""
    accounts = Account.objects.for_user(user).open().shown_or(None)
    streams = list(RecurringStream.objects.for_user(user).filter(account__in=accounts).select_related("account__item"))
    streams.sort(key=lambda stream: (abs(stream.monthly_amount or ZERO), stream.last_date), reverse=True)
    active = [stream for stream in streams if stream.is_active]
    return RecurringPayments(
        inflows=[stream for stream in active if stream.is_inflow],
        outflows=[stream for stream in active if not stream.is_inflow],
        ended=[stream for stream in streams if not stream.is_active],
        sums=add_up(active),
        has_uncounted=any(not is_counted(stream) for stream in active),
    )


def add_up(streams: list[RecurringStream]) -> list[MonthlySum]:
    """Add up the monthly amounts by currency, the currency with the most streams first."""
    sums: dict[str, MonthlySum] = {}
    counts: dict[str, int] = defaultdict(int)
    for stream in streams:
        if not is_counted(stream) or stream.monthly_amount is None:
            continue
        total = sums.setdefault(stream.currency, MonthlySum(stream.currency))
        counts[stream.currency] += 1
        if stream.is_inflow:
            total.money_in += stream.monthly_amount
        else:
            total.money_out -= stream.monthly_amount
    return sorted(sums.values(), key=lambda total: (-counts[total.currency], total.currency))


def is_counted(stream: RecurringStream) -> bool:
    """Whether a stream is in the sums: it would count in cash flow, and its frequency is known."""
    return (
        stream.monthly_amount is not None
        and stream.account.counts
        and stream.account.type in CASH_FLOW_ACCOUNT_TYPES
        and stream.category not in EXCLUDED_CATEGORIES
        and stream.category_detail != CARD_PAYMENT
    )
