"""Income and spending of thirty days, by one query.

Transfers between a user's own accounts, and payments of a card whose purchases count already, are neither income nor
spending. A refund reduces its category. Borrowed money is not income.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from accounts.models import User
from banking.models import Transfer
from banking.transactions.cash_flow import IN_CASH_FLOW
from banking.transactions.categories import INCOME

# The transfers of the month are read once and hashed; otherwise each row would need an index lookup.
LEGS = """
SELECT unnest(ARRAY[money_out, money_in]) FROM banking_transfer
WHERE owner_id = %(owner)s AND sent_on BETWEEN %(since)s::date - %(way)s AND %(until)s::date + %(way)s
"""

# IS TRUE keeps PostgreSQL from reading those accounts' whole history in an index, for the few rows of one month.
DAILY_TOTALS = f"""
SELECT currency, coalesce(nullif(user_category, ''), category) AS counted_as, day,
    coalesce(sum(amount) FILTER (WHERE amount > 0), 0), coalesce(sum(amount) FILTER (WHERE amount < 0), 0)
FROM banking_transaction
WHERE owner_id = %(owner)s AND day BETWEEN %(since)s AND %(until)s AND (account_id = ANY (%(accounts)s)) IS TRUE
    AND removed_at IS NULL AND NOT hidden
    AND {IN_CASH_FLOW.format(legs=LEGS)}
GROUP BY currency, counted_as, day
-- Days of which only the totals are kept.
UNION ALL
SELECT currency, category, starts_on, money_in, -money_out FROM banking_transactiontotal
WHERE owner_id = %(owner)s AND period = 'day' AND starts_on BETWEEN %(since)s AND %(until)s
    AND account_id = ANY (%(accounts)s)
"""  # noqa: S608  (built from constants)

ZERO = Decimal(0)
DAYS = 30


@dataclass(frozen=True, slots=True)
class Window:
    """A range of days, both ends included. Transactions after ``until`` and up to ``ahead`` count on ``until``."""

    since: date
    until: date
    ahead: date

    @classmethod
    def ending(cls, today: date) -> "Window":
        """The thirty days that end today. A bank in another time zone may already date transactions tomorrow."""
        return cls(since=today - timedelta(days=DAYS - 1), until=today, ahead=today + timedelta(days=1))


class DailyTotal(NamedTuple):
    """The totals of one category in one currency on one day; ``money_out`` is negative or zero."""

    currency: str
    category: str
    day: date
    money_in: Decimal
    money_out: Decimal


@dataclass(slots=True)
class CashFlow:
    """Income and spending in one currency, both positive, spending by category, and the net of each day.

    ``by_category`` has each category with spending or refunds; it is zero if these are equal.
    """

    currency: str
    income: Decimal = ZERO
    by_category: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    net_by_day: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    @property
    def spending(self) -> Decimal:
        return sum(self.by_category.values(), ZERO)

    @property
    def net(self) -> Decimal:
        return self.income - self.spending

    def add(self, daily_total: DailyTotal) -> None:
        self.net_by_day[daily_total.day] += daily_total.money_in + daily_total.money_out
        if daily_total.category == INCOME:
            self.income += daily_total.money_in + daily_total.money_out
        elif daily_total.category:
            self.by_category[daily_total.category] -= daily_total.money_in + daily_total.money_out
        else:
            # Money that comes in without a category is not a refund.
            self.income += daily_total.money_in
            if daily_total.money_out:
                self.by_category[daily_total.category] -= daily_total.money_out

    def running_net(self, window: Window) -> list[tuple[date, Decimal]]:
        """The net from the start to the end of each day, from zero before the first day to the total."""
        before = window.since - timedelta(days=1)
        total, points = ZERO, [(before, ZERO)]
        for offset in range((window.until - window.since).days + 1):
            day = window.since + timedelta(days=offset)
            total += self.net_by_day.get(day, ZERO)
            points.append((day, total))
        points[-1] = (window.until, self.net)
        return points


def sum_transactions(*, user: User, window: Window, accounts: Collection[UUID]) -> list[DailyTotal]:
    """Sum the window's transactions on these accounts, without transfers, card payments and loans."""
    params: dict[str, Any] = {
        "owner": user.pk,
        "accounts": list(accounts),
        "since": window.since,
        "until": window.ahead,
        "way": Transfer.MAX_DAYS_APART_BY_HAND,
    }
    with connection.cursor() as cursor:
        cursor.execute(DAILY_TOTALS, params)
        return [DailyTotal(*row) for row in cursor.fetchall()]


def add_up_by_currency(daily_totals: Collection[DailyTotal]) -> dict[str, CashFlow]:
    """Add daily totals up, one ``CashFlow`` per currency; first the currency with transactions on the most days."""
    sums: dict[str, CashFlow] = {}
    for daily_total in daily_totals:
        sums.setdefault(daily_total.currency, CashFlow(daily_total.currency)).add(daily_total)
    return dict(sorted(sums.items(), key=lambda item: (-len(item[1].net_by_day), item[0])))


def runway_months(*, liquid: Decimal | None, net: Decimal) -> Decimal | None:
    """How many months ``liquid`` lasts if ``net`` of thirty days repeats.

    ``None`` if it does not shrink or is not known.
    """
    if net >= 0 or liquid is None:
        return None
    return max(liquid, ZERO) / -net
