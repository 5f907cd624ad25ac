"""When the access to a bank ends: as the provider's details say, or as it announced. The user is reminded before.

Until then the Item is active and is synced. When the access has ended, an error of the provider changes the connection.
https://plaid.com/docs/link/update-mode/
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.notifications.inbox import hide_notifications_about, notify
from accounts.notifications.notification_types import NotificationType
from accounts.users.processing import ProcessingStopped, hold_processing
from banking.models import Connection, ExpiryReason, Item
from banking.models.items import EXPIRY_NOTICE
from banking.notification_messages import ConnectionExpiringMessage
from banking.providers import all_providers
from compliance.isolation import tenant

# Days before the end at which the user is reminded, each once.
REMINDER_DAYS: Final = (1, 7)
EXPIRY_COLUMNS: Final = ("expires_at", "expiry_reason", "expiry_reminder")
# Ends that only a webhook reports, and no response of the provider.
ANNOUNCED: Final = (ExpiryReason.MIGRATION, ExpiryReason.BANK_ACCESS)
DUE_REMINDERS: Final = "SELECT owner_id, item_id FROM banking_due_expiry_reminders(%s, %s, %s, %s)"


def mark_expiring(*, owner_id: UUID, item_id: UUID, reason: ExpiryReason, expires_at: datetime | None = None) -> bool:
    """Record that the provider announced the end of the access, in a week if it does not say when.

    An announcement without a time does not move the end that an earlier one gave. ``False`` if there is no such Item,
    or it gives no access now.
    """
    with tenant(owner_id):
        rows = Item.objects.select_for_update(of=["self"], no_key=True)
        item = rows.filter(pk=item_id, connection=Connection.ACTIVE).first()
        if item is None:
            return False
        now = timezone.now()
        known = item.expires_at if item.expiry_reason == reason else None
        in_a_week = known if known is not None and known > now else now + EXPIRY_NOTICE
        set_expiry(item, expires_at=expires_at or in_a_week, reason=reason)
        item.save(update_fields=EXPIRY_COLUMNS)
        return True


def apply_consent_expiry(item: Item, *, consent_expires_at: datetime | None) -> None:
    """Set when the user's permission expires, or that it does not, as the details of an Item that was synced say.

    They do not say when a bank changes its systems: such an end stays until it has passed, or the user has reconnected.
    Hides the reminders of an end that no longer holds; for that, the transaction has to have locked the user's row.
    """
    was_reminded = item.expiry_reminder is not None
    ends = item.expires_at if item.expiry_reason in ANNOUNCED else None
    is_first = ends is not None and (consent_expires_at is None or consent_expires_at >= ends)
    if ends is not None and ends > timezone.now() and is_first:
        return
    set_expiry(item, expires_at=consent_expires_at, reason=ExpiryReason.CONSENT if consent_expires_at else "")
    if was_reminded and item.expiry_reminder is None:
        hide_notifications_about(user_id=item.owner_id, type=NotificationType.BANK_RECONNECT, subject_id=item.pk)


def clear_announced_end(*, owner_id: UUID, item_id: UUID) -> bool:
    """Clear an end that the provider announced, and its reminders, because the user has signed in at the bank since.

    The end of the user's permission stays: the Item's details say when that is. ``False`` if none was announced.
    """
    with tenant(owner_id):
        try:
            hold_processing(owner_id)
        except ProcessingStopped:
            return False
        rows = Item.objects.select_for_update(of=["self"], no_key=True)
        item = rows.filter(pk=item_id, expiry_reason__in=ANNOUNCED).first()
        if item is None:
            return False
        set_expiry(item, expires_at=None)
        item.save(update_fields=EXPIRY_COLUMNS)
        hide_notifications_about(user_id=owner_id, type=NotificationType.BANK_RECONNECT, subject_id=item.pk)
        return True


def set_expiry(item: Item, *, expires_at: datetime | None, reason: str = "") -> None:
    """Set when the access ends; ``None`` if nothing says that it does. An end that is far away is reminded of anew."""
    item.expires_at, item.expiry_reason = expires_at, reason
    if expires_at is None or expires_at - timezone.now() > EXPIRY_NOTICE:
        item.expiry_reminder = None


def list_due_reminders(*, limit: int) -> list[tuple[UUID, UUID]]:
    """Up to ``limit`` Items (owner, Item) of whose end the user has to be reminded now."""
    due: list[tuple[UUID, UUID]] = []
    with connection.cursor() as cursor:
        for provider in all_providers():
            now, most = timezone.now(), limit - len(due)
            cursor.execute(DUE_REMINDERS, [provider.key, provider.environment, now, most])
            due += [(owner_id, item_id) for owner_id, item_id in cursor.fetchall()]
    return due


def send_reminder(*, owner_id: UUID, item_id: UUID) -> bool:
    """Remind a user that the access to a bank ends, if that is due. A duplicate job does nothing."""
    with tenant(owner_id):
        try:
            hold_processing(owner_id)
        except ProcessingStopped:
            return False
        rows = Item.objects.in_current_environment().select_for_update(of=["self"], no_key=True)
        item = rows.filter(pk=item_id, connection=Connection.ACTIVE).first()
        days = None if item is None else find_due_reminder(item, at=timezone.now())
        if item is None or item.expires_at is None or days is None:
            return False
        item.expiry_reminder = days
        item.save(update_fields=["expiry_reminder"])
        return notify(
            user_id=owner_id,
            type=NotificationType.BANK_RECONNECT,
            message=ConnectionExpiringMessage(bank=item.institution_name, expires_at=item.expires_at),
            url=reverse("reconnect", args=[item.pk]),
            fingerprint=f"connection {item.pk} expires {item.expires_at:%Y-%m-%d}, reminder {days}",
            subject_id=item.pk,
        )


def find_due_reminder(item: Item, *, at: datetime) -> int | None:
    """The days of the reminder that is due and was not sent yet; ``None`` if there is none, or the end has passed."""
    if item.expires_at is None or item.expires_at <= at:
        return None
    due = next((days for days in REMINDER_DAYS if item.expires_at - at <= timedelta(days=days)), None)
    is_sent = due is not None and item.expiry_reminder is not None and item.expiry_reminder <= due
    return None if is_sent else due
