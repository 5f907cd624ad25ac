"""What the pages of a split transaction and of its parts show."""

from dataclasses import dataclass

from banking.models import Transaction
from banking.splits.splitting import list_parts, may_split
from banking.transactions.listing.transaction_list import TransactionListRow, read_tagged_rows


@dataclass(frozen=True, slots=True)
class SplitDetails:
    """How a row is split. ``whole`` is the one that it is a part of, ``is_adjusted`` that its amount is not as entered.

    ``waiting_parts`` says that it has parts that do not count, because the bank changed the amount.
    """

    whole: Transaction | None
    is_adjusted: bool
    waiting_parts: bool
    may_split: bool


def read_split_details(row: Transaction) -> SplitDetails:
    """Read how a row that counts is split, for its owner, in the open transaction."""
    wholes = Transaction.objects.filter(owner=row.owner_id)
    return SplitDetails(
        whole=wholes.filter(pk=row.part_of).first() if row.part_of else None,
        is_adjusted=row.entered_amount is not None and row.entered_amount != row.amount,
        waiting_parts=row.part_of is None and list_parts(row).exists(),
        may_split=may_split(row),
    )


def read_part_rows(whole: Transaction) -> list[TransactionListRow]:
    """The parts of a transaction as rows of the list on its page, in the order in which they were entered."""
    rows = read_tagged_rows(list_parts(whole), owner_id=whole.owner_id)
    # Each would link to the page on which it is.
    return [row._replace(part_of=None) for row in rows]


def was_adjusted(whole: Transaction) -> bool:
    """Whether the last part is not what the person entered, because the bank changed the amount."""
    return any(part.amount != part.entered_amount for part in list_parts(whole))
