"""Transactions as lists show them: plain values, read without making models, which costs half the time."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery

from banking.models import Account, Transaction

COLUMNS = ("id", "day", "merchant_name", "name", "category", "user_category", "amount", "currency", "pending")
# Looked up row by row, because a join misleads PostgreSQL: it guesses that few rows belong to a person's accounts,
# and sorts all of them for one page instead of walking down the newest ones.
ITS_ACCOUNT = Account.objects.filter(pk=OuterRef("account"))
ACCOUNT = (Subquery(ITS_ACCOUNT.values("name")), Subquery(ITS_ACCOUNT.values("mask")))

# The newest rows of everything, as the overview shows them on every visit: to have Django write these words costs
# ten times what PostgreSQL takes to answer them.
LATEST = """
SELECT moved.id, day, merchant_name, moved.name, category, user_category, amount, moved.currency, pending,
    account.name, account.mask
FROM banking_transaction AS moved JOIN banking_account AS account ON account.id = moved.account_id
WHERE moved.id = ANY (ARRAY(
    SELECT id FROM banking_transaction
    WHERE owner_id = %(owner)s AND removed_at IS NULL AND NOT hidden
    ORDER BY day DESC, id DESC LIMIT %(most)s))
ORDER BY day DESC, moved.id DESC
"""


class Row(NamedTuple):
    """One line of a list. ``category`` is the person's own word where they gave one."""

    id: UUID
    day: date
    label: str
    category: str
    amount: Decimal
    currency: str
    pending: bool
    account: str


def read(rows: QuerySet[Transaction]) -> list[Row]:
    """Read rows in the order that they were asked for in; one query."""
    return [row(*values) for values in rows.values_list(*COLUMNS, *ACCOUNT)]


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
    )
