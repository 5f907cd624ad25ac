"""The withdrawal of the consent to retrieve bank data: it disconnects all banks at once."""

from typing import NamedTuple

from accounts.models import User
from banking.linking.disconnecting import delete_former_history, disconnect_in_transaction, lock_connected_items
from banking.models import VISIBLE_CONNECTIONS, Account, Item, PendingRemoval
from banking.retention.stored_history import StoredHistory, count_history
from compliance.consent import Purpose, withdraw
from compliance.isolation import tenant
from compliance.personal_data.account_lock import lock_account


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
            lock_account(user.pk)
        withdraw(user=user, purpose=Purpose.BANK_DATA)
        removals = [
            disconnect_in_transaction(user=user, item_id=item_id, keep_history=keep_history)
            for item_id in lock_connected_items(user=user)
        ]
        pending = [removal for removal in removals if removal is not None]
        if not keep_history:
            # Queried last: another request may have disconnected a bank meanwhile, and kept its history.
            former = Item.objects.for_user(user).exclude(connection__in=VISIBLE_CONNECTIONS)
            former = former.exclude(pk__in=[removal.item_id for removal in pending])
            pending += delete_former_history(owner_id=user.pk, items=list(former))
        return pending


def count_bank_data(user: User) -> BankData:
    """Count a user's connections, and what is stored of all banks, also of former ones."""
    with tenant(user.pk):
        connections = Item.objects.for_user(user).visible().count()
        return BankData(connections, count_history(owner_id=user.pk, accounts=Account.objects.for_user(user)))
