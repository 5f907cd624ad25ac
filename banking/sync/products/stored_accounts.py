"""The accounts of an Item to which the rows of a product belong."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from banking.models import Account, Item


class StoredAccounts(NamedTuple):
    """The accounts of which rows are stored, by the provider's id, and the ids of those that the person removed."""

    stored: Mapping[str, UUID]
    removed: frozenset[str]

    def knows(self, provider_id: str) -> bool:
        """Whether a row of this account is in order, even if it is not stored."""
        return provider_id in self.stored or provider_id in self.removed


def read_accounts(item: Item) -> StoredAccounts:
    """Read an Item's accounts in the open transaction, which holds the lock of the accounts; one query."""
    rows = list(Account.objects.filter(item=item).values_list("provider_id", "pk", "user_removed_at"))
    return StoredAccounts(
        stored={provider_id: pk for provider_id, pk, removed_at in rows if removed_at is None},
        removed=frozenset(provider_id for provider_id, _, removed_at in rows if removed_at is not None),
    )
