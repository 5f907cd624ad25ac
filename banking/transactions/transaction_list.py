"""Transactions as lists show them: plain values, read without making models, which costs half the time."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery

from banking.models import Account, Transaction
from banking.transactions.cash_flow import COUNTED, COUNTED_TYPES, counted, literals

COLUMNS = ("id", "day", "merchant_name", "name", "category", "user_category", "amount", "currency", "pending")
# Looked up row by row, because a join misleads PostgreSQL: it guesses that few rows belong to a person's accounts,
# and sorts all of them for one page instead of walking down the newest ones.
ITS_ACCOUNT = Account.objects.filter(pk=OuterRef("account"))
ACCOUNT = (Subquery(ITS_ACCOUNT.values("name")), Subquery(ITS_ACCOUNT.values("mask")))

LEG = """
SELECT money_out FROM banking_transfer WHERE money_out = banking_transaction.id
UNION ALL SELECT money_in FROM banking_transfer WHERE money_in = banking_transaction.id
"""

# The newest rows of everything, as the overview shows them on every visit: to have Django write these words costs
# ten times what PostgreSQL takes to answer them.
LATEST = f"""
SELECT banking_transaction.id, day, merchant_name, banking_transaction.name, category, user_category, amount,
    banking_transaction.currency, pending,
    account.name, account.mask, account.type IN ({literals(COUNTED_TYPES)}) AND {COUNTED.format(legs=LEG)}
FROM banking_transaction JOIN banking_account AS account ON account.id = banking_transaction.account_id
WHERE banking_transaction.id = ANY (ARRAY(
    SELECT id FROM banking_transaction
    WHERE owner_id = %(owner)s AND removed_at IS NULL AND NOT hidden
    ORDER BY day DESC, id DESC LIMIT %(most)s))
ORDER BY day DESC, banking_transaction.id DESC
"""  # noqa: S608  (built from constants)


class Row(NamedTuple):
    """One line of a list. ``category`` is the person's own word where they gave one.

    ``counts`` says whether it is income or spending, and not only a transfer.
    """

    id: UUID
    day: date
    label: str
    category: str
    amount: Decimal
    currency: str
    pending: bool
    account: str
    counts: bool = True


def read(rows: QuerySet[Transaction], *, owner_id: UUID) -> list[Row]:
    """Read an owner's rows in the order that they were asked for in; one query."""
    return [row(*values) for values in rows.values_list(*COLUMNS, *ACCOUNT, counted(owner_id))]


def latest(*, owner_id: UUID, most: int) -> list[Row]:
    """Read an owner's newest rows; one query."""
    with connection.cursor() as cursor:
        cursor.execute(LATEST, {"owner": owner_id, "most": most})
        return [row(*values) for values in cursor.fetchall()]


def row(
    id: UUID,
    day: date,
    merchant_name: str,
    name: str,
    category: str,
    user_category: str,
    amount: Decimal,
    currency: str,
    pending: bool,
    account: str,
    mask: str,
    counts: bool,
) -> Row:
    """Put one row's columns into words, as the model's own properties do."""
    return Row(
        id,
        day,
        merchant_name or name or "Unknown",
        user_category or category,
        amount,
        currency,
        pending,
        f"{account} ••{mask}" if mask else account,
        counts,
    )
