"""Let a bank go: at once here, and at the provider for certain.

An Item that is forgotten here goes on being billed there, so its removal is owed, with the sealed token that
it takes, until the provider confirms it.
"""

import logging
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from banking.models import Account, Connection, Item, PendingRemoval, Transaction
from banking.plaid.client import connect
from banking.provider import ItemGone, ProviderError
from compliance.audit import Action, record
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

FIRST_RETRY = timedelta(minutes=10)
LONGEST_RETRY = timedelta(hours=24)


def unlink(*, user: User, item_id: UUID, keep_history: bool) -> PendingRemoval | None:
    """Disconnect a bank: no sync runs from now on, and its removal at the provider is owed until confirmed.

    Accounts and transactions stay, marked closed, or go, as the person chose. Returns what is owed, or nothing
    when it was done before. Raises ``Item.DoesNotExist`` for an Item that is not this person's.
    """
    with tenant(user.pk):
        item = Item.objects.for_user(user).select_for_update(of=["self"]).get(pk=item_id)
        if item.access_token is None:
            return None
        owed = PendingRemoval(owner=user, item=item, access_token=item.access_token)
        owed.save()
        item.access_token = None
        item.connection = Connection.REMOVING
        item.lease_holder = item.leased_until = None
        item.save()
        settle_history(item=item, keep=keep_history)
        record(Action.DISCONNECT, actor=user, subject=user, resource="item", resource_id=str(item.pk))
    return owed


def at_stake(*, user: User, item_id: UUID) -> dict[str, object]:
    """The connection that a person is asked about, and how much was read from it. Raises ``Item.DoesNotExist``."""
    with tenant(user.pk):
        item = Item.objects.for_user(user).living().get(pk=item_id)
        return {
            "item": item,
            "accounts": Account.objects.filter(item=item).count(),
            "transactions": Transaction.objects.filter(account__item=item, removed_at=None).count(),
        }


def settle_history(*, item: Item, keep: bool) -> None:
    """Close the Item's accounts, and delete what was read from them unless it is to be kept."""
    accounts = Account.objects.filter(item=item)
    if keep:
        accounts.filter(closed_at=None).update(closed_at=timezone.now())
    else:
        Transaction.objects.filter(account__item=item).delete()
        accounts.delete()


def remove_at_provider(*, owner_id: UUID, removal_id: UUID) -> None:
    """Pay one owed removal. Raises ``ProviderError`` after writing down when to try again."""
    with tenant(owner_id):
        owed = PendingRemoval.objects.select_related("item").filter(pk=removal_id).first()
        if owed is None:
            return
        token = owed.access_token.reveal()
    try:
        connect().remove(token)
    except ItemGone:
        logger.info("Item %s was gone already", owed.item.provider_item_id)
    except ProviderError as error:
        postpone(owed=owed, error=error)
        raise
    confirm(owed=owed)


def postpone(*, owed: PendingRemoval, error: ProviderError) -> None:
    """Try again later, each time after twice as long."""
    wait = min(FIRST_RETRY * 2**owed.attempts, LONGEST_RETRY)
    with tenant(owed.owner_id):
        PendingRemoval.objects.filter(pk=owed.pk).update(
            attempts=owed.attempts + 1, next_attempt_at=timezone.now() + wait, error_code=error.code[:100]
        )


def confirm(*, owed: PendingRemoval) -> None:
    """Destroy the token: the provider has ended the Item."""
    with tenant(owed.owner_id):
        owed.delete()
        Item.objects.filter(pk=owed.item_id).update(connection=Connection.REMOVED, removed_at=timezone.now())
        record(
            Action.CREDENTIAL_DELETE, actor=None, subject=owed.owner_id, resource="item", resource_id=str(owed.item_id)
        )
