"""Read an Item's state from the provider without a sync, also that of an Item which cannot be synced.

It takes the Item's lease, as a sync does. So neither overwrites what the other has read.
"""

import logging
from typing import Final
from uuid import UUID

from django.db.models.functions import Now

from banking.connection_status.events import resolve_access
from banking.credentials import CredentialUnreadable, TokenPurpose, open_token
from banking.models import Connection, Item
from banking.provider import ItemDetails, ProviderError
from banking.providers import provider_for
from banking.sync import item_state, notifications
from banking.sync.lease import Lease, LeaseLost, acquire_lease
from banking.sync.timeouts import QUICK_TIMEOUTS
from banking.webhooks.missed_webhooks import record_missed_webhook
from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.isolation.tenant import recheck_connection

logger = logging.getLogger(__name__)

# The provider may say that these work again, or no longer. The other states last until the user disconnects the bank.
REFRESHABLE: Final = (Connection.ACTIVE, Connection.LOGIN_REQUIRED, Connection.NEEDS_CONSENT)


class ItemBusy(Exception):
    """A worker holds the Item, and what it has read may be older than the request to read it."""


def refresh_item_details(*, owner_id: UUID, item_id: UUID) -> bool:
    """Read an Item's state and store it: an error ends the connection, and no error ends a required sign-in.

    Returns whether the connection works again. Raises ``ItemBusy``, and ``ProviderError`` if the state cannot be read.
    """
    with tenant(owner_id):
        acquired = acquire_lease(owner_id=owner_id, item_id=item_id, if_due=False, connections=REFRESHABLE)
        if acquired is None:
            return report_unavailable(item_id=item_id)
    lease, item = acquired
    try:
        details = read_details(item=item)
    except ProviderError as error:
        recheck_connection()
        if not item_state.loses_connection(error):
            lease.release()
            raise
        return store_details(lease=lease, before=item, error=error)
    recheck_connection()
    record_missed_webhook(item=item, details=details)
    return store_details(lease=lease, before=item, error=details.error, details=details)


def was_repaired_after_all(*, owner_id: UUID, item_id: UUID) -> bool:
    """Whether the user ended a required sign-in in a dialog that closed before it could say so.

    ``False`` also if that cannot be found out now: the daily check, or a webhook, finds out later.
    Source: https://github.com/plaid/deprecated-link/issues/305
    """
    try:
        return refresh_item_details(owner_id=owner_id, item_id=item_id)
    except (ItemBusy, CredentialUnreadable, ProviderError) as error:
        logger.warning("Item %s was not read after its dialog was closed: %r", item_id, error)
        return False


def report_unavailable(*, item_id: UUID) -> bool:
    """Raise ``ItemBusy`` for an Item that a worker holds; ``False`` for one that needs no refresh."""
    held = Item.objects.in_current_environment().filter(pk=item_id, connection__in=REFRESHABLE).first()
    if held is not None and held.is_syncing:
        raise ItemBusy
    return False


def read_details(*, item: Item) -> ItemDetails:
    """Read the Item at the provider, with no transaction open and well within the time of the lease."""
    with tenant(item.owner_id):
        token = open_token(item, purpose=TokenPurpose.CHECK)
    client = provider_for(item.provider).connect()
    return client.with_timeouts(response=QUICK_TIMEOUTS.response, total=QUICK_TIMEOUTS.total).get_item(token)


def store_details(
    *, lease: Lease, before: Item, error: ProviderError | None, details: ItemDetails | None = None
) -> bool:
    """Store the state and release the Item. Returns whether a required sign-in has ended.

    If the user has reconnected the bank meanwhile, the state may be older than that: then it is not stored.
    """
    is_lost = item_state.loses_connection(error)
    may_be_repaired = before.connection == Connection.LOGIN_REQUIRED and error is None
    try:
        with tenant(lease.owner_id):
            # Either change concerns the user's notifications.
            item = lease.lock_item(with_user=is_lost or may_be_repaired)
            connection_before = item.connection
            if connection_before == before.connection:
                apply_details(item=item, error=error, details=details)
            item.lease_holder = item.leased_until = None
            item.save()
            if item.connection != connection_before:
                record_change(item=item)
    except LeaseLost:
        return False
    if is_lost and item.connection != connection_before:
        item_state.update_matching_accounts(item=item)
    return item.connection == Connection.ACTIVE and before.connection != Connection.ACTIVE


def apply_details(*, item: Item, error: ProviderError | None, details: ItemDetails | None) -> None:
    """Copy the state to a locked Item. An error of the bank or of the provider does not concern the connection."""
    if details is not None:
        item_state.copy_item_details(item=item, details=details)
        if item.connection == Connection.LOGIN_REQUIRED and not details.error_code:
            item.connection, item.next_sync_at = Connection.ACTIVE, Now()
            item.failures, item.error_code, item.error_reason, item.fault = 0, "", "", ""
    item_state.apply_item_error(item=item, error=error)


def record_change(*, item: Item) -> None:
    """Notify the user of a lost connection, or hide that notification, in the transaction that stores the change."""
    owner, item_id = item.owner_id, str(item.pk)
    if item.connection == Connection.ACTIVE:
        resolve_access(owner_id=owner, item_id=item.pk)
        record(Action.TOKEN_REFRESH, actor=None, subject=owner, resource="item", resource_id=item_id)
        return
    notifications.notify_connection_lost(item=item)
    item_state.record_revoked(item=item)
    record(
        Action.SYNC,
        actor=None,
        subject=owner,
        resource="item",
        resource_id=item_id,
        outcome="failed",
        code=item.error_code,
    )
