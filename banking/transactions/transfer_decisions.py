"""What the user decided about transfers, on the rows that count now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from banking.models import Transfer, TransferDecision
from banking.transactions.transfer_matching import IdPair

# A row may be replaced, and its replacement be replaced by that of another connection, in the same sync.
MAX_REPLACEMENTS: Final = 4
# The days that two connections report for one transaction are close to each other.
MAX_DAYS_BETWEEN_COPIES: Final = 30

# Each leg, and if it does not count any more, the row in its place: the posted row of a pending one, the pending row of
# a posted one that the bank removed, or the equal row of the account that counts now. The n-th of equal rows goes to
# the n-th, as in COPY_USER_FIELDS of ``account_matching``. ``leaving`` are accounts that are about to be deleted.
LEGS_NOW: Final = f"""
SELECT leg.id, leg.day, leg.removed_at IS NULL AND NOT leg.hidden, CASE
WHEN leg.removed_at IS NOT NULL OR leg.account_id = ANY (%(leaving)s::uuid[]) THEN coalesce((
    SELECT posted.id FROM banking_transaction AS posted
    WHERE leg.pending AND leg.replaced_by <> 'successor' AND posted.account_id = ANY (ARRAY(
            SELECT id FROM banking_account WHERE item_id = account.item_id))
        AND posted.pending_id = leg.provider_id AND posted.pending_id <> '' AND NOT posted.pending
        AND (posted.removed_at IS NULL OR posted.replaced_by <> '')
    ORDER BY posted.id LIMIT 1
), (
    SELECT pending.id FROM banking_transaction AS pending
    WHERE leg.pending_id <> '' AND leg.replaced_by = '' AND pending.account_id = ANY (ARRAY(
            SELECT id FROM banking_account WHERE item_id = account.item_id))
        AND pending.provider_id = leg.pending_id
        AND (pending.removed_at IS NULL OR pending.replaced_by <> '')
    ORDER BY pending.id LIMIT 1
), (
    SELECT copy.id FROM (
        SELECT other.id, row_number() OVER (PARTITION BY other.account_id, other.replaced_by ORDER BY other.id) AS place
        FROM banking_transaction AS other JOIN banking_account AS copied ON copied.id = other.account_id
        WHERE other.owner_id = leg.owner_id AND other.account_id <> ALL (%(leaving)s::uuid[] || leg.account_id)
            AND (leg.replaced_by = 'successor' AND other.removed_at IS NULL
                OR leg.account_id = ANY (%(leaving)s::uuid[])
                    AND (other.removed_at IS NULL OR other.replaced_by = 'successor'))
            AND other.day BETWEEN leg.day - {MAX_DAYS_BETWEEN_COPIES} AND leg.day + {MAX_DAYS_BETWEEN_COPIES}
            AND (other.date, other.amount, other.name) = (leg.date, leg.amount, leg.name)
            AND coalesce(copied.successor_id, copied.id) = coalesce(account.successor_id, account.id)
    ) AS copy
    WHERE copy.place = (
        SELECT count(*) FROM banking_transaction AS equal
        WHERE equal.account_id = leg.account_id AND equal.replaced_by = leg.replaced_by AND equal.id <= leg.id
            AND (equal.date, equal.amount, equal.name) = (leg.date, leg.amount, leg.name))
    ORDER BY copy.id LIMIT 1
)) END
FROM banking_transaction AS leg JOIN banking_account AS account ON account.id = leg.account_id
WHERE leg.owner_id = %(owner)s AND leg.id = ANY (%(legs)s)
"""  # noqa: S608  (built from constants)


class LegNow(NamedTuple):
    """A leg that is stored. ``replacement`` is the row in the place of one that does not count any more."""

    day: date
    counts: bool
    replacement: UUID | None


@dataclass(frozen=True, slots=True)
class Decisions:
    """The pairs (money out, money in) that the user joined, with the day of the first leg, and those they separated."""

    joined: dict[IdPair, date] = field(default_factory=dict)
    separate: set[IdPair] = field(default_factory=set)


def list_decisions(*, owner_id: UUID) -> list[TransferDecision]:
    """A user's decisions, the newest first."""
    return list(TransferDecision.objects.filter(owner=owner_id).order_by("-decided_at", "pk"))


def read_decisions(*, owner_id: UUID) -> Decisions:
    """Return a user's decisions, in the open transaction; one query if there are none.

    A decision about a row that another one replaced is stored for that one from now on. One about a row that was
    deleted is deleted. Joined rows are no transfer while one of them does not count.
    """
    decisions, rows = Decisions(), list_decisions(owner_id=owner_id)
    legs = follow_replacements(rows, owner_id=owner_id) if rows else {}
    for row in keep_newest(rows, legs):
        money_out, money_in = legs[row.money_out], legs[row.money_in]
        if not row.is_transfer:
            decisions.separate.add((row.money_out, row.money_in))
        elif money_out.counts and money_in.counts and are_near(money_out.day, money_in.day):
            decisions.joined[row.money_out, row.money_in] = money_out.day
    return decisions


def are_near(first: date, second: date) -> bool:
    """Whether two days are so close that the user may join two rows of them."""
    return abs((second - first).days) <= Transfer.MAX_DAYS_APART_BY_HAND


def follow_replacements(
    rows: list[TransferDecision], *, owner_id: UUID, leaving: Sequence[UUID] = ()
) -> dict[UUID, LegNow]:
    """Store decisions, the newest first, for the rows that count now; returns all legs that are stored.

    Rows of accounts that are ``leaving`` are replaced by those of another connection.
    """
    legs = read_legs_now(rows, owner_id=owner_id, leaving=leaving)
    pairs = {row.pk: (row.money_out, row.money_in) for row in rows}
    for _ in range(MAX_REPLACEMENTS):
        replaced = [row for row in rows if replace_legs(row, legs)]
        if not replaced:
            break
        legs |= read_legs_now(replaced, owner_id=owner_id, leaving=leaving)
    kept = keep_newest(rows, legs)
    changed = [row for row in kept if (row.money_out, row.money_in) != pairs[row.pk]]
    outdated = set(pairs) - {row.pk for row in kept} | {row.pk for row in changed}
    if outdated:
        TransferDecision.objects.filter(pk__in=outdated).delete()
        TransferDecision.objects.bulk_create(changed)
    return legs


def keep_newest(rows: Iterable[TransferDecision], legs: Mapping[UUID, LegNow]) -> list[TransferDecision]:
    """The decisions about stored rows, the newest first, without those that a newer one contradicts."""
    kept, used = [], set[tuple[UUID, ...]]()
    for row in rows:
        names = name_legs(row)
        if row.money_out in legs and row.money_in in legs and not names & used:
            kept.append(row)
            used |= names
    return kept


def replace_legs(row: TransferDecision, legs: Mapping[UUID, LegNow]) -> bool:
    """Let a decision name the rows in the place of its legs; whether there were any."""
    before = row.money_out, row.money_in
    row.money_out, row.money_in = (
        (legs[leg_id].replacement or leg_id) if leg_id in legs else leg_id for leg_id in before
    )
    return (row.money_out, row.money_in) != before


def name_legs(row: TransferDecision) -> set[tuple[UUID, ...]]:
    """What no other decision has: the pair, and each leg if it is a transfer."""
    names: set[tuple[UUID, ...]] = {(row.money_out, row.money_in)}
    return names | {(row.money_out,), (row.money_in,)} if row.is_transfer else names


def read_legs_now(rows: Iterable[TransferDecision], *, owner_id: UUID, leaving: Sequence[UUID]) -> dict[UUID, LegNow]:
    """Read the legs of decisions that are stored; one query."""
    leg_ids = [leg_id for row in rows for leg_id in (row.money_out, row.money_in)]
    with connection.cursor() as cursor:
        cursor.execute(LEGS_NOW, {"owner": owner_id, "legs": leg_ids, "leaving": list(leaving)})
        return {leg_id: LegNow(*columns) for leg_id, *columns in cursor.fetchall()}
