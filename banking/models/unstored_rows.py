"""What of a bank's data could not be stored, and why."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from banking.provider import RowKind
from compliance.isolation.models import Owned


class UnstoredRow(Owned):
    """A row that a sync could not store, until one can. ``connection_status.unstored_rows`` alone writes it.

    It names the invalid field and has none of the row's values. A transaction is known by its ``provider_id``; without
    one, all rows with the same ``kind`` and ``field`` are counted in one.
    """

    class Reason(models.TextChoices):
        # A required field is missing, null, or not of its type.
        INVALID_FIELD = "invalid_field"
        # The row is of an account that the bank does not list.
        UNKNOWN_ACCOUNT = "unknown_account"
        # A whole list was null or missing.
        LIST_NOT_SENT = "list_not_sent"

    item = models.ForeignKey("banking.Item", on_delete=models.CASCADE, related_name="unstored_rows")
    kind = models.CharField(max_length=20, choices=[(kind, kind) for kind in RowKind])
    reason = models.CharField(max_length=20, choices=Reason)
    field = models.CharField(max_length=100)
    provider_id = models.CharField(max_length=256, blank=True)
    rows = models.PositiveIntegerField(default=1)
    first_seen_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["item", "provider_id"], condition=~Q(provider_id=""), name="one_row_per_unstored_transaction"
            ),
            models.UniqueConstraint(
                fields=["item", "kind", "field"], condition=Q(provider_id=""), name="one_count_per_unstored_field"
            ),
        ]


class UnstoredRowCount(models.Model):
    """How many rows of a bank could not be stored for which reason, in a view that only operators can read.

    It adds up all users and names none of them.
    """

    id = models.UUIDField(primary_key=True)
    institution_name = models.CharField()
    provider = models.CharField(max_length=20)
    environment = models.CharField(max_length=20)
    kind = models.CharField(max_length=20)
    reason = models.CharField(max_length=20)
    field = models.CharField(max_length=100)
    rows = models.PositiveIntegerField()
    connections = models.PositiveIntegerField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "banking_unstored_row_counts"
        ordering: ClassVar = ["-last_seen_at", "id"]
