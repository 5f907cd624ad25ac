"""Each sync of an Item."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils import timezone

from banking.models.items import Item
from compliance.isolation.models import Owned


class SyncRun(Owned):
    """One sync of one Item, for support when a figure seems wrong."""

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
    written = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    restarts = models.PositiveSmallIntegerField(default=0)
    # Rows that could not be stored, and which fields of how many rows were invalid.
    skipped_rows = models.PositiveIntegerField(default=0, db_default=0)
    field_errors = models.TextField(blank=True, default="", db_default="")
    error_code = models.CharField(max_length=100, blank=True)
    request_id = models.CharField(max_length=100, blank=True)

    # The Item's ``sync_requested_at`` when the run began; an attribute, no column. The clocks of two machines differ,
    # so a request during the run is recognized by another value and not by a later one.
    request_before_run: datetime | None = None

    class Meta:
        indexes: ClassVar = [models.Index(fields=["item", "-started_at"], name="runs_of_item")]
