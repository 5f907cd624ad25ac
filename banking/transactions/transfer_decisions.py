"""What the user decided about transfers, on the rows that count now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from banking.models import Transfer, TransferDecision
from banking.transactions.replacements import MAX_REPLACEMENTS, RowNow, read_rows_now
from banking.transactions.transfer_matching import IdPair


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
) -> dict[UUID, RowNow]:
    """Store decisions, the newest first, for the rows that count now; returns all legs that are stored.

    Rows of accounts that are ``leaving`` are replaced by those of another connection.
    """
    legs = read_rows_now(list_legs(rows), owner_id=owner_id, leaving=leaving)
    pairs = {row.pk: (row.money_out, row.money_in) for row in rows}
    for _ in range(MAX_REPLACEMENTS):
        replaced = [row for row in rows if replace_legs(row, legs)]
        if not replaced:
            break
        legs |= read_rows_now(list_legs(replaced), owner_id=owner_id, leaving=leaving)
    kept = keep_newest(rows, legs)
    changed = [row for row in kept if (row.money_out, row.money_in) != pairs[row.pk]]
    outdated = set(pairs) - {row.pk for row in kept} | {row.pk for row in changed}
    if outdated:
        TransferDecision.objects.filter(pk__in=outdated).delete()
        TransferDecision.objects.bulk_create(changed)
    return legs


def keep_newest(rows: Iterable[TransferDecision], legs: Mapping[UUID, RowNow]) -> list[TransferDecision]:
    """The decisions about stored rows, the newest first, without those that a newer one contradicts."""
    kept, used = [], set[tuple[UUID, ...]]()
    for row in rows:
        names = name_legs(row)
        if row.money_out in legs and row.money_in in legs and not names & used:
            kept.append(row)
            used |= names
    return kept


def replace_legs(row: TransferDecision, legs: Mapping[UUID, RowNow]) -> bool:
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


def list_legs(rows: Iterable[TransferDecision]) -> list[UUID]:
    """The ids that decisions name."""
    return [leg_id for row in rows for leg_id in (row.money_out, row.money_in)]
