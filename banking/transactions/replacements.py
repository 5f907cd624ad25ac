"""Which rows stand in the place of rows that do not count any more."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from banking.models import Transaction

# A row may be replaced, and its replacement be replaced by that of another connection, in the same sync.
MAX_REPLACEMENTS: Final = 4
# The days that two connections report for one transaction are close to each other.
MAX_DAYS_BETWEEN_COPIES: Final = 30

# Each row, and if it does not count any more, the row in its place: the posted row of a pending one, the pending row of
# a posted one that the bank removed, or the equal row of the account that counts now. The n-th of equal rows goes to
# the n-th, as in COPY_USER_FIELDS of ``account_matching``; a row that was split into parts counts as if it were not.
# ``leaving`` are accounts that are about to be deleted.
ROWS_NOW: Final = f"""
SELECT old.id, old.day, old.removed_at IS NULL AND NOT old.hidden, CASE
WHEN old.removed_at IS NOT NULL OR old.account_id = ANY (%(leaving)s::uuid[]) THEN coalesce((
    SELECT posted.id FROM banking_transaction AS posted
    WHERE old.pending AND old.replaced_by <> 'successor' AND posted.account_id = ANY (ARRAY(
            SELECT id FROM banking_account WHERE item_id = account.item_id))
        AND posted.pending_id = old.provider_id AND posted.pending_id <> '' AND NOT posted.pending
        AND (posted.removed_at IS NULL OR posted.replaced_by <> '')
    ORDER BY posted.id LIMIT 1
), (
    SELECT pending.id FROM banking_transaction AS pending
    WHERE old.pending_id <> '' AND old.replaced_by = '' AND pending.account_id = ANY (ARRAY(
            SELECT id FROM banking_account WHERE item_id = account.item_id))
        AND pending.provider_id = old.pending_id
        AND (pending.removed_at IS NULL OR pending.replaced_by <> '')
    ORDER BY pending.id LIMIT 1
), (
    SELECT copy.id FROM (
        SELECT other.id, row_number() OVER (
            PARTITION BY other.account_id, replace(other.replaced_by, 'split', '') ORDER BY other.id) AS place
        FROM banking_transaction AS other JOIN banking_account AS copied ON copied.id = other.account_id
        WHERE other.owner_id = old.owner_id AND other.account_id <> ALL (%(leaving)s::uuid[] || old.account_id)
            AND (old.replaced_by = 'successor' AND (other.removed_at IS NULL OR other.replaced_by = 'split')
                OR old.account_id = ANY (%(leaving)s::uuid[])
                    AND (other.removed_at IS NULL OR other.replaced_by IN ('successor', 'split')))
            AND other.part_of IS NULL
            AND other.day BETWEEN old.day - {MAX_DAYS_BETWEEN_COPIES} AND old.day + {MAX_DAYS_BETWEEN_COPIES}
            AND (other.date, other.amount, other.name) = (old.date, old.amount, old.name)
            AND coalesce(copied.successor_id, copied.id) = coalesce(account.successor_id, account.id)
    ) AS copy
    WHERE copy.place = (
        SELECT count(*) FROM banking_transaction AS equal
        WHERE equal.account_id = old.account_id AND equal.part_of IS NULL AND equal.id <= old.id
            AND replace(equal.replaced_by, 'split', '') = replace(old.replaced_by, 'split', '')
            AND (equal.date, equal.amount, equal.name) = (old.date, old.amount, old.name))
    ORDER BY copy.id LIMIT 1
)) END
FROM banking_transaction AS old JOIN banking_account AS account ON account.id = old.account_id
WHERE old.owner_id = %(owner)s AND old.id = ANY (%(rows)s)
"""  # noqa: S608  (built from constants)


class RowNow(NamedTuple):
    """A row that is stored. ``replacement`` is the row in the place of one that does not count any more."""

    day: date
    counts: bool
    replacement: UUID | None


def read_rows_now(row_ids: Collection[UUID], *, owner_id: UUID, leaving: Sequence[UUID] = ()) -> dict[UUID, RowNow]:
    """Read an owner's rows that are stored, by their ids; one query."""
    with connection.cursor() as cursor:
        cursor.execute(ROWS_NOW, {"owner": owner_id, "rows": list(row_ids), "leaving": list(leaving)})
        return {row_id: RowNow(*columns) for row_id, *columns in cursor.fetchall()}


def find_row_now(row_id: UUID, *, owner_id: UUID) -> UUID | None:
    """The id of the row that counts in the place of an owner's row, hidden or split or not; ``None`` without one.

    In the place of a part it is the whole, or the row in that one's place.
    """
    parts = Transaction.objects.filter(owner=owner_id, pk=row_id, part_of__isnull=False)
    row_id = parts.values_list("part_of", flat=True).first() or row_id
    for _ in range(MAX_REPLACEMENTS):
        row = read_rows_now([row_id], owner_id=owner_id).get(row_id)
        if row is None or row.replacement is None:
            break
        row_id = row.replacement
    return row_id if Transaction.objects.filter(owner=owner_id, pk=row_id).from_bank().exists() else None
