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
from accounts.notifications.notification_types import WORDS, Channel, Kind
from accounts.users.models import User
from compliance.isolation import tenant

SHOWN: Final = 25
IS_UNREAD: Final = ExpressionWrapper(Q(read_at=None), output_field=BooleanField())

# --- Telling ----------------------------------------------------------------------------------------------


def notify(*, person_id: UUID, kind: Kind, title: str, text: str = "", url: str = "", fingerprint: str) -> bool:
    """Tell a person something, in the caller's transaction; ``False`` when it was told before or is switched off.

    ``fingerprint`` names the thing itself: the same one is told once, whoever says it how often. ``url`` is a path
    of this site. Title and text may name figures and creditors: a mail repeats neither. Raises ``ValueError`` for
    an address elsewhere.
    """
    if url and not (url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)):
        raise ValueError("A notification leads to a page of this site.")
    with tenant(person_id):
        lock(person_id)
        settings = NotificationSettings.of(person_id)
        in_app, by_mail = (settings.is_on(kind, channel) for channel in Channel)
        _, is_new = Notification.objects.get_or_create(
            owner_id=person_id,
            fingerprint=sha256(fingerprint.encode()).hexdigest(),
            defaults={
                "kind": kind, "title": title, "text": text, "url": url, "in_app": in_app, "awaits_mail": by_mail,
            },
        )  # fmt: skip
        if is_new and by_mail:
            _want_mail(settings)
        if is_new and in_app:
            _count(person_id)
        return is_new and in_app


def _want_mail(settings: NotificationSettings) -> None:
    # A time that is set already is the same one, or that of a mail on its way, which must not be overtaken.
    if settings.mail_due_at is None:
        settings.mail_due_at = settings.next_mail(timezone.now())
        settings.save()


# --- Reading ----------------------------------------------------------------------------------------------


def listed(*, person_id: UUID, page: int) -> list[Notification]:
    """A page of what a person was told, the unread first, then the newest; one more than is shown, if there is more."""
    rows = Notification.objects.filter(owner=person_id, in_app=True).order_by(IS_UNREAD.desc(), "-id")
    return list(rows[page * SHOWN : (page + 1) * SHOWN + 1])


def mark_read(*, person_id: UUID, notification_id: UUID) -> Notification:
    """Take a notification as read. Raises ``Notification.DoesNotExist`` for one that is not this person's."""
    with tenant(person_id):
        lock(person_id)
        row = Notification.objects.filter(owner=person_id, in_app=True).get(pk=notification_id)
        if row.read_at is None:
            row.read_at = timezone.now()
            row.save(update_fields=["read_at"])
            _count(person_id)
        return row


def mark_all_read(*, person_id: UUID, until: datetime) -> int:
    """Take as read what a person was told up to the moment when their page was made; returns how many."""
    with tenant(person_id):
        lock(person_id)
        unread = Notification.objects.filter(owner=person_id, in_app=True, read_at=None, created_at__lte=until)
        done = unread.update(read_at=timezone.now())
        _count(person_id)
        return done


# --- Settings ---------------------------------------------------------------------------------------------


def change_settings(*, person_id: UUID, **wishes: Any) -> NotificationSettings:
    """Store how a person wants to be told. What waits to be mailed follows the new wishes."""
    with tenant(person_id):
        lock(person_id)
        settings = NotificationSettings.of(person_id)
        for name, value in wishes.items():
            setattr(settings, name, value)
        silent = [kind for kind in WORDS if not settings.is_on(kind, Channel.MAIL)]
        waiting = Notification.objects.filter(owner=person_id, awaits_mail=True)
        waiting.filter(kind__in=silent).update(awaits_mail=False)
        settings.mail_due_at = settings.next_mail(timezone.now()) if waiting.exists() else None
        settings.save()
        return settings


# --- Counting ---------------------------------------------------------------------------------------------


def lock(person_id: UUID) -> User:
    """Hold whatever else tells this person something, or reads it, until the transaction ends."""
    # Keyless, so that rows which point at the person can be written meanwhile, as by a sync.
    return User.objects.select_for_update(no_key=True).get(pk=person_id)


def _count(person_id: UUID) -> None:
    unread = Notification.objects.filter(owner=person_id, in_app=True, read_at=None).count()
    User.objects.filter(pk=person_id).update(unread=unread)
