"""Which transactions are income or spending: one condition in SQL, for queries that are written out and for the ORM.

Not counted are transfers between own accounts, payments of a card whose purchases count already, borrowed money, and
whatever moves on accounts that are neither money in a bank nor a card, such as loans and investments. A person's own
category goes before what the bank says and before a pair that was found.
"""

from typing import Final
from uuid import UUID

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from banking.transactions.categories import BORROWED, CARD_PAYMENT, TRANSFERS

COUNTED_TYPES: Final = ("depository", "credit")
UNCOUNTED: Final = TRANSFERS | BORROWED


def literals(words: frozenset[str] | tuple[str, ...]) -> str:
    """Our own constants as a list in SQL; nothing that anybody sent ever gets here."""
    return ", ".join(f"'{word}'" for word in sorted(words))


# Of a row of banking_transaction; its account's type is asked beside it. ``{legs}`` is a query for the ids of legs of
# transfers, as many as can be among the rows: PostgreSQL hashes them once.
COUNTED: Final = f"""
CASE WHEN banking_transaction.user_category <> '' THEN banking_transaction.user_category NOT IN ({literals(UNCOUNTED)})
ELSE banking_transaction.category NOT IN ({literals(UNCOUNTED)})
    AND banking_transaction.category_detail <> '{CARD_PAYMENT}' AND banking_transaction.id NOT IN ({{legs}})
END
"""
OF_OWNER: Final = f"""
(banking_transaction.account_id IN (
    SELECT id FROM banking_account WHERE owner_id = %s AND type IN ({literals(COUNTED_TYPES)}))
AND {COUNTED.format(legs="SELECT unnest(ARRAY[money_out, money_in]) FROM banking_transfer WHERE owner_id = %s")})
"""  # noqa: S608  (built from the constants above)


def counted(owner_id: UUID) -> RawSQL:
    """Whether one person's transaction counts, for a queryset of transactions.

    Written out, because Django takes longer to write it than PostgreSQL to answer it, on every page of the list.
    """
    return RawSQL(OF_OWNER, [owner_id, owner_id], output_field=BooleanField())  # noqa: S611
