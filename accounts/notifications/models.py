"""What people are told, and how each wants to be told. Written by the deeds in ``inbox`` and ``digest``."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.notifications.delivery_schedule import Pace, Rhythm
from accounts.notifications.notification_types import Channel, Kind, switch
from compliance.isolation.models import Owned

USUAL_LARGE_CHANGE: Final = Decimal(500)


class Notification(Owned):
    """Something that a person was told. ``fingerprint`` is a hash of what it was, so that it is told no second time.

    A kind that its person switched off in the app is kept all the same, unlisted (``in_app``): it may be for their
    mail, and must not come again. ``awaits_mail`` stays true until a mail server has taken a mail that tells of it.
    """

    kind = models.CharField(max_length=30)
    title = models.CharField()
    text = models.TextField(blank=True)
    url = models.CharField(blank=True)
    fingerprint = models.CharField(max_length=64)
    in_app = models.BooleanField()
    awaits_mail = models.BooleanField()
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "fingerprint"], name="one_notification_per_thing")
        ]
        indexes: ClassVar = [
            models.Index(fields=["owner"], condition=Q(read_at=None, in_app=True), name="unread_notifications"),
            models.Index(fields=["owner"], condition=Q(awaits_mail=True), name="unmailed_notifications"),
        ]


class NotificationSettings(Owned):
    """How one person wants to be told; without a row, the defaults below. Every kind is on unless it is in ``off``.

    ``mail_due_at`` is when something waits to be mailed: whoever moves it on has the mail to send.
    """

    off = models.JSONField(default=list)
    zone = models.CharField(max_length=60, default="UTC")
    pace = models.CharField(max_length=10, default=Pace.AT_ONCE.value)
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    large_change = models.DecimalField(max_digits=14, decimal_places=2, default=USUAL_LARGE_CHANGE)
    mail_due_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner"], name="one_settings_per_person")]
        indexes: ClassVar = [
            models.Index(fields=["mail_due_at"], condition=Q(mail_due_at__isnull=False), name="mails_due")
        ]

    def is_on(self, kind: Kind, channel: Channel) -> bool:
        """Whether this person is told of a kind there."""
        return switch(kind, channel) not in self.off

    @property
    def rhythm(self) -> Rhythm:
        """When mails may go out."""
        try:
            zone = ZoneInfo(self.zone)
        except ZoneInfoNotFoundError:
            # Chosen where time zones were newer. What a person is told must not fail for it.
            zone = ZoneInfo("UTC")
        return Rhythm(zone, Pace(self.pace), self.quiet_from, self.quiet_until)

    def next_mail(self, after: datetime) -> datetime:
        """When something that happens at ``after`` is mailed."""
        return self.rhythm.next_mail(after)

    @classmethod
    def of(cls, person_id: Any) -> "NotificationSettings":
        """A person's settings, or the defaults as an unsaved row."""
        return cls.objects.filter(owner=person_id).first() or cls(owner_id=person_id)
