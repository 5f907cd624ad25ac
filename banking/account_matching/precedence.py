"""Which of several matching accounts takes precedence."""

from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from banking.models import VISIBLE_CONNECTIONS, Account, Connection, Item

# Two regular syncs. An Item that failed to sync for this long loses precedence to one that synced.
LATE: Final = timedelta(hours=12)


def rank(account: Account) -> tuple[Any, ...]:
    """Sort key: first accounts that are synced now, then those that may be synced again, then kept history."""
    is_synced, *recent = recency(account)
    is_open = account.closed_at is None and account.item.connection in VISIBLE_CONNECTIONS
    return (is_synced, is_open, *recent)


def recency(account: Account) -> tuple[Any, ...]:
    """Sort key for transactions: the account that is synced now comes first, then the one that was synced last.

    That need not be the account with the highest ``rank``: kept history may be newer than a connection without access.
    """
    item, is_synced = account.item, account.closed_at is None and is_synced_well(account.item)
    known_at = item.connected_at if is_synced else account.balance_as_of or item.connected_at
    return is_synced, known_at, item.connected_at, account.pk


def is_synced_well(item: Item) -> bool:
    """Whether the Item's connection is active and its last good sync is recent."""
    is_late = item.checked_at is None or timezone.now() - item.checked_at >= LATE
    return item.connection == Connection.ACTIVE and not is_late
