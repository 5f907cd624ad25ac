"""Whether each account's balance changed by what its transactions add up to.

Banks report a balance and the transactions behind it at different times of a day, and some count pending transactions
in the balance. So the change of the balance is compared with the transactions of several periods that begin and end a
few days earlier or later, with and without pending ones, and it agrees if it equals any of these sums. A transaction
that is missing or doubled changes all of them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.utils import timezone

from banking.models import Account
from insights.balances.history import account_columns
from insights.balances.statements import MAX_POSTING_DAYS
from insights.models import FigureCheck
from insights.reconciliation.results import CheckResult

DAYS: Final = 30
# By how many days balances and transactions may be apart at each end.
MAX_SHIFT: Final = 3

READINGS: Final = """
SELECT account, day, current, currency
FROM unnest(%(ids)s::uuid[], %(accounts)s::uuid[], %(untils)s::date[]) AS requested (id, account, until)
JOIN banking_balancesnapshot ON account_id = requested.id
WHERE owner_id = %(owner)s AND day >= %(since)s AND day < coalesce(until, 'infinity') AND current IS NOT NULL
ORDER BY account, day
"""
FLOWS: Final = f"""
SELECT account, currency, date, coalesce(sum(amount) FILTER (WHERE NOT pending), 0),
    coalesce(sum(amount) FILTER (WHERE pending), 0)
FROM unnest(%(ids)s::uuid[], %(accounts)s::uuid[]) AS requested (id, account)
JOIN banking_transaction ON account_id = requested.id
WHERE owner_id = %(owner)s AND day >= %(since)s::date - {MAX_POSTING_DAYS} AND date >= %(since)s::date - {MAX_SHIFT}
    AND removed_at IS NULL
GROUP BY account, currency, date
"""  # noqa: S608  (built from constants)

Key = tuple[UUID, str]


class Reading(NamedTuple):
    """An account's reported balance on one day."""

    day: date
    current: Decimal


class Flow(NamedTuple):
    """What an account's transactions of one day add up to; positive when money comes in."""

    day: date
    posted: Decimal
    pending: Decimal


def check_balances(*, owner_id: UUID, accounts: Collection[Account]) -> Iterator[CheckResult]:
    """Check the accounts whose balance follows from transactions, and that have balances of two days."""
    columns: dict[str, Any] = account_columns([account for account in accounts if account.is_bank or account.is_card])
    params = columns | {"owner": owner_id, "since": timezone.localdate() - timedelta(days=DAYS)}
    signs = dict(zip(columns["accounts"], columns["signs"], strict=True))
    flows = read_flows(params)
    for key, readings in read_balances(params).items():
        if len(readings) > 1:
            yield check_balance(key, readings[0], readings[-1], flows[key], sign=signs[key[0]])


def check_balance(key: Key, first: Reading, last: Reading, flows: Collection[Flow], *, sign: int) -> CheckResult:
    """Compare the change between two balances with the transactions of the days between them.

    Money that comes in lowers a debt: then ``sign`` is -1.
    """
    changed, shifts = last.current - first.current, range(-MAX_SHIFT, MAX_SHIFT + 1)
    sums = {
        sign
        * add_up(flows, after=first.day + timedelta(days=start), until=last.day + timedelta(days=end), pending=pending)
        for start, end, pending in product(shifts, shifts, (0, 1))
    }
    expected = changed if changed in sums else sign * add_up(flows, after=first.day, until=last.day, pending=0)
    return CheckResult(FigureCheck.Kind.BALANCE, *key, first.day, last.day, expected=expected, actual=changed)


def add_up(flows: Collection[Flow], *, after: date, until: date, pending: int) -> Decimal:
    """Add up what was posted after one day and until another; ``pending`` is 1 to count pending transactions too."""
    return sum((flow.posted + flow.pending * pending for flow in flows if after < flow.day <= until), Decimal(0))


def read_balances(params: Mapping[str, Any]) -> dict[Key, list[Reading]]:
    """The balances of each account and currency, in the order of their days."""
    readings: dict[Key, list[Reading]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(READINGS, params)
        for account_id, day, current, currency in cursor.fetchall():
            readings[account_id, currency].append(Reading(day, current))
    return readings


def read_flows(params: Mapping[str, Any]) -> dict[Key, list[Flow]]:
    """The daily sums of each account and currency."""
    flows: dict[Key, list[Flow]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(FLOWS, params)
        for account_id, currency, *flow in cursor.fetchall():
            flows[account_id, currency].append(Flow(*flow))
    return flows
