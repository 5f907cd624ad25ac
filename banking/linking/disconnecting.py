"""Disconnect a bank: on this site at once, and at the provider through a pending removal; see ``removals``."""

import logging
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from accounts.notifications.inbox import delete_notifications_about
from accounts.notifications.notification_types import NotificationType
from banking.account_matching import bank_accounts, locks, succession
from banking.categorization.orphans import delete_orphaned_rows
from banking.credentials import CredentialUnreadable, TokenPurpose, open_token
from banking.models import (
    VISIBLE_CONNECTIONS,
    Account,
    Connection,
    Item,
    LinkSession,
    PendingRemoval,
    SyncRun,
    Transaction,
    UnstoredRow,
)
from banking.providers import in_current_environments
from banking.retention.stored_history import count_history
from banking.splits.settling import settle_splits
from banking.transactions.transfers import leave_accounts, update_transfers
from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.personal_data.account_lock import lock_account

logger = logging.getLogger(__name__)

# If a user has more transactions, a worker deletes those of a bank, and decides which of the others count then. With
# 20,000 a request took 0.4 seconds in a test on a busy computer. With 420,000 the DELETE took 7, and the UPDATE of
# those that count 4, and a statement of a web request is canceled after 2.5 (``compliance.timeouts``).
MAX_ROWS_IN_REQUEST: Final = 20_000


def disconnect_bank(*, user: User, item_id: UUID, keep_history: bool) -> PendingRemoval | None:
    """Disconnect a bank: no sync runs from now on, and its removal at the provider is pending until confirmed.

    Accounts and transactions are closed or deleted, as the user chose. If rows of this user are being stored, or there
    are many to delete, the request does not wait: the worker that executes the removal does the rest, as its
    ``history`` says. If the bank was disconnected before, only the choice changes, see ``change_history_choice``.
    Returns the removal if it was created or a worker has still to carry out the choice, else ``None``. Raises
    ``Item.DoesNotExist`` for another user's Item.
    """
    with tenant(user.pk):
        if not keep_history:
            lock_account(user.pk)
        return disconnect_in_transaction(user=user, item_id=item_id, keep_history=keep_history)


def disconnect_in_transaction(*, user: User, item_id: UUID, keep_history: bool) -> PendingRemoval | None:
    """``disconnect_bank`` in the open transaction, which has locked the user's row first if it deletes the history."""
    items = Item.objects.for_user(user)
    item = items.get(pk=item_id)
    # No worker of this site would finish the removal of an Item of another environment, so this waits for its row.
    # ``no_key`` lets others schedule the removal of the Item meanwhile.
    rows = items.select_for_update(of=["self"], no_key=True, skip_locked=not item.is_in_other_environment)
    locked = rows.filter(pk=item_id).first()
    if locked is not None:
        return disconnect_locked_item(item=locked, actor=user, keep_history=keep_history)
    return defer_disconnect(item=item, actor=user, keep_history=keep_history)


def lock_connected_items(*, user: User) -> list[UUID]:
    """List a user's connected Items, to disconnect all of them in the open transaction.

    Those for whose rows a disconnect waits are locked here, in one order: whoever holds such a row may be waiting for
    the lock of the accounts, which the disconnect of the first Item takes.
    """
    items = Item.objects.for_user(user).visible().order_by("pk")
    for _ in items.exclude(in_current_environments()).select_for_update(of=["self"]):
        pass
    return list(items.values_list("pk", flat=True))


def disconnect_by_system(*, user: User, item_id: UUID) -> PendingRemoval | None:
    """Disconnect a bank as a consequence of something else, in the open transaction.

    Its history is kept, unless the user has asked to delete it and a worker has still to do that.
    """
    is_to_be_deleted = PendingRemoval.objects.filter(item=item_id, history=PendingRemoval.History.DELETE).exists()
    return disconnect_in_transaction(user=user, item_id=item_id, keep_history=not is_to_be_deleted)


def defer_disconnect(*, item: Item, actor: User, keep_history: bool) -> PendingRemoval | None:
    """Schedule the disconnect of an Item whose row another transaction holds, most likely to store a sync."""
    if item.connection not in VISIBLE_CONNECTIONS:
        return change_history_choice(item=item, keep_history=keep_history)
    if not can_be_forgotten(item):
        create_pending_removal(item, actor=actor)
    removal = leave_to_worker(item=item, keep_history=keep_history)
    record(Action.DISCONNECT, actor=actor, subject=item.owner_id, resource="item", resource_id=str(item.pk))
    return removal


def disconnect_locked_item(*, item: Item, actor: User | None, keep_history: bool) -> PendingRemoval | None:
    """Disconnect a locked Item in the open transaction; returns the pending removal, or ``None`` if there is none."""
    if item.connection not in VISIBLE_CONNECTIONS:
        return change_history_choice(item=item, keep_history=keep_history)
    if item.access_token is None:
        # Its token may have moved to a removal when the access was withdrawn, and the provider has not confirmed it.
        removal = PendingRemoval.objects.filter(item=item, access_token__isnull=False).first()
    else:
        removal = None if can_be_forgotten(item) else create_pending_removal(item, actor=actor)
    close_item(item=item, removal=removal)
    if is_left_to_worker(item=item, removal=removal, keep_history=keep_history):
        removal = leave_to_worker(item=item, keep_history=keep_history)
    else:
        close_or_delete_accounts(item=item, keep=keep_history)
        if removal is not None:
            # An earlier choice is obsolete: only the last one counts.
            set_history(removal, history="")
    record(Action.DISCONNECT, actor=actor, subject=item.owner_id, resource="item", resource_id=str(item.pk))
    return removal


def is_left_to_worker(*, item: Item, removal: PendingRemoval | None, keep_history: bool) -> bool:
    """Whether a worker closes or deletes the accounts, because that takes long or has to wait.

    No worker of this site would do it for an Item of another environment.
    """
    if item.is_in_other_environment:
        return False
    if has_long_history(owner_id=item.owner_id) and not (keep_history and has_only_connection(item)):
        return True
    return removal is not None and not locks.try_to_lock_accounts(owner_id=item.owner_id)


def has_long_history(*, owner_id: UUID) -> bool:
    """Whether a user has more transactions than a web request has time to delete or to compare."""
    transactions = Transaction.objects.filter(owner=owner_id)
    return transactions[: MAX_ROWS_IN_REQUEST + 1].count() > MAX_ROWS_IN_REQUEST


def has_only_connection(item: Item) -> bool:
    """Whether no accounts of the Item's bank are known through another Item; then its own count as before."""
    return all(account.item_id == item.pk for account in bank_accounts.accounts_at_bank(item))


def leave_to_worker(*, item: Item, keep_history: bool) -> PendingRemoval:
    """Let a worker close or delete an Item's accounts. Without a removal at the provider, it does only that."""
    # Locked, because a worker may be ending the removal; then this creates another one.
    removals = PendingRemoval.objects.select_for_update(of=["self"])
    removal = removals.get_or_create(item=item, defaults={"owner_id": item.owner_id})[0]
    set_history(removal, history=history_choice(keep_history))
    return removal


def close_or_delete_accounts(*, item: Item, keep: bool) -> None:
    """``close_accounts``, with the alerts of what it deletes.

    To delete, the open transaction has to have locked the user's row before all other rows.
    """
    close_accounts(item=item, keep=keep)
    if not keep:
        delete_alerts(item)


def history_choice(keep_history: bool) -> str:
    """Return the choice as the pending removal stores it."""
    return PendingRemoval.History.KEEP if keep_history else PendingRemoval.History.DELETE


def change_history_choice(*, item: Item, keep_history: bool) -> PendingRemoval | None:
    """Change the choice for an Item that was disconnected before; returns its removal if a worker carries it out.

    If an earlier choice was carried out already, what was kept is deleted, and what was deleted stays deleted.
    """
    pending = PendingRemoval.objects.filter(item=item).exclude(history="")
    if pending.update(history=history_choice(keep_history)):
        return pending.get()
    removals = [] if keep_history else delete_former_history(owner_id=item.owner_id, items=[item])
    return removals[0] if removals else None


def close_item(*, item: Item, removal: PendingRemoval | None) -> None:
    """Remove the token from a locked Item, and the lease of the worker that syncs it, and end the run of that sync."""
    if removal is None or removal.access_token is not None:
        item.access_token = None
    item.connection = Connection.REMOVING if removal else Connection.REMOVED
    item.removed_at = None if removal else timezone.now()
    item.lease_holder = item.leased_until = None
    item.save()
    LinkSession.objects.filter(item=item).update(account_keys=[])
    UnstoredRow.objects.filter(item=item).delete()
    # No later sync would, if the worker has died or the provider refuses its next call.
    SyncRun.objects.filter(item=item, result=SyncRun.Result.RUNNING).update(
        result=SyncRun.Result.FAILED, error_code=SyncRun.DISCONNECTED, finished_at=timezone.now()
    )


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


def set_history(removal: PendingRemoval, *, history: str) -> None:
    """Store what the worker of a removal still has to do with the accounts and transactions."""
    if removal.history != history:
        removal.history = history
        removal.save(update_fields=["history"])


def disconnect_redundant_items(*, owner_id: UUID, item_ids: Sequence[UUID]) -> None:
    """Disconnect Items that another connection has replaced, and keep their history, in the open transaction.

    A locked Item is skipped; the next sync finds it again.
    """
    # A removal without a choice about the history is that of an access that the user withdrew elsewhere.
    is_connected = Q(removal=None) | Q(removal__history="")
    redundant = Item.objects.filter(is_connected, owner=owner_id, pk__in=item_ids, connection=Connection.REVOKED)
    for item in redundant.select_for_update(of=["self"], skip_locked=True):
        disconnect_locked_item(item=item, actor=None, keep_history=True)


def can_be_forgotten(item: Item) -> bool:
    """Whether an Item needs no call to the provider.

    That is so if it is of another environment and not billed there, and if it was restored from an export: this site
    never had its token. The removal of a billed Item stays pending until the site uses its environment again.
    """
    return item.access_token is None or (item.is_in_other_environment and not item.is_billed)


def create_pending_removal(item: Item, *, actor: User | None) -> PendingRemoval:
    """Schedule the removal of an Item at the provider, in the open transaction.

    The token moves to the removal. A token that cannot be decrypted cannot be sealed for another row, and stays.
    """
    token: str | None
    try:
        token = open_token(item, purpose=TokenPurpose.DISCONNECT, actor=actor)
    except CredentialUnreadable:
        token = None
    defaults = {"owner_id": item.owner_id, "access_token": token}
    return PendingRemoval.objects.get_or_create(item=item, defaults=defaults)[0]


def move_token_to_removal(item: Item) -> None:
    """Schedule the removal of a locked Item to which the user withdrew the access elsewhere. The caller saves the Item.

    The user still sees it, with its history, until they connect the bank again or disconnect it.
    """
    if item.access_token is not None and create_pending_removal(item, actor=None).access_token is not None:
        item.access_token = None


def disconnect_summary(*, user: User, item_id: UUID) -> dict[str, object]:
    """Return the connection to disconnect, and how much of its history is stored. Raises ``Item.DoesNotExist``."""
    with tenant(user.pk):
        item = Item.objects.for_user(user).visible().get(pk=item_id)
        accounts = Account.objects.filter(item=item)
        return {"item": item, "history": count_history(owner_id=user.pk, accounts=accounts)}


def delete_alerts(item: Item) -> None:
    """Delete the notifications of large transactions of an Item: they name who was paid, and how much.

    This locks the user's row, which comes before all other locks.
    """
    delete_notifications_about(user_id=item.owner_id, type=NotificationType.BANK_LARGE_CHANGE, subject_id=item.pk)


def move_to_other_connections(*, item: Item) -> None:
    """Before an Item's rows are deleted, let its decisions and parts be those of the equal rows of other connections.

    The open transaction holds the lock of the accounts.
    """
    leaving = list(Account.objects.filter(item=item).values_list("pk", flat=True))
    leave_accounts(owner_id=item.owner_id, accounts=leaving)
    settle_splits(owner_id=item.owner_id, leaving=leaving)


def close_accounts(*, item: Item, keep: bool) -> None:
    """Close the Item's accounts, and delete them with their transactions unless ``keep`` is set.

    If another bank of the same user is being stored at the same time, this waits for it.
    """
    locks.lock_accounts(owner_id=item.owner_id)
    accounts = Account.objects.filter(item=item)
    if keep:
        accounts.filter(closed_at=None).update(closed_at=timezone.now())
        is_changed = succession.update_succession(item=item).changed > 0
    else:
        # Queried first: the accounts that match them to the Item's bank may be deleted.
        remaining = [account for account in bank_accounts.accounts_at_bank(item) if account.item_id != item.pk]
        move_to_other_connections(item=item)
        # A list and no join, which would become a subquery that compares each row with each other one.
        Transaction.objects.filter(account__in=list(accounts)).delete()
        is_changed = accounts.delete()[0] > 0
        delete_orphaned_rows(owner_id=item.owner_id)
        # The history of the same accounts from an earlier connection counts again.
        succession.update_succession(item=item, remaining=remaining)
    # In any case: the user may have ended a deletion for which parts were moved.
    is_split_changed = settle_splits(owner_id=item.owner_id)
    if is_changed or is_split_changed:
        update_transfers(owner_id=item.owner_id)
