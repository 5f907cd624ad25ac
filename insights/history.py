"""Balances over time, from the snapshot that each day's sync leaves.

A day on which an account was not read repeats the account's last known balance. Nothing is reconstructed from
transactions: banks correct balances without saying so.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from banking.models import BalanceSnapshot, Item
from insights import balances, charts

RANGES = {"1M": 30, "3M": 91, "1Y": 365}
USUAL = "3M"

Reading = tuple[UUID, date, Decimal]


@dataclass(frozen=True, slots=True)
class Range:
    """A link to the same chart over another span."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class History:
    """A balance chart, its currency and the spans that it can be drawn over."""

    chart: charts.Line
    currency: str
    ranges: list[Range]


def days_in(label: str) -> int:
    """The length of a span that was asked for, or of the usual one."""
    return RANGES.get(label, RANGES[USUAL])


def of_bank(*, user: User, items: Collection[Item], days: int) -> History | None:
    """Draw the money in the bank, in the currency of most accounts; ``None`` until there are two days of it."""
    bank = [account for account in balances.accounts(items) if account.is_bank]
    if not bank:
        return None
    currency, accounts = next(iter(balances.by_currency(bank).items()))
    return of_accounts(user=user, accounts=[account.pk for account in accounts], currency=currency, days=days)


def of_accounts(*, user: User, accounts: Collection[UUID], currency: str, days: int) -> History | None:
    """Draw the sum of some accounts' balances, day by day."""
    since = timezone.localdate() - timedelta(days=days)
    points = sums(readings(user=user, accounts=accounts, since=since))
    if len(points) < 2:
        return None
    return History(chart=charts.line(points), currency=currency, ranges=ranges(days))


def readings(*, user: User, accounts: Collection[UUID], since: date) -> Iterator[Reading]:
    """Tell each account's balances since a day, first the one that it still had on that day; one query."""
    stated = BalanceSnapshot.objects.for_user(user).filter(account__in=accounts).exclude(current=None)
    before = stated.filter(day__lt=since).order_by("account", "-day").distinct("account")
    told = stated.filter(day__gte=since).union(before, all=True)
    for account, day, balance in told.values_list("account", "day", "current").order_by("day"):
        yield account, max(day, since), balance


def sums(found: Iterable[Reading]) -> list[charts.Point]:
    """Add the accounts up for each day from the first reading to the last, repeating what was last known."""
    by_day: dict[date, dict[UUID, Decimal]] = {}
    for account, day, balance in found:
        by_day.setdefault(day, {})[account] = balance
    if not by_day:
        return []
    known: dict[UUID, Decimal] = {}
    first, last = min(by_day), max(by_day)
    points = []
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        known |= by_day.get(day, {})
        points.append(charts.Point(day, sum(known.values(), Decimal(0))))
    return points


def ranges(days: int) -> list[Range]:
    return [Range(label=label, url=f"?range={label}", current=days == span) for label, span in RANGES.items()]
