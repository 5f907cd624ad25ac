"""Finish the removal of one account, which a request left to a worker."""

import logging
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import connection
from django.utils import timezone

from banking.account_matching import locks
from banking.account_settings.removing import close_accounts, delete_alerts_of, finish_removal, list_real_account
from banking.models import AccountRemoval, Transaction
from banking.splits.deletion import delete_with_parts
from compliance.backoff import exponential_delay
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

FIRST_RETRY_DELAY: Final = timedelta(seconds=30)
MAX_RETRY_DELAY: Final = timedelta(hours=6)
MAX_ATTEMPT_COUNT: Final = 1000
BATCH_ROWS: Final = 20_000


def list_due_account_removals(*, limit: int) -> list[tuple[UUID, UUID]]:
    """Up to ``limit`` removals of accounts (owner, removal) that are due."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT owner_id, removal_id FROM banking_due_account_removals(%s)", [limit])
        return [(owner_id, removal_id) for owner_id, removal_id in cursor.fetchall()]


def finish_account_removal(*, owner_id: UUID, removal_id: UUID) -> None:
    """Close a removed account, delete its history if the user chose that, and delete the removal.

    A duplicate job does nothing. Waits for a sync that stores rows of the account's owner. May be repeated after each
    step.
    """
    removal = claim_removal(owner_id=owner_id, removal_id=removal_id)
    if removal is None:
        return
    keeps_history = removal.history == AccountRemoval.History.KEEP
    close_locked(removal)
    while not keeps_history and delete_batch(removal):
        pass
    with tenant(owner_id):
        locks.lock_accounts(owner_id=owner_id)
        if not is_current(removal):
            return
        accounts = list_real_account(removal.account)
        finish_removal(accounts, keep_history=keeps_history)
    if not keeps_history:
        # In a transaction of its own: it locks the user's row, which comes before the lock above.
        delete_alerts_of(accounts)
    with tenant(owner_id):
        AccountRemoval.objects.filter(pk=removal.pk, history=removal.history).delete()


def claim_removal(*, owner_id: UUID, removal_id: UUID) -> AccountRemoval | None:
    """Claim a removal that is due, and schedule the next attempt, in case this one fails."""
    now = timezone.now()
    with tenant(owner_id):
        due = AccountRemoval.objects.select_related("account").select_for_update(of=["self"])
        removal = due.filter(pk=removal_id, next_attempt_at__lte=now).first()
        if removal is not None:
            delay = exponential_delay(FIRST_RETRY_DELAY, removal.attempts, maximum=MAX_RETRY_DELAY)
            removal.next_attempt_at = now + delay
            removal.attempts = min(removal.attempts + 1, MAX_ATTEMPT_COUNT)
            removal.save(update_fields=["next_attempt_at", "attempts"])
        return removal


def is_current(removal: AccountRemoval) -> bool:
    """Whether the user has neither added the account again nor made another choice. Needs the lock of the accounts."""
    return AccountRemoval.objects.filter(pk=removal.pk, history=removal.history).exists()


def close_locked(removal: AccountRemoval) -> None:
    """Mark the account as removed, with its former accounts, unless the request did."""
    with tenant(removal.owner_id):
        locks.lock_accounts(owner_id=removal.owner_id)
        # Otherwise the account may have been deleted with its bank.
        accounts = list_real_account(removal.account) if is_current(removal) else []
        if any(account.user_removed_at is None for account in accounts):
            close_accounts(accounts)


def delete_batch(removal: AccountRemoval) -> int:
    """Delete some of the account's transactions, while the user still wants that; returns how many, 0 at the end.

    One statement for all of a long history could take longer than a job's statements may.
    """
    with tenant(removal.owner_id):
        locks.lock_accounts(owner_id=removal.owner_id)
        if not is_current(removal):
            return 0
        rows = Transaction.objects.filter(account__in=list_real_account(removal.account))
        return delete_with_parts(rows, owner_id=removal.owner_id, limit=BATCH_ROWS)
