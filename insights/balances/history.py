"""Balances over time, from the snapshots that daily syncs store.

On a day without a sync, the account's last known balance is repeated. Nothing is reconstructed from
transactions: banks correct balances without a transaction.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from banking.models import Account, Item
from insights import charts
from insights.balances import account_totals

# The change of some accounts' total on each day; the total before the first day counts on that day. An
# account with former accounts continues from their last balance.
DAILY_CHANGES = """
SELECT greatest(day, %(since)s) AS changed_on, sum(current - before)
FROM (
    SELECT day, current, lag(current, 1, 0) OVER (PARTITION BY account ORDER BY day) AS before
    FROM unnest(%(ids)s::uuid[], %(accounts)s::uuid[], %(untils)s::date[]) AS requested (id, account, until), LATERAL (
        SELECT day, current
        FROM banking_balancesnapshot
        WHERE owner_id = %(owner)s AND account_id = requested.id AND day >= %(since)s AND current IS NOT NULL
            AND day < coalesce(requested.until, 'infinity')
        UNION ALL (
            SELECT day, current
            FROM banking_balancesnapshot
            WHERE owner_id = %(owner)s AND account_id = requested.id AND day < least(%(since)s, requested.until)
                AND current IS NOT NULL
            ORDER BY day DESC
            LIMIT 1
        )
    ) AS reading
) AS change
GROUP BY changed_on
"""

RANGES = {"1M": 30, "3M": 91, "1Y": 365}
RANGE_LABELS = {"1M": _("1M"), "3M": _("3M"), "1Y": _("1Y")}
DEFAULT_RANGE = "3M"

DailyChanges = Mapping[date, Decimal]


@dataclass(frozen=True, slots=True)
class RangeLink:
    """A link to the same chart for another date range."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class BalanceHistory:
    """A balance chart, its currency and its date ranges."""

    chart: charts.LineChart
    currency: str
    ranges: list[RangeLink]


def days_in_range(label: str) -> int:
    """The number of days of the requested range, or of the default."""
    return RANGES.get(label, RANGES[DEFAULT_RANGE])


def bank_balance_history(*, user: User, items: Collection[Item], days: int) -> BalanceHistory | None:
    """Draw the money in the bank, in the currency of most accounts; ``None`` until there are two days."""
    bank = [account for account in account_totals.open_accounts(items) if account.is_bank]
    if not bank:
        return None
    currency, accounts = next(iter(account_totals.group_by_currency(bank).items()))
    return account_balance_history(user=user, accounts=accounts, currency=currency, days=days)


def account_balance_history(
    *, user: User, accounts: Collection[Account], currency: str, days: int
) -> BalanceHistory | None:
    """Draw the daily total of some accounts' balances."""
    since = timezone.localdate() - timedelta(days=days)
    points = running_totals(daily_changes(user=user, accounts=accounts, since=since))
    if len(points) < 2:
        return None
    return BalanceHistory(chart=charts.draw_line(points), currency=currency, ranges=range_links(days))


def daily_changes(*, user: User, accounts: Collection[Account], since: date) -> DailyChanges:
    """Return the change of the accounts' total on each day since one; the first day includes the total before it."""
    with connection.cursor() as cursor:
        params: dict[str, Any] = {"owner": user.pk, "since": since, **account_columns(accounts)}
        cursor.execute(DAILY_CHANGES, params)
        return dict(cursor.fetchall())


def account_columns(accounts: Collection[Account]) -> dict[str, list[Any]]:
    """The columns for the query: ids with those of former accounts, their account, and until when each counts."""
    rows = [(row, account) for account in accounts for row in account.with_former_accounts]
    return {
        "ids": [row.pk for row, _ in rows],
        "accounts": [account.pk for _, account in rows],
        "untils": [row.succeeded_on for row, _ in rows],
    }


def running_totals(changes_by_day: DailyChanges) -> list[charts.Point]:
    """Add the changes up, one point for each day from the first change to the last."""
    if not changes_by_day:
        return []
    first, last, total, points = min(changes_by_day), max(changes_by_day), Decimal(0), []
    for day in (first + timedelta(days=offset) for offset in range((last - first).days + 1)):
        total += changes_by_day.get(day, Decimal(0))
        points.append(charts.Point(day, total))
    return points


def range_links(days: int) -> list[RangeLink]:
    return [
        RangeLink(label=str(RANGE_LABELS[key]), url=f"?range={key}", current=days == span)
        for key, span in RANGES.items()
    ]
