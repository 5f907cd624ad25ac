"""The vault's data keys, the audit trail, consents, exports, retention settings and erasure receipts.

All but exports and settings name their user by id alone, without a foreign key: a data key is deleted when its user is
erased, the other rows stay.
"""

from typing import ClassVar

from django.db import models

from compliance.audit.events import AuditCheckpoint, AuditEvent, AuditHead, AuditLink, DailyAccess, TrailVerification
from compliance.consent.events import ConsentEvent
from compliance.export.data_export import DataExport, UnfinishedExport
from compliance.isolation.models import BoundQuerySet
from compliance.personal_data.receipts import ErasureReceipt
from compliance.retention.models import RetentionSetting

__all__ = [
    "AuditCheckpoint",
    "AuditEvent",
    "AuditHead",
    "AuditLink",
    "ConsentEvent",
    "DailyAccess",
    "DataExport",
    "DataKey",
    "ErasureReceipt",
    "RetentionSetting",
    "TrailVerification",
    "UnfinishedExport",
]


class DataKey(models.Model):
    """One owner's key, wrapped under the key that ``kek`` names. Deleting it shreds everything that it sealed."""

    id = models.BigAutoField(primary_key=True)
    owner = models.UUIDField()
    kek = models.CharField(max_length=63, db_index=True)
    wrapped = models.BinaryField()
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BoundQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner"], condition=models.Q(active=True), name="one_active_data_key_per_owner"
            )
        ]
