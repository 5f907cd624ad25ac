"""Balances over time, from the snapshot that each day's sync leaves.

A day on which an account was not read repeats the account's last known balance. Nothing is reconstructed from
transactions: banks correct balances without saying so.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.models import User
from banking.models import Account, Item
from insights import charts
from insights.balances import account_totals

# By how much the sum of some accounts changed on each day; what stood before the first day counts on that day. An
# account that was read under other ids before goes on from their last balance.
CHANGES = """
SELECT greatest(day, %(since)s) AS changed_on, sum(current - before)
FROM (
    SELECT day, current, lag(current, 1, 0) OVER (PARTITION BY account ORDER BY day) AS before
    FROM unnest(%(ids)s::uuid[], %(accounts)s::uuid[], %(untils)s::date[]) AS asked (id, account, until), LATERAL (
        SELECT day, current
        FROM banking_balancesnapshot
        WHERE owner_id = %(owner)s AND account_id = asked.id AND day >= %(since)s AND current IS NOT NULL
            AND day < coalesce(asked.until, 'infinity')
        UNION ALL (
            SELECT day, current
            FROM banking_balancesnapshot
            WHERE owner_id = %(owner)s AND account_id = asked.id AND day < least(%(since)s, asked.until)
                AND current IS NOT NULL
            ORDER BY day DESC
            LIMIT 1
        )
    ) AS reading
) AS change
GROUP BY changed_on
"""

RANGES = {"1M": 30, "3M": 91, "1Y": 365}
USUAL = "3M"

Changes = Mapping[date, Decimal]


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
    bank = [account for account in account_totals.accounts(items) if account.is_bank]
    if not bank:
        return None
    currency, accounts = next(iter(account_totals.by_currency(bank).items()))
    return of_accounts(user=user, accounts=accounts, currency=currency, days=days)


def of_accounts(*, user: User, accounts: Collection[Account], currency: str, days: int) -> History | None:
    """Draw the sum of some accounts' balances, day by day."""
    since = timezone.localdate() - timedelta(days=days)
    points = sums(changes(user=user, accounts=accounts, since=since))
    if len(points) < 2:
        return None
    return History(chart=charts.line(points), currency=currency, ranges=ranges(days))


def changes(*, user: User, accounts: Collection[Account], since: date) -> Changes:
    """Tell by how much the accounts' sum changed on each day since one; that day itself carries what stood before."""
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"owner": user.pk, "since": since, **columns(accounts)}
        cursor.execute(CHANGES, asked)
        return dict(cursor.fetchall())


def columns(accounts: Collection[Account]) -> dict[str, list[Any]]:
    """Everything that the accounts were read under: its id, the account that it is, and until when it speaks for it."""
    known = [(each, account) for account in accounts for each in account.with_former_accounts]
    return {
        "ids": [each.pk for each, _ in known],
        "accounts": [account.pk for _, account in known],
        "untils": [each.succeeded_on for each, _ in known],
    }


def sums(found: Changes) -> list[charts.Point]:
    """Add the changes up, one point for each day from the first change to the last."""
    if not found:
        return []
    first, last, total, points = min(found), max(found), Decimal(0), []
    for day in (first + timedelta(days=offset) for offset in range((last - first).days + 1)):
        total += found.get(day, Decimal(0))
        points.append(charts.Point(day, total))
    return points


def ranges(days: int) -> list[Range]:
    return [Range(label=label, url=f"?range={label}", current=days == span) for label, span in RANGES.items()]
