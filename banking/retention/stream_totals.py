"""The totals of people who keep no transactions, computed while a downloaded stream is in a temporary table."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from banking.models import Item, Transaction, TransactionTotal
from banking.retention import statements
from banking.retention.purging import first_daily_day
from banking.transactions.transfers import pair_legs, read_legs
from compliance.retention.rules import EVERYTHING


def replace_totals(cursor: CursorWrapper, *, item: Item, accounts: Sequence[UUID]) -> bool:
    """Replace an Item's totals by those of the whole stream, which is in the table ``incoming``.

    ``False`` if transactions of the Item are still stored, which the purge adds to the totals first. Transfers are
    found between the Item's own accounts only: the rows of other Items are not here.
    """
    if Transaction.objects.filter(account__item=item).exists():
        return False
    cursor.execute(statements.KEEP_COUNTED)
    params: dict[str, Any] = {"owner": item.owner_id, "accounts": list(accounts)}
    cursor.execute(statements.DELETE_COVERED_TOTALS, params)
    pairs = pair_legs(read_legs(cursor, statements.STREAM_LEGS, owner_id=item.owner_id))
    params |= {
        "legs": [leg.id for pair in pairs for leg in pair],
        "source": TransactionTotal.Source.STREAM,
        "daily_since": first_daily_day(),
    }
    cursor.execute(statements.ADD_STREAM_TO_TOTALS, params)
    return True


def reopen_accounts(cursor: CursorWrapper, *, item: Item, accounts: Sequence[UUID]) -> list[UUID]:
    """Let rows of all days be stored again on accounts of which nothing was kept; returns these accounts."""
    params: dict[str, Any] = {"owner": item.owner_id, "accounts": list(accounts), "everything": EVERYTHING}
    cursor.execute(statements.REOPEN_ACCOUNTS, params)
    return [account_id for (account_id,) in cursor.fetchall()]


def forget_totals(cursor: CursorWrapper, *, item: Item, accounts: Sequence[UUID]) -> None:
    """Delete the totals of accounts whose rows, in the table ``incoming``, are stored again."""
    params: dict[str, Any] = {"owner": item.owner_id, "accounts": list(accounts)}
    cursor.execute(statements.DELETE_COVERED_TOTALS, params)
