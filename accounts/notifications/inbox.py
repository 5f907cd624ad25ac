"""The inbox: stores each notification once, lists notifications and marks them as read.

Each function locks the user's row first and counts last, so ``User.unread`` is correct under concurrency, and pages
need no query for it.
"""

from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.notifications.messages import NotificationMessage, encode_values
from accounts.notifications.models import Notification, NotificationSettings
from accounts.notifications.notification_types import TEXTS, Channel, NotificationType
from accounts.users.models import User
from compliance.isolation import tenant
from compliance.personal_data.account_lock import lock_account
from compliance.vault import SealError, report_unreadable

PAGE_SIZE: Final = 25
IS_UNREAD: Final = ExpressionWrapper(Q(read_at=None), output_field=BooleanField())

# --- Notifying ------------------------------------------------------------------------------------------


def notify(
    *,
    user_id: UUID,
    type: NotificationType,
    message: NotificationMessage,
    url: str = "",
    fingerprint: str,
    subject_id: UUID | None = None,
    is_emailed: bool = False,
) -> bool:
    """Notify a user in the caller's transaction. ``False`` if that was done before or is disabled in the app.

    ``fingerprint`` identifies the event that the notification is about, so that it is stored only once. With
    ``subject_id`` it can be deleted together with what it is about. ``url`` is a path of this site. With ``is_emailed``
    a mail server has accepted an email about it already, so no digest is due. The message may contain amounts and
    creditors, because emails contain nothing of it. If it cannot be sealed, the notification is stored without its
    values. Raises ``ValueError`` for a ``url`` of another site, and ``User.DoesNotExist`` for an erased user.
    """
    _require_path(url)
    with tenant(user_id):
        if not lock_account(user_id):
            raise User.DoesNotExist
        settings = NotificationSettings.for_user(user_id)
        in_app, by_mail = (settings.is_enabled(type, channel) for channel in Channel)
        awaits_email = by_mail and not is_emailed
        is_new = _store_once(
            user_id,
            fingerprint,
            type=type,
            code=message.code,
            values=encode_values(message),
            url=url,
            subject_id=subject_id,
            in_app=in_app,
            email_pending=awaits_email,
            emailed_at=timezone.now() if is_emailed else None,
        )
        if is_new:
            _follow_notification(settings, in_app=in_app, awaits_email=awaits_email)
        return is_new and in_app


def _follow_notification(settings: NotificationSettings, *, in_app: bool, awaits_email: bool) -> None:
    """Schedule the email about a notification that was just stored, and count it as unread."""
    if awaits_email:
        _schedule_email(settings)
    if in_app:
        update_unread_count(settings.owner_id)


def _require_path(url: str) -> None:
    if url and not (url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)):
        raise ValueError("The URL of a notification has to be a path of this site.")


def _store_once(user_id: UUID, fingerprint: str, **columns: Any) -> bool:
    key = {"owner_id": user_id, "fingerprint": hash_fingerprint(fingerprint)}
    try:
        return Notification.objects.get_or_create(**key, defaults=columns)[1]
    except SealError as error:
        # The user's data key cannot be unwrapped. The caller's work and the notification must not be lost too.
        report_unreadable("accounts.notification.values", row="new", owner=user_id, error=error)
        return Notification.objects.get_or_create(**key, defaults=columns | {"values": None})[1]


def hash_fingerprint(fingerprint: str) -> str:
    """Return what is stored of a fingerprint, which may be of any length."""
    return sha256(fingerprint.encode()).hexdigest()


def _schedule_email(settings: NotificationSettings) -> None:
    # A time that is already set is the same, or belongs to a claimed digest, which must finish first.
    if settings.digest_due_at is None:
        settings.digest_due_at = settings.next_delivery(timezone.now())
        settings.save()


def reopen_notification(*, user_id: UUID, fingerprint: str, within: timedelta) -> bool:
    """Show a notification again whose event has occurred again. An email that was sent is not repeated ``within``.

    ``False`` if there is none, or its email is older: it is deleted, and ``notify`` may store the event anew.
    """
    with tenant(user_id):
        lock_account(user_id)
        row = Notification.objects.filter(owner=user_id, fingerprint=hash_fingerprint(fingerprint)).first()
        if row is None:
            return False
        if not row.email_pending and timezone.now() - (row.emailed_at or row.created_at) >= within:
            _delete(user_id, Notification.objects.filter(pk=row.pk))
            return False
        settings = NotificationSettings.for_user(user_id)
        row.read_at, row.in_app = None, settings.is_enabled(NotificationType(row.type), Channel.APP)
        row.email_pending = row.emailed_at is None and settings.is_enabled(NotificationType(row.type), Channel.MAIL)
        row.save(update_fields=["read_at", "in_app", "email_pending"])
        if row.email_pending:
            _schedule_email(settings)
        update_unread_count(user_id)
        return True


def hide_notifications_about(*, user_id: UUID, type: NotificationType, subject_id: UUID) -> int:
    """Hide a user's notifications of one type about one thing that is resolved, and send no email. Returns how many.

    They stay stored, so that ``reopen_notification`` knows which emails were sent.
    """
    with tenant(user_id):
        lock_account(user_id)
        rows = Notification.objects.filter(owner=user_id, type=type, subject_id=subject_id)
        count = rows.filter(Q(in_app=True) | Q(email_pending=True)).update(in_app=False, email_pending=False)
        if count:
            update_unread_count(user_id)
        return count


def schedule_pending_email(user_id: UUID) -> None:
    """Schedule the email that was held back while the account was deactivated or scheduled for deletion."""
    with tenant(user_id):
        lock_account(user_id)
        if Notification.objects.filter(owner=user_id, email_pending=True).exists():
            _schedule_email(NotificationSettings.for_user(user_id))


# --- Reading ----------------------------------------------------------------------------------------------


def list_notifications(*, user_id: UUID, page: int) -> list[Notification]:
    """List a page of notifications, unread first, then newest first; one more than ``PAGE_SIZE`` if there are more."""
    rows = Notification.objects.filter(owner=user_id, in_app=True).order_by(IS_UNREAD.desc(), "-id")
    return list(rows[page * PAGE_SIZE : (page + 1) * PAGE_SIZE + 1])


def mark_read(*, user_id: UUID, notification_id: UUID) -> Notification:
    """Mark a notification as read. Raises ``Notification.DoesNotExist`` for another user's."""
    with tenant(user_id):
        lock_account(user_id)
        row = Notification.objects.filter(owner=user_id, in_app=True).get(pk=notification_id)
        if row.read_at is None:
            row.read_at = timezone.now()
            row.save(update_fields=["read_at"])
            update_unread_count(user_id)
        return row


def mark_all_read(*, user_id: UUID, until: datetime) -> int:
    """Mark all notifications up to ``until`` as read, when the user's page was rendered. Returns how many."""
    with tenant(user_id):
        lock_account(user_id)
        unread = Notification.objects.filter(owner=user_id, in_app=True, read_at=None, created_at__lte=until)
        count = unread.update(read_at=timezone.now())
        update_unread_count(user_id)
        return count


# --- Deleting ---------------------------------------------------------------------------------------------


def delete_notifications(*, user_id: UUID, type: NotificationType, before: date) -> int:
    """Delete a user's notifications of one type from before a day, also ones not sent by email yet. Returns how many.

    This waits for notifications that are not committed yet.
    """
    with tenant(user_id):
        notifications = Notification.objects.filter(owner=user_id, type=type)
        if before != date.max:
            notifications = notifications.filter(created_at__date__lt=before)
        return _delete(user_id, notifications)


def delete_notifications_about(*, user_id: UUID, type: NotificationType, subject_id: UUID) -> int:
    """Delete a user's notifications of one type about one thing, as ``delete_notifications`` does. Returns how many."""
    with tenant(user_id):
        return _delete(user_id, Notification.objects.filter(owner=user_id, type=type, subject_id=subject_id))


def _delete(user_id: UUID, notifications: QuerySet[Notification]) -> int:
    # Before the first look, which would not see a notification that is being committed. An erased user has none.
    if not lock_account(user_id):
        return 0
    count = notifications.delete()[0]
    if count:
        update_unread_count(user_id)
    return count


# --- Settings ---------------------------------------------------------------------------------------------


def change_settings(*, user_id: UUID, **preferences: Any) -> NotificationSettings:
    """Store a user's notification settings. They apply to pending notifications of the next digest too."""
    with tenant(user_id):
        lock_account(user_id)
        settings = NotificationSettings.for_user(user_id)
        for name, value in preferences.items():
            setattr(settings, name, value)
        disabled = [
            notification_type for notification_type in TEXTS if not settings.is_enabled(notification_type, Channel.MAIL)
        ]
        pending = Notification.objects.filter(owner=user_id, email_pending=True)
        pending.filter(type__in=disabled).update(email_pending=False)
        settings.digest_due_at = settings.next_delivery(timezone.now()) if pending.exists() else None
        settings.save()
        return settings


# --- Counting ---------------------------------------------------------------------------------------------


def update_unread_count(user_id: UUID) -> None:
    """Count a user's unread notifications anew, in the transaction that changed them."""
    unread = Notification.objects.filter(owner=user_id, in_app=True, read_at=None).count()
    User.objects.filter(pk=user_id).update(unread=unread)
