"""What the provider reports about an Item beside its data, by webhooks: new accounts, and revoked ones.

Each function accepts the same report again. A report that is older than a repair may set a state that no longer holds:
the sync that has to follow reads the Item's current state.
"""

from uuid import UUID

from django.utils import timezone

from accounts.notifications.inbox import hide_notifications_about
from accounts.notifications.notification_types import NotificationType
from banking.account_matching import locks, succession
from banking.connection_status import products
from banking.models import Account, Item
from banking.splits.settling import settle_splits
from banking.transactions.transfers import update_transfers
from compliance.audit import Action, record
from compliance.isolation import tenant


def mark_new_accounts(*, owner_id: UUID, item_id: UUID) -> bool:
    """Record that the bank has accounts that the user may want to add. ``False`` if there is no such Item."""
    with tenant(owner_id):
        return bool(Item.objects.visible().filter(pk=item_id).update(new_accounts_at=timezone.now()))


def mark_account_revoked(*, owner_id: UUID, item_id: UUID, account_id: str) -> bool:
    """Close an account, by the provider's id, that the user no longer shares. Its history stays.

    ``False`` if it is closed or unknown. The next sync reads which accounts are listed, also without changes of the
    stream: it opens this one again if the report is older than a new choice of the user's.
    """
    with tenant(owner_id):
        item = Item.objects.visible().select_for_update(of=["self"], no_key=True).filter(pk=item_id).first()
        if item is None:
            return False
        locks.lock_accounts(owner_id=owner_id)
        account = Account.objects.filter(item=item, provider_id=account_id, closed_at=None).first()
        if account is None:
            return False
        account.closed_at = timezone.now()
        account.save(update_fields=["closed_at"])
        item.read_at = None
        item.save(update_fields=["read_at"])
        if succession.update_succession(item=item).changed:
            settle_splits(owner_id=owner_id)
            update_transfers(owner_id=owner_id)
        record(Action.ACCESS_REVOKED, actor=None, subject=owner_id, resource="account", resource_id=str(account.pk))
        return True


def resolve_access(*, owner_id: UUID, item_id: UUID) -> None:
    """Hide the notifications that the bank needs the user, and check products again, after a bank was reconnected.

    This locks the user's row, which comes before all other locks.
    """
    hide_notifications_about(user_id=owner_id, type=NotificationType.BANK_RECONNECT, subject_id=item_id)
    products.request_recheck(item_id=item_id)
