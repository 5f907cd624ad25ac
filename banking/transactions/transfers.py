"""Detect transfers between a user's own accounts among transactions without a specific category.

The two legs of a transfer have the same amount with opposite signs, the same currency, different accounts, and days
at most ``Transfer.MAX_DAYS_APART`` apart. Each leg belongs to one transfer. Where several pairs are possible, the
nearest in days are paired first; at the same distance, money that arrives after it was sent comes before money that
arrives earlier, then the earlier day and the older row decide. So the same rows always give the same pairs.

A row that the bank or the user categorizes as spending or income is never a leg. Nor is money that arrives on a loan
account: paying off a loan counts as spending.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

from banking.models import Transfer
from banking.transactions.categories import CARD_PAYMENT, UNSPECIFIC

# One database transaction at a time pairs a user's rows: two that sync different banks would each miss the legs that
# the other one stores.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('transfers of ' || %s, 0))"

# The rows whose amount occurs with both signs. One pass and one sort, with any statistics: a self-join could compare
# all rows of the same amount with each other.
LEGS_AMONG: Final = """
-- An account that was replaced by another one counts as that one.
SELECT id, coalesce((SELECT successor_id FROM banking_account WHERE id = candidate.account_id), account_id), day,
    currency, amount
FROM (
    SELECT transaction.id, transaction.account_id, transaction.day, transaction.currency, transaction.amount,
        min(transaction.amount) OVER same_amount AS lowest, max(transaction.amount) OVER same_amount AS highest
    FROM {rows} AS transaction
    -- Rows that count.
    WHERE {counts}
        AND transaction.currency <> '' AND transaction.amount <> 0
        -- The category does not say what the money was for, or says that it paid a card.
        AND (coalesce(nullif(transaction.user_category, ''), transaction.category) = ANY (%(unspecific)s)
            OR transaction.user_category = '' AND transaction.category_detail = %(card_payment)s)
        -- Paying off a loan is spending and no transfer.
        AND NOT (transaction.amount > 0 AND transaction.account_id = ANY (ARRAY(
            SELECT id FROM banking_account WHERE owner_id = %(owner)s AND type = 'loan')))
    WINDOW same_amount AS (PARTITION BY transaction.currency, abs(transaction.amount))
) AS candidate
-- Money went both ways.
WHERE lowest < 0 AND highest > 0
ORDER BY day, id
"""
LEGS: Final = LEGS_AMONG.format(
    rows="banking_transaction",
    counts="transaction.owner_id = %(owner)s AND transaction.removed_at IS NULL AND NOT transaction.hidden",
)

# The days from sending to arriving, in the order in which they are tried.
DAY_OFFSETS: Final = (0, *(offset for days in range(1, Transfer.MAX_DAYS_APART + 1) for offset in (days, -days)))


class Leg(NamedTuple):
    """A transaction that may be one side of a transfer. ``amount`` is positive when money comes in."""

    id: UUID
    account_id: UUID
    day: date
    currency: str
    amount: Decimal


Arrivals = dict[tuple[str, Decimal, int], dict[UUID, deque[Leg]]]


def update_transfers(*, owner_id: UUID) -> None:
    """Store the transfers among a user's transactions, and delete those that no longer exist.

    Code that stores, changes or deletes transactions calls this inside ``tenant``, before its transaction ends.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [str(owner_id)])
        pairs = pair_legs(read_legs(cursor, LEGS, owner_id=owner_id))
    detected = {(outgoing.id, incoming.id): outgoing.day for outgoing, incoming in pairs}
    stored = {(row.money_out, row.money_in): row for row in Transfer.objects.filter(owner=owner_id)}
    outdated = [row.pk for legs, row in stored.items() if detected.get(legs) != row.sent_on]
    Transfer.objects.filter(pk__in=outdated).delete()
    Transfer.objects.bulk_create(
        Transfer(owner_id=owner_id, money_out=legs[0], money_in=legs[1], sent_on=day)
        for legs, day in detected.items()
        if legs not in stored or stored[legs].sent_on != day
    )


def read_legs(cursor: CursorWrapper, statement: str, *, owner_id: UUID) -> list[Leg]:
    """The legs that a statement of ``LEGS_AMONG`` finds, in the order of their days and ids."""
    cursor.execute(statement, {"owner": owner_id, "unspecific": list(UNSPECIFIC), "card_payment": CARD_PAYMENT})
    return [Leg(*row) for row in cursor.fetchall()]


def pair_legs(legs: Sequence[Leg]) -> list[tuple[Leg, Leg]]:
    """Pair legs, which come in the order of their days and ids; returns (outgoing, incoming) pairs."""
    arrivals = group_arrivals(legs)
    outgoing, pairs = [leg for leg in legs if leg.amount < 0], []
    for day_offset in DAY_OFFSETS:
        unpaired = []
        for leg in outgoing:
            incoming = take_arrival(arrivals, leg, day_offset)
            if incoming is None:
                unpaired.append(leg)
            else:
                pairs.append((leg, incoming))
        outgoing = unpaired
    return pairs


def group_arrivals(legs: Iterable[Leg]) -> Arrivals:
    """Group incoming legs by currency, amount and day, and within these by account."""
    arrivals: Arrivals = defaultdict(lambda: defaultdict(deque))
    for leg in legs:
        if leg.amount > 0:
            arrivals[leg.currency, leg.amount, leg.day.toordinal()][leg.account_id].append(leg)
    return arrivals


def take_arrival(arrivals: Arrivals, leg: Leg, day_offset: int) -> Leg | None:
    """Take the oldest leg that arrived on another account ``day_offset`` days after ``leg``, if there is one."""
    same_day = arrivals.get((leg.currency, leg.amount.copy_abs(), leg.day.toordinal() + day_offset), {})
    others = [queue for account_id, queue in same_day.items() if queue and account_id != leg.account_id]
    return min(others, key=lambda queue: queue[0].id).popleft() if others else None
