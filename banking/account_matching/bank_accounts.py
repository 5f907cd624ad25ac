"""All accounts of one user at one bank, through any connection."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Exists, F, Q

from banking.account_matching.precedence import rank
from banking.models import Account, Item


def accounts_at_bank(item: Item) -> list[Account]:
    """The owner's accounts at the Item's bank, ordered by ``rank``; of an unnamed bank, the Item's own."""
    owned = Account.objects.filter(
        owner=item.owner_id, item__provider=item.provider, item__environment=item.environment
    )
    same_bank = Q(item__institution=item.institution_id) if item.institution_id else Q(item=item.pk)
    matched = owned.filter(~Q(successor__item__institution=F("item__institution")), successor__isnull=False)
    accounts = list(owned.filter(same_bank | Exists(matched)).select_related("item"))
    ids = ids_of_bank(item, accounts)
    return sorted((account for account in accounts if bank_id(account.item) in ids), key=rank, reverse=True)


def ids_of_bank(item: Item, accounts: Sequence[Account]) -> set[int | UUID]:
    """The ids of the Item's bank: its own, and those of banks of which an account was matched with one of its accounts.

    A bank that changes its systems may get another id, for each connection on another day.
    """
    bank_ids = {account.pk: bank_id(account.item) for account in accounts}
    pairs = [{bank_ids[a.pk], bank_ids[a.successor_id]} for a in accounts if a.successor_id in bank_ids]
    ids = {bank_id(item)}
    while new_ids := {matched_id for pair in pairs if pair & ids for matched_id in pair} - ids:
        ids |= new_ids
    return ids


def bank_id(item: Item) -> int | UUID:
    return item.institution_id or item.pk
