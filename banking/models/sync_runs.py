"""Each sync of an Item."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone

from banking.models.items import Item
from banking.provider import Fault
from compliance.isolation.models import Owned


class RefreshOutcome(models.TextChoices):
    """What became of a request to the bank itself, if a sync made one. The values are stored."""

    REQUESTED = "requested"
    UNSUPPORTED = "unsupported"
    LIMITED = "limited"
    USED_UP = "used_up"
    FAILED = "failed"


class SyncRun(Owned):
    """One sync of one Item, for its user, and for support when a figure seems wrong.

    One that the provider's rate limits put off is not stored: the next one counts it in ``postponed``.
    """

    # The ``error_code`` of a run whose bank was disconnected meanwhile.
    DISCONNECTED: ClassVar[str] = "DISCONNECTED"

    class Result(models.TextChoices):
        RUNNING = "running"
        OK = "ok"
        FAILED = "failed"

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="runs")
    trigger = models.CharField(max_length=20)
    result = models.CharField(max_length=10, choices=Result, default=Result.RUNNING)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    pages = models.PositiveIntegerField(default=0)
    # New and changed transactions, and the new ones among them.
    written = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(null=True)
    removed = models.PositiveIntegerField(default=0)
    restarts = models.PositiveSmallIntegerField(default=0)
    # Rows that could not be stored, and which fields of how many rows were invalid.
    skipped_rows = models.PositiveIntegerField(default=0, db_default=0)
    field_errors = models.TextField(blank=True, default="", db_default="")
    bank_refresh = models.CharField(max_length=15, choices=RefreshOutcome, blank=True, default="", db_default="")
    postponed = models.PositiveIntegerField(default=0, db_default=0)
    error_code = models.CharField(max_length=100, blank=True)
    # Who caused the failure.
    fault = models.CharField(max_length=10, blank=True, choices=[(f, f) for f in Fault], default="", db_default="")
    request_id = models.CharField(max_length=100, blank=True)

    # The Item's ``sync_requested_at`` when the run began; an attribute, no column. The clocks of two machines differ,
    # so a request during the run is recognized by another value and not by a later one.
    request_before_run: datetime | None = None
    # The Item's ``data_as_of`` then; no column either.
    data_as_of_before_run: datetime | None = None

    @property
    def changed_rows(self) -> int | None:
        """The transactions that were known and have changed; ``None`` where new ones were not counted by themselves."""
        if self.added is None:
            return None if self.written else 0
        return self.written - self.added

    @property
    def duration(self) -> timedelta | None:
        """How long the sync took; ``None`` while it runs."""
        return None if self.finished_at is None else self.finished_at - self.started_at

    class Meta:
        indexes: ClassVar = [models.Index(fields=["item", "-started_at"], name="runs_of_item")]
