"""Balances over time, from the snapshots that daily syncs store.

On a day without a sync, the account's last known balance is repeated. Before the first snapshot, the balance is
computed back from it over the posted transactions, and the chart says so. Later days are never computed: banks correct
balances without a transaction.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from banking.models import Account, Item
from insights import charts
from insights.balances import account_totals
from insights.balances.statements import DAILY_CHANGES

RANGES = {"1M": 30, "3M": 91, "1Y": 365}
RANGE_LABELS = {"1M": _("1M"), "3M": _("3M"), "1Y": _("1Y")}
DEFAULT_RANGE = "3M"


class DailyChange(NamedTuple):
    """A day's change of a total. ``reported_on`` is the day of the first reported balance if this one is computed."""

    amount: Decimal
    reported_on: date | None


DailyChanges = Mapping[date, DailyChange]


@dataclass(frozen=True, slots=True)
class RangeLink:
    """A link to the same chart for another date range."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class BalanceHistory:
    """A balance chart, its currency and its date ranges. Before ``computed_until``, balances are computed."""

    chart: charts.LineChart
    currency: str
    ranges: list[RangeLink]
    computed_until: date | None


def days_in_range(label: str) -> int:
    """The number of days of the requested range, or of the default."""
    return RANGES.get(label, RANGES[DEFAULT_RANGE])


def bank_balance_history(*, user: User, items: Collection[Item], days: int) -> BalanceHistory | None:
    """Draw the money in the bank, in the currency of most accounts; ``None`` until there are two days."""
    bank = [account for account in account_totals.list_counted_accounts(items) if account.is_bank]
    if not bank:
        return None
    currency, accounts = next(iter(account_totals.group_by_currency(bank).items()))
    return account_balance_history(user=user, accounts=accounts, currency=currency, days=days)


def account_balance_history(
    *, user: User, accounts: Collection[Account], currency: str, days: int
) -> BalanceHistory | None:
    """Draw the daily total of some accounts' balances."""
    since = timezone.localdate() - timedelta(days=days)
    changes = daily_changes(user=user, accounts=accounts, since=since)
    points = running_totals({day: change.amount for day, change in changes.items()})
    if len(points) < 2:
        return None
    computed_until = max((change.reported_on for change in changes.values() if change.reported_on), default=None)
    return BalanceHistory(
        chart=charts.draw_line(points, computed_until=computed_until),
        currency=currency,
        ranges=range_links(days),
        computed_until=computed_until,
    )


def daily_changes(*, user: User, accounts: Collection[Account], since: date) -> DailyChanges:
    """Return the change of the accounts' total on each day since one; the first day includes the total before it."""
    with connection.cursor() as cursor:
        params: dict[str, Any] = {"owner": user.pk, "since": since, **account_columns(accounts)}
        cursor.execute(DAILY_CHANGES, params)
        return {day: DailyChange(amount, reported_on) for day, amount, reported_on in cursor.fetchall()}


def account_columns(accounts: Collection[Account]) -> dict[str, list[Any]]:
    """The columns for the query: ids with those of former accounts, their account, and until when each counts.

    ``signs`` says how money that comes in changes a balance: 1 raises it, -1 lowers a debt, and 0 does neither, because
    the balance of a loan or an investment also changes without transactions.
    """
    rows = [(row, account) for account in accounts for row in account.with_former_accounts]
    return {
        "ids": [row.pk for row, _ in rows],
        "accounts": [account.pk for _, account in rows],
        "untils": [row.succeeded_on for row, _ in rows],
        "signs": [1 if account.is_bank else -1 if account.is_card else 0 for _, account in rows],
    }


def running_totals(changes_by_day: Mapping[date, Decimal]) -> list[charts.Point]:
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
