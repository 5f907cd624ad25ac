"""Which transactions count in cash flow: one SQL condition, for hand-written queries and for the ORM.

Not counted are transfers between a user's own accounts, payments of a card whose purchases count already, borrowed
money, everything on accounts that are neither a bank account nor a card, such as loans and investments, and everything
on accounts that the user leaves out of totals. Money that arrives on a card without a category or a merchant, under a
name that says payment, paid the card, also if the account that paid is not connected. The user's own category takes
precedence over the bank's category and over a transfer.
"""

from typing import Final
from uuid import UUID

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from banking.models.accounts import COUNTED_IN_SQL
from banking.transactions.categories import CARD_PAYMENT, LOAN_PROCEEDS, NO_CATEGORY, TRANSFERS
from banking.transactions.transfer_matching import IN_STORE, PAYMENT_WORDS

CASH_FLOW_ACCOUNT_TYPES: Final = ("depository", "credit")
EXCLUDED_CATEGORIES: Final = TRANSFERS | LOAN_PROCEEDS


def sql_literals(values: frozenset[str] | tuple[str, ...]) -> str:
    """Constants of this module as an SQL list. Never call it with values from a request or a provider."""
    return ", ".join(f"'{value}'" for value in sorted(values))


# The accounts whose rows can count, as a condition for a table of accounts. Purged rows are added to the totals of each
# account by its type alone: whether it counts may change later, and whoever reads the totals asks for it.
HAS_CASH_FLOW: Final = f"type IN ({sql_literals(CASH_FLOW_ACCOUNT_TYPES)}) AND {COUNTED_IN_SQL}"

# For a row of banking_transaction; callers also check its account by HAS_CASH_FLOW. ``{legs}`` is a query for the ids
# of transfer legs, as few as cover the rows: PostgreSQL hashes them once.
IN_CASH_FLOW: Final = f"""
CASE WHEN banking_transaction.user_category <> ''
    THEN banking_transaction.user_category NOT IN ({sql_literals(EXCLUDED_CATEGORIES)})
ELSE banking_transaction.category NOT IN ({sql_literals(EXCLUDED_CATEGORIES)})
    AND banking_transaction.category_detail <> '{CARD_PAYMENT}' AND banking_transaction.id NOT IN ({{legs}})
    -- A payment that arrives on a card; the cheapest comparisons first.
    AND NOT (banking_transaction.amount > 0 AND banking_transaction.category IN ({sql_literals(NO_CATEGORY)})
        AND banking_transaction.merchant_name = '' AND banking_transaction.payment_channel <> '{IN_STORE}'
        AND banking_transaction.account_id = ANY (ARRAY(SELECT id FROM banking_account WHERE type = 'credit'))
        AND banking_transaction.name ~* '{PAYMENT_WORDS}')
END
"""  # noqa: S608  (built from the constants above)
IN_CASH_FLOW_OF_OWNER: Final = f"""
(banking_transaction.account_id IN (
    SELECT id FROM banking_account WHERE owner_id = %s AND {HAS_CASH_FLOW})
AND {IN_CASH_FLOW.format(legs="SELECT unnest(ARRAY[money_out, money_in]) FROM banking_transfer WHERE owner_id = %s")})
"""  # noqa: S608  (built from the constants above)


def is_in_cash_flow(owner_id: UUID) -> RawSQL:
    """Whether one user's transaction counts in cash flow, as an expression for a queryset of transactions.

    Hand-written, because Django takes longer to compose it than PostgreSQL to execute it, on every page of the list.
    """
    return RawSQL(IN_CASH_FLOW_OF_OWNER, [owner_id, owner_id], output_field=BooleanField())  # noqa: S611
