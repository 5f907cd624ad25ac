"""The rows of transaction lists: plain values, read without model instances, which halves the time."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import CharField, OuterRef, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from banking.models import Account, Transaction
from banking.models.accounts import HIDDEN_IN_SQL, display_name_in_sql, display_name_of
from banking.transactions.cash_flow import HAS_CASH_FLOW, IN_CASH_FLOW, is_in_cash_flow
from banking.transactions.transaction_tags import get_tag_names

COLUMNS = (
    *("id", "day", "user_merchant", "merchant_name", "name", "category", "user_category", "amount", "currency"),
    *("pending", "part_of"),
)
# A subquery for each row, because a join misleads the planner: it expects few rows for a user's accounts and sorts
# all of them for one page, instead of scanning the index of the newest ones.
ACCOUNT_OF_ROW = Account.objects.filter(pk=OuterRef("account"))
ACCOUNT_COLUMNS = (
    Subquery(ACCOUNT_OF_ROW.values(shown_name=display_name_of())),
    Subquery(ACCOUNT_OF_ROW.values("mask")),
)

TRANSFER_LEGS = """
SELECT money_out FROM banking_transfer WHERE money_out = banking_transaction.id
UNION ALL SELECT money_in FROM banking_transfer WHERE money_in = banking_transaction.id
"""

# The account of the other leg of a row's transfer. The sign of the amount says which column names the row.
TRANSFER_ACCOUNT = f"""
(SELECT CASE WHEN other_account.mask = '' THEN {display_name_in_sql("other_account")}
    ELSE {display_name_in_sql("other_account")} || ' ••' || other_account.mask END
FROM (
    SELECT money_in AS id FROM banking_transfer
    WHERE money_out = banking_transaction.id AND banking_transaction.amount < 0
    UNION ALL
    SELECT money_out FROM banking_transfer WHERE money_in = banking_transaction.id AND banking_transaction.amount > 0
) AS other
JOIN banking_transaction AS other_leg ON other_leg.id = other.id
JOIN banking_account AS other_account ON other_account.id = other_leg.account_id)
"""  # noqa: S608  (built from constants)

# The newest rows, shown on every visit of the overview. Hand-written: composing this query in Django takes ten times
# as long as PostgreSQL takes to execute it.
RECENT_TRANSACTIONS = f"""
SELECT banking_transaction.id, day, user_merchant, merchant_name, banking_transaction.name, category, user_category,
    amount, banking_transaction.currency, pending, part_of,
    {display_name_in_sql("account")}, account.mask,
    -- Whether the row counts in cash flow.
    {HAS_CASH_FLOW}
        AND {IN_CASH_FLOW.format(legs=TRANSFER_LEGS)},
    {TRANSFER_ACCOUNT}
FROM banking_transaction JOIN banking_account AS account ON account.id = banking_transaction.account_id
-- The ids come first, straight from the index (owner, day, id); the account is joined to these rows alone.
WHERE banking_transaction.id = ANY (ARRAY(
    SELECT id FROM banking_transaction
    WHERE owner_id = %(owner)s AND removed_at IS NULL AND NOT hidden
        AND account_id <> ALL (ARRAY(SELECT id FROM banking_account WHERE owner_id = %(owner)s AND {HIDDEN_IN_SQL}))
    ORDER BY day DESC, id DESC LIMIT %(limit)s))
ORDER BY day DESC, banking_transaction.id DESC
"""  # noqa: S608  (built from constants)


class TransactionListRow(NamedTuple):
    """One row of a list. ``category`` is the user's own category if they set one.

    ``amount`` is positive when money comes in; ``counts`` says whether it counts in cash flow. ``transfer_account`` is
    the account of the other leg of its transfer; empty if it is no leg. ``part_of`` is the transaction of which it is
    a part.
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
    transfer_account: str = ""
    tags: tuple[str, ...] = ()
    part_of: UUID | None = None


def read_rows(rows: QuerySet[Transaction], *, owner_id: UUID) -> list[TransactionListRow]:
    """Read an owner's rows in the order of the queryset; one query."""
    transfer_account = RawSQL(TRANSFER_ACCOUNT, [], output_field=CharField())  # noqa: S611
    columns = (*COLUMNS, *ACCOUNT_COLUMNS, is_in_cash_flow(owner_id), transfer_account)
    return [build_row(*values) for values in rows.values_list(*columns)]


def read_tagged_rows(rows: QuerySet[Transaction], *, owner_id: UUID) -> list[TransactionListRow]:
    """Rows of the list with their tags; two queries."""
    read = read_rows(rows, owner_id=owner_id)
    names = get_tag_names(owner_id=owner_id, row_ids=[row.id for row in read])
    return [row._replace(tags=tuple(names.get(row.id, ()))) for row in read]


def recent_transactions(*, owner_id: UUID, limit: int) -> list[TransactionListRow]:
    """Read an owner's newest rows; one query."""
    with connection.cursor() as cursor:
        cursor.execute(RECENT_TRANSACTIONS, {"owner": owner_id, "limit": limit})
        return [build_row(*values) for values in cursor.fetchall()]


def build_row(
    id: UUID,
    day: date,
    user_merchant: str,
    merchant_name: str,
    name: str,
    category: str,
    user_category: str,
    amount: Decimal,
    currency: str,
    pending: bool,
    part_of: UUID | None,
    account: str,
    mask: str,
    counts: bool,
    transfer_account: str | None,
) -> TransactionListRow:
    """Build a row from its columns, by the same rules as the model's properties."""
    return TransactionListRow(
        id,
        day,
        user_merchant or merchant_name or name or _("Unknown"),
        user_category or category,
        amount,
        currency,
        pending,
        f"{account} ••{mask}" if mask else account,
        counts,
        transfer_account or "",
        part_of=part_of,
    )
