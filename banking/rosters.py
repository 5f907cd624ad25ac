"""A person's connections and the accounts behind each, as every page about money begins with them.

The two questions are written out because Django takes longer to write them than PostgreSQL to answer both.
"""

from accounts.models import User
from banking.models import LIVING, Account, Item

ITEMS = "SELECT * FROM banking_item WHERE owner_id = %s AND connection = ANY (%s) ORDER BY connected_at, id"
ACCOUNTS = "SELECT * FROM banking_account WHERE owner_id = %s AND closed_at IS NULL ORDER BY type, name, id"


def connections(user: User) -> list[Item]:
    """A person's living Items, oldest first, each with its open accounts in ``roster``; two queries."""
    items = {item.pk: item for item in Item.objects.raw(ITEMS, [user.pk, list(LIVING)])}
    for item in items.values():
        item.roster = []
    for account in Account.objects.raw(ACCOUNTS, [user.pk]):
        if account.item_id in items:
            account.item = items[account.item_id]
            account.item.roster.append(account)
    return list(items.values())
