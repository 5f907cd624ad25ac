"""Removals at the provider, which bills every Item until it is removed.

A removal is pending, and keeps the sealed token that it needs, until the provider confirms it. Those of Items that
exist at the provider only are in ``orphaned_removals``.
"""

import logging
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from banking.account_matching import locks
from banking.credentials import TokenPurpose, open_token
from banking.linking.disconnecting import (
    can_be_forgotten,
    close_accounts,
    close_item,
    delete_alerts,
    move_to_other_connections,
)
from banking.models import VISIBLE_CONNECTIONS, Account, Connection, Item, PendingRemoval, Transaction
from banking.provider import ItemNotFound, Priority, ProviderError
from banking.providers import in_current_environments, provider_for
from banking.splits.deletion import delete_with_parts
from compliance.audit import Action, record
from compliance.backoff import exponential_delay
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

# While the disconnect is not finished on this site, which the user sees.
UNFINISHED_RETRY_DELAY = timedelta(seconds=30)
FIRST_RETRY_DELAY = timedelta(minutes=10)
MAX_RETRY_DELAY = timedelta(hours=24)
MAX_ATTEMPT_COUNT = 1000

BATCH_ROWS = 20_000


def remove_at_provider(*, owner_id: UUID, removal_id: UUID) -> None:
    """Execute one pending removal, if it is due. A duplicate job does nothing.

    Raises ``ProviderError`` after recording it.
    """
    removal = claim_removal(owner_id=owner_id, removal_id=removal_id)
    if removal is None:
        return
    if removal.history and not finish_disconnect(removal=removal):
        return
    if removal.item.removed_at is not None:
        # The provider removed it before, or this site never had its token. Only its history was left.
        with tenant(owner_id):
            PendingRemoval.objects.filter(pk=removal.pk, history="").delete()
        return
    try:
        with tenant(owner_id):
            row = removal if removal.access_token is not None else removal.item
            token = open_token(row, purpose=TokenPurpose.REMOVE)
        client = provider_for(removal.item.provider).connect()
        client.for_item(key=str(removal.item_id), institution_id="", priority=Priority.ROUTINE).remove_item(token)
    except ItemNotFound:
        logger.info("Item %s was gone already", removal.item.provider_item_id)
    except ProviderError as error:
        with tenant(owner_id):
            PendingRemoval.objects.filter(pk=removal.pk).update(error_code=error.code[:100])
        raise
    confirm_removal(removal=removal)


def finish_disconnect(*, removal: PendingRemoval) -> bool:
    """Finish a disconnect. Waits for a sync that stores rows of the Item's owner. May be repeated after each step.

    Returns whether it is finished: if the user made another choice meanwhile, the next attempt does the rest.
    """
    is_kept = removal.history == PendingRemoval.History.KEEP
    with tenant(removal.owner_id):
        item = Item.objects.select_for_update(of=["self"]).get(pk=removal.item_id)
        if item.connection in VISIBLE_CONNECTIONS:
            needs_call = removal.access_token is not None or not can_be_forgotten(item)
            close_item(item=item, removal=removal if needs_call else None)
    removal.item = item
    if not is_kept:
        delete_rows(removal=removal)
    with tenant(removal.owner_id):
        locks.lock_accounts(owner_id=removal.owner_id)
        if not is_current(removal):
            return False
        close_accounts(item=item, keep=is_kept)
        is_deleted = not Account.objects.filter(item=item).exists()
    if is_deleted:
        # In a transaction of its own: it locks the user's row, which comes before the locks above.
        delete_alerts(item)
    with tenant(removal.owner_id):
        return bool(PendingRemoval.objects.filter(pk=removal.pk, history=removal.history).update(history=""))


def is_current(removal: PendingRemoval) -> bool:
    """Whether the user has made no other choice. Needs the lock of the accounts."""
    return PendingRemoval.objects.filter(pk=removal.pk, history=removal.history).exists()


def delete_rows(*, removal: PendingRemoval) -> None:
    """Delete an Item's transactions, while the user still wants that, after other connections have what they need."""
    with tenant(removal.owner_id):
        locks.lock_accounts(owner_id=removal.owner_id)
        if not is_current(removal):
            return
        move_to_other_connections(item=removal.item)
    while delete_batch(removal=removal):
        pass


def delete_batch(*, removal: PendingRemoval) -> int:
    """Delete some of an Item's transactions, while the user still wants that, and return how many; 0 at the end.

    One statement for all of a long history could take longer than a job's statements may.
    """
    with tenant(removal.owner_id):
        locks.lock_accounts(owner_id=removal.owner_id)
        if not is_current(removal):
            return 0
        rows = Transaction.objects.filter(account__item=removal.item_id)
        return delete_with_parts(rows, owner_id=removal.owner_id, limit=BATCH_ROWS)


def claim_removal(*, owner_id: UUID, removal_id: UUID) -> PendingRemoval | None:
    """Claim a removal that is due, and schedule the next attempt, in case this one fails.

    A removal of another environment is not due until the site uses that environment again.
    """
    now = timezone.now()
    with tenant(owner_id):
        pending = PendingRemoval.objects.select_related("item").select_for_update(of=["self"])
        current = pending.filter(in_current_environments("item__"))
        removal = current.filter(pk=removal_id, next_attempt_at__lte=now).first()
        if removal is not None:
            removal.next_attempt_at = now + (
                UNFINISHED_RETRY_DELAY if removal.history else retry_delay(removal.attempts)
            )
            removal.attempts = min(removal.attempts + 1, MAX_ATTEMPT_COUNT)
            removal.save(update_fields=["next_attempt_at", "attempts"])
        return removal


def retry_delay(attempts: int) -> timedelta:
    """The delay before the next attempt: doubling, at most a day."""
    return exponential_delay(FIRST_RETRY_DELAY, attempts, maximum=MAX_RETRY_DELAY)


def confirm_removal(*, removal: PendingRemoval) -> None:
    """Delete the token after the provider has removed the Item, unless the user made another choice meanwhile.

    An Item whose access was withdrawn elsewhere stays visible until the user disconnects it.
    """
    with tenant(removal.owner_id):
        # First, as in an erasure, which waits for the removal of an Item that it has locked.
        item = Item.objects.select_for_update(of=["self"], no_key=True).filter(pk=removal.item_id).first()
        if item is None or not PendingRemoval.objects.filter(pk=removal.pk, history="").delete()[0]:
            return
        if item.connection not in VISIBLE_CONNECTIONS:
            item.connection = Connection.REMOVED
        item.removed_at, item.access_token = timezone.now(), None
        item.save(update_fields=["connection", "removed_at", "access_token"])
        record(
            Action.CREDENTIAL_DELETE,
            actor=None,
            subject=removal.owner_id,
            resource="item",
            resource_id=str(removal.item_id),
        )
