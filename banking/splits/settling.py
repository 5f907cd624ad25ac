"""Let the parts of split transactions follow what the bank does to the whole.

The result depends only on the rows of the bank and on what the person entered, never on the order in which changes
arrived:

- a whole that the bank has removed, or that other rows replaced, does not count, nor do its parts;
- where another row stands in its place, the parts are that row's: the posted row of a pending one, or the equal row of
  the connection that counts now;
- a part has the day, the account and all else of its whole, except amount, category, tags, note and name;
- if the bank changes the amount, the last part takes the difference. If that is not possible (``amounts``), the whole
  counts, and the parts wait until the person decides or the bank changes the amount back.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Final
from uuid import UUID

from django.utils import timezone

from banking.models import Transaction
from banking.splits.amounts import fit_amounts
from banking.transactions.replacements import MAX_REPLACEMENTS, read_rows_now
from compliance.audit import Action, record

# What a part has from its whole.
BANK_COLUMNS: Final = (
    *("account_id", "provider_amount", "currency", "day", "date", "authorized_date", "name", "merchant_name"),
    *("pending", "category", "category_detail", "category_confidence", "payment_channel"),
    *("original_description", "posted_at", "authorized_at", "counterparties"),
)
SETTLED_COLUMNS: Final = (*BANK_COLUMNS, "amount", "removed_at", "replaced_by")


@dataclass
class Split:
    """A transaction with its parts, in the order in which they were entered."""

    whole: Transaction
    parts: list[Transaction]

    @property
    def is_from_bank(self) -> bool:
        """Whether the whole is a row that counts, itself or by its parts."""
        return self.whole.removed_at is None or self.whole.replaced_by == Transaction.Replaced.SPLIT


def settle_splits(*, owner_id: UUID, leaving: Collection[UUID] = ()) -> bool:
    """Settle an owner's split transactions in the open transaction; returns whether that changed any.

    Whoever stores, removes or replaces transactions, which happens under the lock of the accounts, calls this before
    ``update_transfers``. ``leaving`` are accounts that are about to be deleted: parts of their rows move to the equal
    rows of another connection. One query if nothing is split.
    """
    splits = read_splits(owner_id=owner_id)
    if not splits:
        return False
    moved = move_parts(splits, owner_id=owner_id, leaving=leaving)
    settled = [settle_split(split) for split in splits.values()]
    return bool(moved) or any(settled)


def read_splits(*, owner_id: UUID) -> dict[UUID, Split]:
    """An owner's split transactions by the id of the whole; two queries."""
    rows = Transaction.objects.filter(owner=owner_id, part_of__isnull=False).order_by("part_of", "pk")
    groups = {key: list(parts) for key, parts in groupby(rows, key=lambda part: part.part_of) if key is not None}
    wholes = Transaction.objects.filter(owner=owner_id).in_bulk(list(groups)) if groups else {}
    return {key: Split(wholes[key], parts) for key, parts in groups.items() if key in wholes}


def move_parts(splits: dict[UUID, Split], *, owner_id: UUID, leaving: Collection[UUID]) -> list[UUID]:
    """Give the parts of wholes that do not count to the rows in their place; returns the ids of these rows.

    A row that the person split as well keeps its own parts.
    """
    moved = []
    for old_id, new_id in find_places(splits.values(), owner_id=owner_id, leaving=leaving).items():
        if new_id not in splits:
            old, new = splits.pop(old_id), Transaction.objects.get(owner=owner_id, pk=new_id)
            if old.is_from_bank and old.whole.account_id not in leaving:
                # Only a posted row stands in the place of one that counts.
                save_state(old.whole, removed_at=timezone.now(), replaced_by=Transaction.Replaced.POSTED)
            for part in old.parts:
                part.part_of = new_id
            Transaction.objects.filter(pk__in=[part.pk for part in old.parts]).update(part_of=new_id)
            splits[new_id] = Split(new, old.parts)
            moved.append(new_id)
    return moved


def find_places(splits: Iterable[Split], *, owner_id: UUID, leaving: Collection[UUID]) -> dict[UUID, UUID]:
    """The rows in the place of wholes that another row replaced, by the id of the whole."""
    places = {
        split.whole.pk: split.whole.pk
        for split in splits
        if split.whole.removed_at is not None or split.whole.account_id in leaving
    }
    for _ in range(MAX_REPLACEMENTS):
        now = read_rows_now(set(places.values()), owner_id=owner_id, leaving=list(leaving)) if places else {}
        followed = {key: now[place].replacement or place for key, place in places.items() if place in now}
        if followed == places:
            break
        places = followed
    return {key: place for key, place in places.items() if key != place}


def settle_split(split: Split) -> bool:
    """Store what counts of a split transaction, and the amounts of its parts; returns whether that changed anything."""
    before = [(part.removed_at is None, part.amount) for part in split.parts]
    entered = [part.amount if part.entered_amount is None else part.entered_amount for part in split.parts]
    amounts = fit_amounts(entered, whole=split.whole.amount) if split.is_from_bank else None
    is_changed = split.is_from_bank and settle_whole(split.whole, is_split=amounts is not None)
    fitted: Sequence[Decimal | None] = amounts or [None] * len(split.parts)
    changed = [part for part, amount in zip(split.parts, fitted, strict=True) if settle_part(part, split.whole, amount)]
    Transaction.objects.bulk_update(changed, SETTLED_COLUMNS)
    if split.is_from_bank and before != [(part.removed_at is None, part.amount) for part in split.parts]:
        record_change(split, counts="parts" if amounts else "whole")
    return is_changed or bool(changed)


def settle_whole(whole: Transaction, *, is_split: bool) -> bool:
    """Let a row count by its parts, or itself; returns whether that changed anything."""
    if is_split == (whole.replaced_by == Transaction.Replaced.SPLIT):
        return False
    if is_split:
        save_state(whole, removed_at=timezone.now(), replaced_by=Transaction.Replaced.SPLIT)
    else:
        save_state(whole, removed_at=None, replaced_by="")
    return True


def save_state(row: Transaction, *, removed_at: datetime | None, replaced_by: str) -> None:
    """Store whether a row counts, and what replaced it."""
    row.removed_at, row.replaced_by = removed_at, replaced_by
    row.save(update_fields=["removed_at", "replaced_by"])


def settle_part(part: Transaction, whole: Transaction, amount: Decimal | None) -> bool:
    """Give a part the columns of its whole and this amount; without one it does not count.

    Returns whether that changed anything.
    """
    removed_at = None if amount is not None else part.removed_at or timezone.now()
    values = {column: getattr(whole, column) for column in BANK_COLUMNS} | {
        "amount": part.amount if amount is None else amount,
        "removed_at": removed_at,
        "replaced_by": "",
    }
    changed = [name for name, value in values.items() if getattr(part, name) != value]
    for name in changed:
        setattr(part, name, values[name])
    return bool(changed)


def record_change(split: Split, *, counts: str) -> None:
    """Record that a change at the bank changed what counts of a split transaction, or the amount of its last part."""
    owner_id, row_id = split.whole.owner_id, str(split.whole.pk)
    record(Action.SPLIT_ADJUSTED, subject=owner_id, resource="transaction", resource_id=row_id, counts=counts)
