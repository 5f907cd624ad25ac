"""The bank of the tests that remove one account: its rows, its syncs, and what is left."""

from typing import Any

from accounts.models import User
from banking import connections
from banking.models import Account, Item, Transaction
from banking.sync import sync_item
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from compliance.isolation import tenant

ROWS = [
    transaction_row("coffee"),
    transaction_row("tea", "-3", account_id="acc-card"),
    transaction_row("pay-out", "-50", category="", name="PAYMENT", merchant_name="", payment_channel="other"),
    transaction_row(
        "pay-in", "50", account_id="acc-card", category="", name="PAYMENT", merchant_name="", payment_channel="other"
    ),
]


def sync_page(item: Item, provider: ScriptedProvider, **page: Any) -> None:
    """Sync an Item whose stream is one page."""
    provider.pages = [transactions_page(cursor=f"c{len(provider.cursors)}", **page)]
    assert sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="test").ran


def list_rows(user: User) -> set[str]:
    with tenant(user.pk):
        return set(Transaction.objects.for_user(user).filter(removed_at=None).values_list("provider_id", flat=True))


def list_shown(user: User) -> list[tuple[list[str], list[str]]]:
    """The names of the open and of the removed accounts of each bank."""
    with tenant(user.pk):
        return [
            ([account.name for account in item.open_accounts], [account.name for account in item.removed_accounts])
            for item in connections.list_connections(user)
        ]


def reload_account(account: Account) -> Account:
    with tenant(account.owner_id):
        account.refresh_from_db()
    return account
