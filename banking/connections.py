"""A user's connections with their accounts. Every page about money starts with these two queries.

They are hand-written because Django takes longer to compose them than PostgreSQL to execute both.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Model

from accounts.models import User
from banking.models import VISIBLE_CONNECTIONS, Account, Item
from banking.models.accounts import display_name_in_sql
from compliance.isolation import tenant


def columns(model: type[Model]) -> str:
    """The columns of a model, by name: ``*`` would also read a column that a newer version has added."""
    return ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)


ITEMS = f"""
SELECT {columns(Item)} FROM banking_item
WHERE owner_id = %s AND connection = ANY (%s) ORDER BY connected_at, id
"""  # noqa: S608  (built from the model)
ACCOUNTS = f"""
SELECT {columns(Account)} FROM banking_account
WHERE owner_id = %s AND (closed_at IS NULL OR successor_id IS NOT NULL OR user_removed_at IS NOT NULL)
ORDER BY type, {display_name_in_sql("banking_account")}, id
"""  # noqa: S608


def list_connections(user: User) -> list[Item]:
    """A user's visible Items, oldest first, each with its ``open_accounts`` and ``removed_accounts``; two queries.

    The earlier accounts of the same real account are in its ``former_accounts``, and in no Item's ``open_accounts``.
    """
    items = {item.pk: item for item in Item.objects.raw(ITEMS, [user.pk, list(VISIBLE_CONNECTIONS)])}
    for item in items.values():
        item.open_accounts, item.removed_accounts, item.has_successors = [], [], False
    accounts = {account.pk: account for account in Account.objects.raw(ACCOUNTS, [user.pk])}
    for account in accounts.values():
        account.former_accounts = []
    for account in accounts.values():
        attach_account(account, items=items, accounts=accounts)
    return list(items.values())


def attach_account(account: Account, *, items: dict[UUID, Item], accounts: dict[UUID, Account]) -> None:
    """Add an account to its Item's open or removed accounts, or to the former accounts of its successor."""
    item = items.get(account.item_id)
    if account.successor_id in accounts:
        accounts[account.successor_id].former_accounts.append(account)
    if item is not None and account.successor_id is None:
        account.item = item
        (item.open_accounts if account.closed_at is None else item.removed_accounts).append(account)
    elif item is not None and account.user_removed_at is None:
        item.has_successors = True


def institution_name(*, user: User, item_id: UUID) -> str:
    """The name of an Item's bank. Raises ``Item.DoesNotExist`` for another user's Item."""
    with tenant(user.pk):
        return Item.objects.for_user(user).get(pk=item_id).institution_name


def find_bank_names(owner: UUID, item_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of banks by the ids of an owner's Items, also of disconnected ones, for the activity log."""
    known_ids = [item_id for item_id in item_ids if is_uuid(item_id)]
    items = Item.objects.filter(owner=owner, pk__in=known_ids).values_list("pk", "institution_name")
    return {str(pk): name for pk, name in items if name}


def find_account_names(owner: UUID, account_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of an owner's accounts by their ids, for the activity log."""
    known_ids = [account_id for account_id in account_ids if is_uuid(account_id)]
    return {str(account.pk): str(account) for account in Account.objects.filter(owner=owner, pk__in=known_ids)}


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID: events of other versions may have other ids."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True
