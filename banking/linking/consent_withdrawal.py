"""The withdrawal of the consent to retrieve bank data: it disconnects all banks at once."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from accounts.notifications.inbox import lock_user
from banking.account_matching import locks
from banking.linking.disconnecting import (
    close_or_delete_accounts,
    disconnect_in_transaction,
    has_long_history,
    leave_to_worker,
    lock_connected_items,
)
from banking.models import VISIBLE_CONNECTIONS, Account, Item, PendingRemoval
from banking.retention.stored_history import StoredHistory, count_history
from compliance.consent import Purpose, withdraw
from compliance.isolation import tenant


class BankData(NamedTuple):
    """How many banks a user has connected, and what is stored of these and of former ones."""

    connections: int
    history: StoredHistory


def withdraw_bank_data(*, user: User, keep_history: bool) -> list[PendingRemoval]:
    """Withdraw the consent and disconnect all banks, in one transaction. Returns the pending removals.

    Without ``keep_history`` the history of banks that were disconnected earlier is deleted, too. As for a single bank,
    the request does not wait for a sync that is being stored, nor until a long history is deleted; the workers of the
    removals do the rest. May be repeated.
    """
    with tenant(user.pk):
        if not keep_history:
            lock_user(user.pk)
        withdraw(user=user, purpose=Purpose.BANK_DATA)
        items = Item.objects.for_user(user)
        former = [] if keep_history else list(items.exclude(connection__in=VISIBLE_CONNECTIONS))
        removals = [
            disconnect_in_transaction(user=user, item_id=item_id, keep_history=keep_history)
            for item_id in lock_connected_items(user=user)
        ]
        return [removal for removal in [*removals, *delete_former_history(owner_id=user.pk, items=former)] if removal]


def delete_former_history(*, owner_id: UUID, items: Sequence[Item]) -> list[PendingRemoval]:
    """Delete what was kept of Items that were disconnected earlier. The open transaction has locked the user's row.

    If rows of this user are being stored, it is left to a worker, and so is a long history: returns what it has to do.
    No worker of this site would do it for an Item of another environment, so with one of those this waits.
    """
    with_accounts = set(Account.objects.filter(owner=owner_id).values_list("item_id", flat=True))
    items = [item for item in items if item.pk in with_accounts]
    if not items:
        return []
    has_to_wait = any(item.is_in_other_environment for item in items)
    is_busy = not has_to_wait and not locks.try_to_lock_accounts(owner_id=owner_id)
    is_left = is_busy or has_long_history(owner_id=owner_id)
    left = [item for item in items if is_left and not item.is_in_other_environment]
    for item in items:
        if item not in left:
            close_or_delete_accounts(item=item, keep=False)
    removals = [leave_to_worker(item=item, keep_history=False) for item in left]
    PendingRemoval.objects.filter(pk__in=[removal.pk for removal in removals]).update(next_attempt_at=timezone.now())
    return removals


def count_bank_data(user: User) -> BankData:
    """Count a user's connections, and what is stored of all banks, also of former ones."""
    with tenant(user.pk):
        connections = Item.objects.for_user(user).visible().count()
        return BankData(connections, count_history(owner_id=user.pk, accounts=Account.objects.for_user(user)))
