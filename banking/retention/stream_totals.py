"""The totals of people who keep no transactions, computed while a downloaded stream is in a temporary table."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from banking.account_matching.succession import CountedRange
from banking.models import Item, Transaction, TransactionTotal
from banking.retention import statements
from banking.retention.purging import first_daily_day
from banking.transactions.transfer_matching import pair_legs, read_legs
from compliance.retention.rules import EVERYTHING


def replace_totals(
    cursor: CursorWrapper, *, item: Item, accounts: Sequence[UUID], counted: Sequence[CountedRange]
) -> bool:
    """Replace an Item's totals by those of the whole stream, which is in the table ``incoming``.

    ``False`` if transactions of the Item are still stored, which the purge adds to the totals first. Transfers are
    found between the Item's own accounts only: the rows of other Items are not here. What is in ``counted`` is in the
    totals of former accounts.
    """
    if Transaction.objects.filter(account__item=item).exists():
        return False
    cursor.execute(statements.KEEP_COUNTED)
    params = _stream_params(item, accounts, counted)
    cursor.execute(statements.DELETE_COVERED_TOTALS, params)
    cursor.execute(statements.LEAVE_OUT_COUNTED, params)
    pairs = pair_legs(read_legs(cursor, statements.STREAM_LEGS, owner_id=item.owner_id))
    params |= {
        "legs": [leg.id for pair in pairs for leg in pair],
        "source": TransactionTotal.Source.STREAM,
        "daily_since": first_daily_day(),
    }
    cursor.execute(statements.ADD_STREAM_TO_TOTALS, params)
    cursor.execute(statements.COVER_STREAM, params)
    return True


def reopen_accounts(cursor: CursorWrapper, *, item: Item, accounts: Sequence[UUID]) -> None:
    """Let all rows of accounts be stored again of which nothing was kept, and delete the totals that these replace.

    The rows are in the table ``incoming``. An account without rows there keeps its totals, and so do earlier months.
    """
    params = _stream_params(item, accounts)
    cursor.execute(statements.FIND_REOPENED, params)
    params["accounts"] = [account_id for (account_id,) in cursor.fetchall()]
    if params["accounts"]:
        cursor.execute(statements.DELETE_COVERED_TOTALS, params)
        cursor.execute(statements.LEAVE_OUT_COUNTED, params)
        cursor.execute(statements.REOPEN_ACCOUNTS, params)
        cursor.execute(statements.STORE_ALL, params)


def _stream_params(item: Item, accounts: Sequence[UUID], counted: Sequence[CountedRange] = ()) -> dict[str, Any]:
    return {
        "owner": item.owner_id,
        "accounts": list(accounts),
        "everything": EVERYTHING,
        "counted_accounts": [days.account_id for days in counted],
        "counted_since": [days.since for days in counted],
        "counted_until": [days.until for days in counted],
    }
