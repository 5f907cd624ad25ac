"""What the deletion of a user's account means for their banks: each is disconnected, and removed at its provider."""

import logging
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.db.models import Q

from accounts.models import User
from banking.account_matching import locks
from banking.credentials import CredentialUnreadable, TokenPurpose, open_token
from banking.linking.disconnecting import disconnect_by_system, disconnect_locked_item, lock_connected_items
from banking.linking.recovery import PENDING_STATES
from banking.models import VISIBLE_CONNECTIONS, Item, LinkSession, OrphanedRemoval, PendingRemoval
from banking.providers import in_billed_environments, in_current_environments
from compliance.isolation import SYSTEM
from compliance.isolation.tenant import tenant_cursor
from compliance.personal_data.processors import ErasureDelayed
from compliance.vault.wrapping_keys import find_missing_keys_of

logger = logging.getLogger(__name__)

# Of a removal that only the provider's support can execute. An attempt is counted, so that operators see it.
LOST_TOKEN: Final[dict[str, object]] = {"access_token": None, "next_attempt_at": None, "attempts": 1}


def disconnect_all_banks(owner_id: UUID) -> None:
    """Disconnect all banks of a user in the open transaction.

    Their history stays until the user is erased, except what the user has asked to delete before.
    """
    user = User.objects.get(pk=owner_id)
    for item_id in lock_connected_items(user=user):
        disconnect_by_system(user=user, item_id=item_id)


def prepare_erasure(owner_id: UUID) -> Mapping[str, int]:
    """Wait for a sync that stores rows, and keep what the site needs to remove the user's Items at the providers.

    Raises ``ErasureDelayed`` while an Item may exist whose token has not arrived, and while a token cannot be read
    because FIELD_KEYS lacks a key.
    """
    if LinkSession.objects.filter(in_current_environments(), state__in=PENDING_STATES).exists():
        raise ErasureDelayed("A new bank connection is being recovered.")
    items = Item.objects.for_user(owner_id).select_for_update(of=["self"]).order_by("pk")
    for item in [item for item in items if item.connection in VISIBLE_CONNECTIONS]:
        disconnect_locked_item(item=item, actor=None, keep_history=True)
    locks.lock_accounts(owner_id=owner_id)
    # Of an Item that the provider has removed, at most the history was left to delete.
    removals = PendingRemoval.objects.for_user(owner_id).filter(item__removed_at=None).select_related("item")
    is_kept = [keep_removal(removal) for removal in removals]
    return {
        "connections_to_remove_at_provider": is_kept.count(True),
        "connections_we_could_not_remove": is_kept.count(False) + keep_lost_links(owner_id),
    }


def keep_removal(removal: PendingRemoval) -> bool:
    """Seal a pending removal's token for the site. ``False`` if the token is lost: then operators take over.

    Raises ``ErasureDelayed`` if it can be read again once a key is back.
    """
    row = removal if removal.access_token is not None else removal.item
    try:
        token = open_token(row, purpose=TokenPurpose.REMOVE)
    except CredentialUnreadable as error:
        if row.access_token is not None:
            wait_for_missing_keys(removal.owner_id)
        provider_item_id = removal.item.provider_item_id
        logger.critical("Item %s exists at the provider, and its token cannot be read", provider_item_id)
        # Its key is destroyed now, so no further attempt can succeed.
        keep_orphan(removal.item, provider_item_id=provider_item_id, error_code=error.code, **LOST_TOKEN)
        return False
    keep_orphan(removal.item, provider_item_id=removal.item.provider_item_id, access_token=token)
    return True


def wait_for_missing_keys(owner_id: UUID) -> None:
    """Tell operators which key a user's tokens need. Raises ``ErasureDelayed`` if FIELD_KEYS lacks one."""
    missing = ", ".join(find_missing_keys_of(owner_id))
    if missing:
        logger.error(
            "The erasure of user %s waits: FIELD_KEYS lacks %s. Put it back, after the first.", owner_id, missing
        )
        raise ErasureDelayed("A token cannot be read until FIELD_KEYS is complete.")


def keep_lost_links(owner_id: UUID) -> int:
    """Keep the ids of links whose access token never arrived: an Item may exist that nobody holds. Counts them."""
    sessions = LinkSession.objects.for_user(owner_id).filter(in_current_environments() | in_billed_environments())
    # The erasure waits for the pending ones of its environments. Those of another one are recovered by nobody.
    lost = sessions.filter(
        Q(state=LinkSession.State.LOST) | Q(state__in=PENDING_STATES, exchange_sent_at__isnull=False)
    )
    for session in lost:
        ids = {"link_session_id": session.link_session_id, "request_id": session.request_id}
        keep_orphan(session, error_code=session.error_code or LinkSession.EXCHANGE_LOST, **ids, **LOST_TOKEN)
    return len(lost)


def keep_orphan(row: Item | LinkSession, **fields: object) -> None:
    """Store for the site that an Item has to be removed."""
    with tenant_cursor(SYSTEM):
        OrphanedRemoval.objects.create(provider=row.provider, environment=row.environment, **fields)
