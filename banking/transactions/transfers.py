"""Find the transfers between a person's own accounts among transactions that nobody gave a telling category.

Two legs of one transfer have the same amount with opposite signs, the same currency, different accounts, and days
at most ``Transfer.LONGEST_WAY`` apart. Each leg belongs to one transfer. Where several fit, the nearest in days are
paired first; at the same distance money that arrives after it left comes before money that arrives earlier, then the
earlier day and the older row decide, so the same rows always give the same pairs.

A row that the bank or the person puts under spending or income is no leg, whatever stands opposite. Nor is money
that arrives on a loan account: paying a loan off counts as spending.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from banking.models import Transfer
from banking.transactions.categories import CARD_PAYMENT, UNTOLD

# One transaction at a time matches a person's rows: two that read different banks would each miss the other's legs.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('transfers of ' || %s, 0))"

# Rows whose amount went both ways: one pass and one sort, whatever the planner knows of the table. A join of the rows
# with themselves would compare each fare of ten years with each other one.
LEGS: Final = """
SELECT id, coalesce((SELECT successor_id FROM banking_account WHERE id = candidate.account_id), account_id), day,
    currency, amount
FROM (
    SELECT moved.id, moved.account_id, moved.day, moved.currency, moved.amount,
        min(moved.amount) OVER alike AS lowest, max(moved.amount) OVER alike AS highest
    FROM banking_transaction AS moved
    WHERE moved.owner_id = %(owner)s AND moved.removed_at IS NULL AND NOT moved.hidden
        AND moved.currency <> '' AND moved.amount <> 0
        AND (coalesce(nullif(moved.user_category, ''), moved.category) = ANY (%(untold)s)
            OR moved.user_category = '' AND moved.category_detail = %(card_payment)s)
        AND NOT (moved.amount > 0 AND moved.account_id = ANY (ARRAY(
            SELECT id FROM banking_account WHERE owner_id = %(owner)s AND type = 'loan')))
    WINDOW alike AS (PARTITION BY moved.currency, abs(moved.amount))
) AS candidate
WHERE lowest < 0 AND highest > 0
ORDER BY day, id
"""

# The days from leaving to arriving, in the order in which they are tried.
WAYS: Final = (0, *(way for days in range(1, Transfer.LONGEST_WAY + 1) for way in (days, -days)))


class Leg(NamedTuple):
    """A transaction that may be half of a transfer. ``amount`` is positive when money comes in."""

    id: UUID
    account_id: UUID
    day: date
    currency: str
    amount: Decimal


Arrivals = dict[tuple[str, Decimal, int], dict[UUID, deque[Leg]]]


def find_transfers(*, owner_id: UUID) -> None:
    """Store the pairs among a person's transactions as they stand, and delete those that are none any more.

    Whoever stores, changes or deletes transactions calls this inside ``tenant``, before the end of the transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [str(owner_id)])
        cursor.execute(LEGS, {"owner": owner_id, "untold": list(UNTOLD), "card_payment": CARD_PAYMENT})
        pairs = pair_legs([Leg(*row) for row in cursor.fetchall()])
    found = {(left.id, arrived.id): left.day for left, arrived in pairs}
    known = {(row.money_out, row.money_in): row for row in Transfer.objects.filter(owner=owner_id)}
    Transfer.objects.filter(pk__in=[row.pk for legs, row in known.items() if found.get(legs) != row.left_on]).delete()
    Transfer.objects.bulk_create(
        Transfer(owner_id=owner_id, money_out=legs[0], money_in=legs[1], left_on=day)
        for legs, day in found.items()
        if legs not in known or known[legs].left_on != day
    )


def pair_legs(legs: Sequence[Leg]) -> list[tuple[Leg, Leg]]:
    """Pair legs, given in the order of their days and ids: the one that left with the one that arrived."""
    arrivals = arrivals_among(legs)
    leaving, pairs = [leg for leg in legs if leg.amount < 0], []
    for way in WAYS:
        alone = []
        for leg in leaving:
            arrived = take_arrival(arrivals, leg, way)
            if arrived is None:
                alone.append(leg)
            else:
                pairs.append((leg, arrived))
        leaving = alone
    return pairs


def arrivals_among(legs: Iterable[Leg]) -> Arrivals:
    """Sort what came in by currency, amount and day, and there by account."""
    arrivals: Arrivals = defaultdict(lambda: defaultdict(deque))
    for leg in legs:
        if leg.amount > 0:
            arrivals[leg.currency, leg.amount, leg.day.toordinal()][leg.account_id].append(leg)
    return arrivals


def take_arrival(arrivals: Arrivals, leg: Leg, way: int) -> Leg | None:
    """Take the oldest row that arrived on another account so many days after ``leg`` left; ``None`` if none did."""
    at_once = arrivals.get((leg.currency, leg.amount.copy_abs(), leg.day.toordinal() + way), {})
    others = [queue for account_id, queue in at_once.items() if queue and account_id != leg.account_id]
    return min(others, key=lambda queue: queue[0].id).popleft() if others else None
