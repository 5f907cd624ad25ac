"""A person's connections and the accounts behind each, as every page about money begins with them.

The two questions are written out because Django takes longer to write them than PostgreSQL to answer both.
"""

from uuid import UUID

from accounts.models import User
from banking.models import VISIBLE_CONNECTIONS, Account, Item

ITEMS = "SELECT * FROM banking_item WHERE owner_id = %s AND connection = ANY (%s) ORDER BY connected_at, id"
ACCOUNTS = """
SELECT * FROM banking_account
WHERE owner_id = %s AND (closed_at IS NULL OR successor_id IS NOT NULL) ORDER BY type, name, id
"""


def list_connections(user: User) -> list[Item]:
    """A person's living Items, oldest first, each with its open accounts in ``open_accounts``; two queries.

    What an account was read under before stands in its ``former_accounts``, and in no roster.
    """
    items = {item.pk: item for item in Item.objects.raw(ITEMS, [user.pk, list(VISIBLE_CONNECTIONS)])}
    for item in items.values():
        item.open_accounts, item.has_successors = [], False
    accounts = {account.pk: account for account in Account.objects.raw(ACCOUNTS, [user.pk])}
    for account in accounts.values():
        account.former_accounts = []
    for account in accounts.values():
        enter(account, items=items, accounts=accounts)
    return list(items.values())


def enter(account: Account, *, items: dict[UUID, Item], accounts: dict[UUID, Account]) -> None:
    """Put an account on its Item's roster, or beside the one that followed it."""
    item = items.get(account.item_id)
    if account.successor_id in accounts:
        accounts[account.successor_id].former_accounts.append(account)
    if item is not None and account.successor_id is None:
        account.item = item
        item.open_accounts.append(account)
    elif item is not None:
        item.has_successors = True
