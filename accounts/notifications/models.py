"""Notifications, and how each user wants to get them. Written by ``inbox`` and ``digest``."""

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
    """Something that a user is notified of. ``fingerprint`` is a hash of what it is about, so each is stored once.

    A type that the user disabled in the app is stored too, but not listed (``in_app``): it may be due by email, and
    must not be sent again. ``email_pending`` stays true until a mail server has taken an email about it.

    ``code`` names a message of ``notifications.messages``, and ``values`` are its values as JSON, sealed because they
    may be creditors and amounts; ``None`` where they could not be sealed.
    """

    type = models.CharField(max_length=30)
    code = models.CharField(max_length=40)
    values = SealedTextField(null=True)
    url = models.CharField(blank=True)
    fingerprint = models.CharField(max_length=64)
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
        """What happened, in the active language."""
        return self._description.title

    @property
    def text(self) -> str:
        """The details, or nothing."""
        return self._description.text

    @property
    def message(self) -> NotificationMessage:
        """What was sent. Raises ``SealError``, and ``UnknownMessage`` for what another version sent."""
        if self.values is None:
            raise SealError("The values could not be sealed when they were sent.")
        return decode_message(self.code, self.values.reveal())

    @cached_property
    def _description(self) -> MessageText:
        # One row that cannot be read must not take the others off the page.
        try:
            return self.message.describe()
        except UnknownMessage:
            logger.error("Notification %s cannot be put into words: code %s", self.pk, self.code)
        except SealError:
            # The field has reported it, or ``notify`` when it could not seal them.
            pass
        except Exception as error:
            # Any message of any app, with values that are valid JSON and no sense: a NaN, a code that a table lacks.
            # Only the class of the error: its text and traceback may hold the values.
            error_name = type(error).__name__
            logger.error("Notification %s cannot be put into words: code %s, %s", self.pk, self.code, error_name)
        return MessageText(type_label(self.type), str(UNREADABLE))


class NotificationSettings(Owned):
    """How one user wants to be notified; without a row, the defaults. A type is on unless its key is in ``disabled``.

    ``digest_due_at`` is when the next email digest is due: the worker that moves it on has claimed that digest.
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
            # Chosen where the time zone database was newer. Notifications must not fail for it.
            time_zone = ZoneInfo("UTC")
        return DeliverySchedule(time_zone, Frequency(self.frequency), self.quiet_hours_start, self.quiet_hours_end)

    def next_delivery(self, after: datetime) -> datetime:
        """Return when a notification of ``after`` is due by email."""
        return self.delivery_schedule.next_delivery(after)

    @classmethod
    def for_user(cls, user_id: Any) -> "NotificationSettings":
        """Return a user's settings, or the defaults as an unsaved row."""
        return cls.objects.filter(owner=user_id).first() or cls(owner_id=user_id)
