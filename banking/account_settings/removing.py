"""Remove one account of a bank while the others stay, and add it again.

The request closes the account. If the rows of its owner are being stored, or there are many, it leaves the work to
``removal_jobs``.
"""

from collections.abc import Collection
from uuid import UUID

from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from accounts.models import User
from banking.account_matching import locks, succession
from banking.categorization.orphans import delete_orphaned_rows
from banking.linking.disconnecting import delete_alerts, has_long_history
from banking.models import (
    Account,
    AccountRemoval,
    BalanceSnapshot,
    Item,
    Liability,
    RecurringStream,
    Transaction,
    TransactionTotal,
)
from banking.retention.stored_history import count_history
from banking.splits.settling import settle_splits
from banking.transactions.transfers import update_transfers
from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.personal_data.account_lock import lock_account


def remove_account(*, user: User, account_id: UUID, keep_history: bool) -> AccountRemoval | None:
    """Remove a real account with its former accounts: no sync stores anything of it until it is added again.

    Its history stays or is deleted, as the user chose. Returns what a worker has still to do, ``None`` if everything is
    done. Raises ``Account.DoesNotExist`` for another user's account, and for one that is represented by another.
    """
    with tenant(user.pk):
        if not keep_history:
            lock_account(user.pk)
        account = Account.objects.for_user(user).get(pk=account_id, successor=None)
        removal = None
        is_locked = locks.try_to_lock_accounts(owner_id=user.pk)
        accounts = list_real_account(account)
        if is_locked:
            close_accounts(accounts)
        if not is_locked or has_long_history(owner_id=user.pk):
            removal = leave_to_worker(account, accounts, keep_history=keep_history)
        else:
            finish_in_request(accounts, keep_history=keep_history)
        record(Action.ACCOUNT_REMOVED, actor=user, subject=user, resource="account", resource_id=str(account_id))
        return removal


def list_real_account(account: Account) -> list[Account]:
    """All accounts that are one real account now, each with its Item."""
    front = Coalesce("successor", "pk")
    accounts = Account.objects.filter(owner=account.owner_id).annotate(front=front)
    front_id = accounts.values("front").get(pk=account.pk)["front"]
    return list(accounts.filter(front=front_id).select_related("item").order_by("pk"))


def finish_in_request(accounts: Collection[Account], *, keep_history: bool) -> None:
    """Do all that a removal takes, in the open transaction, which has locked the user's row if it deletes something."""
    AccountRemoval.objects.filter(account__in=list(accounts)).delete()
    finish_removal(accounts, keep_history=keep_history)
    if not keep_history:
        delete_alerts_of(accounts)


def leave_to_worker(account: Account, accounts: Collection[Account], *, keep_history: bool) -> AccountRemoval:
    """Let a worker close an account, and delete its history. Of several requests, the last one counts.

    ``accounts`` are all that are one real account with it: an earlier request may have named another of them.
    """
    history = AccountRemoval.History.KEEP if keep_history else AccountRemoval.History.DELETE
    AccountRemoval.objects.filter(account__in=list(accounts)).exclude(account=account).delete()
    removals = AccountRemoval.objects.select_for_update(of=["self"])
    removal, is_new = removals.get_or_create(
        account=account, defaults={"owner_id": account.owner_id, "history": history}
    )
    if not is_new:
        removal.history = history
        removal.save(update_fields=["history"])
    return removal


def close_accounts(accounts: Collection[Account]) -> None:
    """Mark accounts as removed, in the open transaction, which holds the lock of the accounts."""
    now = timezone.now()
    for account in accounts:
        account.user_removed_at = account.edited_at = now
        account.closed_at = account.closed_at or now
        account.save(update_fields=["user_removed_at", "edited_at", "closed_at"])


def finish_removal(accounts: Collection[Account], *, keep_history: bool) -> None:
    """Delete what is stored of removed accounts unless it is kept, and update what follows from their rows."""
    if not keep_history:
        delete_history(accounts)
    owner_id = next(iter(accounts)).owner_id
    changed = sum(succession.update_succession(item=item).changed for item in {account.item for account in accounts})
    # Of an account of two connections, the rows of the other one may count now.
    is_split_changed = settle_splits(owner_id=owner_id)
    if changed or is_split_changed or not keep_history:
        update_transfers(owner_id=owner_id)


def delete_history(accounts: Collection[Account]) -> None:
    """Delete all that is stored of accounts. The accounts themselves stay, so that syncs recognize them."""
    for model in (Transaction, TransactionTotal, BalanceSnapshot, Liability, RecurringStream):
        model.objects.filter(account__in=list(accounts)).delete()
    for account in accounts:
        account.forget_balance()
        # If it is added again, everything of the period that is kept is downloaded.
        account.purged_before = account.purged_since = account.totals_until = None
        account.save(update_fields=[*Account.BALANCE_FIELDS, "purged_before", "purged_since", "totals_until"])
    delete_orphaned_rows(owner_id=next(iter(accounts)).owner_id)


def delete_alerts_of(accounts: Collection[Account]) -> None:
    """Delete the alerts about large transactions of the accounts' banks: one alert may be about several accounts.

    This locks the user's row, which comes before all other locks.
    """
    for item in {account.item for account in accounts}:
        delete_alerts(item)


def add_account_again(*, user: User, account_id: UUID) -> tuple[Account, list[Item]]:
    """Let the next sync download a removed account again, with all its transactions.

    Returns it with the Items to sync. What a worker had still to delete stays. Raises ``Account.DoesNotExist`` for
    another user's account, and for one that is not removed.
    """
    with tenant(user.pk):
        account = Account.objects.for_user(user).get(pk=account_id, successor=None)
        item_ids = {same.item_id for same in list_real_account(account)}
        # Rows of Items before the lock of the accounts, as a sync locks them.
        items = Item.objects.filter(owner=user.pk, pk__in=item_ids).visible()
        locked = list(items.select_for_update(of=["self"]).order_by("pk"))
        locks.lock_accounts(owner_id=user.pk)
        same = Account.objects.filter(pk__in=[row.pk for row in list_real_account(account)])
        AccountRemoval.objects.filter(account__in=same).delete()
        if not same.exclude(user_removed_at=None).update(user_removed_at=None, edited_at=timezone.now()):
            raise Account.DoesNotExist
        items.update(cursor="", next_sync_at=Now(), sync_requested_at=timezone.now())
        record(Action.ACCOUNT_ADDED_AGAIN, actor=user, subject=user, resource="account", resource_id=str(account_id))
        return account, locked


def removal_summary(*, user: User, account_id: UUID) -> dict[str, object]:
    """Return the account to remove, its Item, how much is stored, and whether it is the only one that is synced.

    Raises ``Account.DoesNotExist``.
    """
    with tenant(user.pk):
        accounts = Account.objects.for_user(user)
        account = accounts.select_related("item").get(pk=account_id, successor=None)
        same = accounts.filter(pk__in=[row.pk for row in list_real_account(account)])
        others = accounts.filter(item=account.item_id, closed_at=None).exclude(pk=account_id)
        # All of them are one account to the person.
        history = count_history(owner_id=user.pk, accounts=same)._replace(accounts=1)
        return {"account": account, "item": account.item, "history": history, "is_last": not others.exists()}
