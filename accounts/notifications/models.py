"""Notifications, and each user's settings for them. Only ``inbox`` and ``digest`` write rows."""

import logging
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.notifications.delivery_schedule import DeliverySchedule, Frequency
from accounts.notifications.messages import MessageText, NotificationMessage, UnknownMessage, decode_message
from accounts.notifications.notification_types import Channel, NotificationType, preference_key, type_label
from compliance.isolation.models import Owned
from compliance.vault import UNREADABLE, SealError
from compliance.vault.fields import SealedTextField

logger = logging.getLogger(__name__)

DEFAULT_LARGE_TRANSACTION: Final = Decimal(500)


class Notification(Owned):
    """One notification. ``fingerprint`` is a hash that identifies its event, so that each is stored once.

    A type that the user disabled in the app is stored too, but not listed (``in_app``): it may be due by email, and
    must not be sent again. ``email_pending`` stays true until a mail server has accepted an email about it.

    ``subject_id`` is the id of what it is about, such as a bank connection, if it has to be deleted with that.

    ``code`` names a message of ``notifications.messages``, and ``values`` are its values as JSON, sealed because they
    may be creditors and amounts; ``None`` if they could not be sealed.
    """

    type = models.CharField(max_length=30)
    code = models.CharField(max_length=40)
    values = SealedTextField(null=True)
    url = models.CharField(blank=True)
    fingerprint = models.CharField(max_length=64)
    subject_id = models.UUIDField(null=True)
    in_app = models.BooleanField()
    email_pending = models.BooleanField()
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)
    emailed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "fingerprint"], name="one_notification_per_thing")
        ]
        indexes: ClassVar = [
            models.Index(fields=["owner"], condition=Q(read_at=None, in_app=True), name="unread_notifications"),
            models.Index(fields=["owner"], condition=Q(email_pending=True), name="notifications_to_email"),
        ]

    @property
    def title(self) -> str:
        """The title of the message, in the active language."""
        return self._description.title

    @property
    def text(self) -> str:
        """The second line of the message; may be empty."""
        return self._description.text

    @property
    def message(self) -> NotificationMessage:
        """The stored message. Raises ``SealError``, and ``UnknownMessage`` if another version stored it."""
        if self.values is None:
            raise SealError("The values could not be sealed when they were sent.")
        return decode_message(self.code, self.values.reveal())

    @cached_property
    def _description(self) -> MessageText:
        # One row that cannot be decoded must not break the page for the others.
        try:
            return self.message.describe()
        except UnknownMessage:
            logger.error("Notification %s cannot be described: code %s", self.pk, self.code)
        except SealError:
            # The field has reported it already, or ``notify`` did when it could not seal the values.
            pass
        except Exception as error:
            # A message of any app can fail for unexpected values that are valid JSON, such as an unknown code.
            # Only the class of the error is logged: its text and traceback may contain the values.
            error_name = type(error).__name__
            logger.error("Notification %s cannot be described: code %s, %s", self.pk, self.code, error_name)
        return MessageText(type_label(self.type), str(UNREADABLE))


class NotificationSettings(Owned):
    """One user's settings; without a row, the defaults apply. A type is on unless its key is in ``disabled``.

    ``digest_due_at`` is when the next email digest is due. A worker claims the digest by moving it ahead.
    """

    disabled = models.JSONField(default=list)
    time_zone = models.CharField(max_length=60, default="UTC")
    frequency = models.CharField(max_length=10, default=Frequency.IMMEDIATE.value)
    quiet_hours_start = models.TimeField(null=True)
    quiet_hours_end = models.TimeField(null=True)
    large_transaction = models.DecimalField(max_digits=14, decimal_places=2, default=DEFAULT_LARGE_TRANSACTION)
    digest_due_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner"], name="one_settings_per_person")]
        indexes: ClassVar = [
            models.Index(fields=["digest_due_at"], condition=Q(digest_due_at__isnull=False), name="digests_due")
        ]

    def is_enabled(self, notification_type: NotificationType, channel: Channel) -> bool:
        return preference_key(notification_type, channel) not in self.disabled

    @property
    def delivery_schedule(self) -> DeliverySchedule:
        """When email digests may be sent."""
        try:
            time_zone = ZoneInfo(self.time_zone)
        except ZoneInfoNotFoundError:
            # The time zone database was newer when the user chose it. Notifications must not fail because of that.
            time_zone = ZoneInfo("UTC")
        return DeliverySchedule(time_zone, Frequency(self.frequency), self.quiet_hours_start, self.quiet_hours_end)

    def next_delivery(self, after: datetime) -> datetime:
        """Return when a notification of ``after`` is due by email."""
        return self.delivery_schedule.next_delivery(after)

    @classmethod
    def for_user(cls, user_id: Any) -> "NotificationSettings":
        """Return a user's settings, or the defaults as an unsaved row."""
        return cls.objects.filter(owner=user_id).first() or cls(owner_id=user_id)
