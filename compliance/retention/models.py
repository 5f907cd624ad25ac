"""Each person's retention settings. Only ``choosing``, ``purging`` and the sender of notices write rows."""

from datetime import date, datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from compliance.isolation.models import Owned
from compliance.retention.rules import EVERYTHING, NOTICE_PERIOD, RetentionRule

DAY: Final = timedelta(days=1)
RECHECK_DELAY: Final = timedelta(minutes=10)


class RetentionSetting(Owned):
    """How long one person's data of one kind is kept.

    ``days_to_retain`` counts from ``effective_at`` on, which is empty until the person was told by email
    (``announced_at``). Until then ``previous_days`` counts. In both, ``None`` is without end and 0 is not at all.
    ``due_at`` is when the next notice or purge is due; a worker claims it by moving it ahead.
    """

    data_type = models.CharField(max_length=40)
    days_to_retain = models.PositiveSmallIntegerField(null=True)
    previous_days = models.PositiveSmallIntegerField(null=True)
    # Empty if the person never chose and a rule's initial period applies.
    chosen_at = models.DateTimeField(null=True)
    announced_at = models.DateTimeField(null=True)
    effective_at = models.DateTimeField(null=True)
    last_purge_date = models.DateField(null=True)
    last_purged_rows = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "data_type"], name="one_retention_setting_per_type"),
            models.CheckConstraint(
                condition=Q(announced_at=None) | Q(effective_at__gte=F("announced_at")), name="told_before_effective"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="retention_due"),
        ]

    @classmethod
    def for_owner(cls, owner_id: UUID, rule: RetentionRule) -> "RetentionSetting":
        """Return a person's setting, or the initial one as an unsaved row."""
        stored = cls.objects.filter(owner=owner_id, data_type=rule.data_type).first()
        return stored or cls(owner_id=owner_id, data_type=rule.data_type, days_to_retain=rule.initial_days)

    def is_waiting(self, at: datetime) -> bool:
        """Whether the chosen period does not count yet."""
        return self.days_to_retain is not None and (self.effective_at is None or self.effective_at > at)

    def days_in_effect(self, at: datetime) -> int | None:
        """Return the period that counts at a moment."""
        return self.previous_days if self.is_waiting(at) else self.days_to_retain

    def first_day_kept(self, at: datetime) -> date | None:
        """Return the first day whose rows stay at a moment; ``None`` if all stay, ``EVERYTHING`` if none does."""
        return first_day_kept(self.days_in_effect(at), at)

    @property
    def next_purge_at(self) -> datetime | None:
        """When the chosen period is applied next; ``None`` if it deletes nothing, or its notice was not sent yet."""
        if self.days_to_retain is None or self.effective_at is None:
            return None
        return max(self.effective_at, self.due_at or self.effective_at)

    def next_due_at(self, at: datetime) -> datetime | None:
        """Return when a worker has to look at it again after ``at``."""
        if self.days_to_retain is None and self.previous_days is None:
            return None
        if self.waits_to_keep_nothing():
            return at + RECHECK_DELAY
        is_coming = self.effective_at is not None and self.effective_at > at
        return min(self.effective_at, at + DAY) if is_coming and self.effective_at else at + DAY

    def needs_notice(self) -> bool:
        """Whether the chosen period waits until its person is told."""
        return self.days_to_retain is not None and self.effective_at is None

    def waits_to_keep_nothing(self) -> bool:
        """Whether nothing is to be kept, once the person was told what is deleted."""
        return self.days_to_retain == 0 and self.needs_notice()

    def add_purged(self, rows: int, *, on: date) -> None:
        """Count rows that the open transaction deletes."""
        self.last_purged_rows = rows + (self.last_purged_rows if self.last_purge_date == on else 0)
        self.last_purge_date = on
        self.save(update_fields=["last_purge_date", "last_purged_rows"])

    def announce(self, *, at: datetime) -> None:
        """The person was told: the chosen period counts after the notice period."""
        self.announced_at, self.effective_at = at, at + NOTICE_PERIOD


def first_day_kept(days: int | None, at: datetime) -> date | None:
    """Return the first day whose rows a period keeps."""
    if days is None:
        return None
    return timezone.localdate(at) - timedelta(days=days) if days else EVERYTHING
