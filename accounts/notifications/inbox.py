"""Telling people something, once, and what they do with what they were told.

Each deed locks the person's row first and counts afterwards, so ``User.unread`` is right whatever runs at once, and
no page has to ask for it.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.notifications.models import Notification, NotificationSettings
from accounts.notifications.notification_types import TEXTS, Channel, NotificationType
from accounts.users.models import User
from compliance.isolation import tenant

PAGE_SIZE: Final = 25
IS_UNREAD: Final = ExpressionWrapper(Q(read_at=None), output_field=BooleanField())

# --- Telling ----------------------------------------------------------------------------------------------


def notify(
    *, user_id: UUID, type: NotificationType, title: str, text: str = "", url: str = "", fingerprint: str
) -> bool:
    """Tell a person something, in the caller's transaction; ``False`` when it was told before or is switched off.

    ``fingerprint`` names the thing itself: the same one is told once, whoever says it how often. ``url`` is a path
    of this site. Title and text may name figures and creditors: a mail repeats neither. Raises ``ValueError`` for
    an address elsewhere.
    """
    if url and not (url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)):
        raise ValueError("A notification leads to a page of this site.")
    with tenant(user_id):
        lock_user(user_id)
        settings = NotificationSettings.for_user(user_id)
        in_app, by_mail = (settings.is_enabled(type, channel) for channel in Channel)
        _, is_new = Notification.objects.get_or_create(
            owner_id=user_id,
            fingerprint=sha256(fingerprint.encode()).hexdigest(),
            defaults={
                "type": type, "title": title, "text": text, "url": url, "in_app": in_app, "email_pending": by_mail,
            },
        )  # fmt: skip
        if is_new and by_mail:
            _schedule_email(settings)
        if is_new and in_app:
            _update_unread_count(user_id)
        return is_new and in_app


def _schedule_email(settings: NotificationSettings) -> None:
    # A time that is set already is the same one, or that of a mail on its way, which must not be overtaken.
    if settings.digest_due_at is None:
        settings.digest_due_at = settings.next_delivery(timezone.now())
        settings.save()


# --- Reading ----------------------------------------------------------------------------------------------


def list_notifications(*, user_id: UUID, page: int) -> list[Notification]:
    """A page of what a person was told, the unread first, then the newest; one more than is shown, if there is more."""
    rows = Notification.objects.filter(owner=user_id, in_app=True).order_by(IS_UNREAD.desc(), "-id")
    return list(rows[page * PAGE_SIZE : (page + 1) * PAGE_SIZE + 1])


def mark_read(*, user_id: UUID, notification_id: UUID) -> Notification:
    """Take a notification as read. Raises ``Notification.DoesNotExist`` for one that is not this person's."""
    with tenant(user_id):
        lock_user(user_id)
        row = Notification.objects.filter(owner=user_id, in_app=True).get(pk=notification_id)
        if row.read_at is None:
            row.read_at = timezone.now()
            row.save(update_fields=["read_at"])
            _update_unread_count(user_id)
        return row


def mark_all_read(*, user_id: UUID, until: datetime) -> int:
    """Take as read what a person was told up to the moment when their page was made; returns how many."""
    with tenant(user_id):
        lock_user(user_id)
        unread = Notification.objects.filter(owner=user_id, in_app=True, read_at=None, created_at__lte=until)
        done = unread.update(read_at=timezone.now())
        _update_unread_count(user_id)
        return done


# --- Settings ---------------------------------------------------------------------------------------------


def change_settings(*, user_id: UUID, **preferences: Any) -> NotificationSettings:
    """Store how a person wants to be told. What waits to be email_line follows the new preferences."""
    with tenant(user_id):
        lock_user(user_id)
        settings = NotificationSettings.for_user(user_id)
        for name, value in preferences.items():
            setattr(settings, name, value)
        silent = [
            notification_type for notification_type in TEXTS if not settings.is_enabled(notification_type, Channel.MAIL)
        ]
        waiting = Notification.objects.filter(owner=user_id, email_pending=True)
        waiting.filter(type__in=silent).update(email_pending=False)
        settings.digest_due_at = settings.next_delivery(timezone.now()) if waiting.exists() else None
        settings.save()
        return settings


# --- Counting ---------------------------------------------------------------------------------------------


def lock_user(user_id: UUID) -> User:
    """Hold whatever else tells this person something, or reads it, until the transaction ends."""
    # Keyless, so that rows which point at the person can be written meanwhile, as by a sync.
    return User.objects.select_for_update(no_key=True).get(pk=user_id)


def _update_unread_count(user_id: UUID) -> None:
    unread = Notification.objects.filter(owner=user_id, in_app=True, read_at=None).count()
    User.objects.filter(pk=user_id).update(unread=unread)
