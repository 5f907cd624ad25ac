"""A person's export: from the request to the file that they can download for a week, or to the error."""

from datetime import timedelta
from typing import ClassVar, Final, Self
from uuid import UUID

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from compliance.isolation.models import Owned, OwnedQuerySet
from compliance.vault.fields import SealedTextField

KEPT_FOR: Final = timedelta(days=7)
# A worker renews its lease after every few rows, so one that does not has ended or lost the database.
LEASE_DURATION: Final = timedelta(minutes=2)
MAX_ATTEMPTS: Final = 3
RETRY_DELAY: Final = timedelta(minutes=5)
# How long a link to the file works, once.
DOWNLOAD_LINK_LIFETIME: Final = timedelta(minutes=5)


class ExportState(models.TextChoices):
    """How far an export is."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    EXPIRED = "expired"


ACTIVE: Final = (ExportState.QUEUED, ExportState.RUNNING)


class ExportError(models.TextChoices):
    """Why an attempt to write an export failed."""

    DISK_FULL = "disk_full"
    STORAGE = "storage"
    DAMAGED = "damaged"
    INTERRUPTED = "interrupted"
    KEY = "key"
    MISSING = "missing"


class DataExportQuerySet(OwnedQuerySet["DataExport"]):
    """Exports. Each transition is one UPDATE, which names the state that it ends."""

    def active(self) -> Self:
        """Exports that are being prepared; a person has at most one."""
        return self.filter(state__in=ACTIVE)

    def downloadable(self) -> Self:
        """Exports with a file that has not expired."""
        return self.filter(state=ExportState.READY, expires_at__gt=timezone.now())

    def due(self) -> Self:
        """Exports that no worker is writing: requested, due again after an error, or left by a killed worker."""
        is_due = Q(state=ExportState.QUEUED, next_attempt_at__lte=Now())
        is_abandoned = Q(state=ExportState.RUNNING, leased_until__lte=Now())
        return self.filter(is_due | is_abandoned)

    def delay_attempt(self) -> bool:
        """Begin no attempt before some minutes have passed, if the export is due."""
        return bool(
            self.due().update(
                state=ExportState.QUEUED, next_attempt_at=Now() + RETRY_DELAY, lease_holder=None, leased_until=None
            )
        )

    def claim(self, *, holder: UUID, part_count: int) -> bool:
        """Start an attempt, unless another worker holds the export or it is not due."""
        return bool(
            self.due()
            .filter(attempts__lt=MAX_ATTEMPTS)
            .update(
                state=ExportState.RUNNING,
                attempts=F("attempts") + 1,
                lease_holder=holder,
                leased_until=Now() + LEASE_DURATION,
                part=0,
                part_name="",
                part_count=part_count,
                started_at=Now(),
            )
        )

    def fail_abandoned(self) -> bool:
        """Fail an export whose last attempt was interrupted."""
        exhausted = self.filter(state=ExportState.RUNNING, leased_until__lte=Now(), attempts__gte=MAX_ATTEMPTS)
        return bool(
            exhausted.update(
                state=ExportState.FAILED, error_code=ExportError.INTERRUPTED, finished_at=Now(), leased_until=None
            )
        )

    def claim_notice(self) -> "DataExport | None":
        """Start to notify an export's person that it is ready, unless that was done or another worker is doing it.

        If it is not done by the end of the lease, which grows with the export's age, another worker may try again.
        """
        is_free = Q(leased_until=None) | Q(leased_until__lte=Now())
        export = self.downloadable().filter(is_free, notified_at=None).first()
        if export is None or export.finished_at is None:
            return None
        lease = max(LEASE_DURATION, (timezone.now() - export.finished_at) / 2)
        free = self.filter(is_free, pk=export.pk, state=ExportState.READY, notified_at=None)
        return export if free.update(leased_until=Now() + lease) else None

    def expire(self) -> bool:
        """Forget the key of the file, and mark the export as expired."""
        rows = self.filter(state__in=[ExportState.READY, ExportState.EXPIRED])
        return bool(rows.update(state=ExportState.EXPIRED, file_key=None, download_hash=""))


class DataExport(Owned):
    """One export of a person's data. ``file_key`` opens its file; without it, nobody can.

    ``part`` is the step that it has come to, of ``part_count``: one for each file, and the last to check them.
    ``size`` and ``sha256`` are those of the ZIP file that the person downloads. ``notified_at`` is when they were
    emailed that it is ready. After a failed attempt it is queued again, with its ``error_code``, until ``attempts``
    reaches the limit.
    """

    state = models.CharField(max_length=10, choices=ExportState, default=ExportState.QUEUED)
    requested_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    notified_at = models.DateTimeField(null=True)
    downloaded_at = models.DateTimeField(null=True)
    part = models.PositiveSmallIntegerField(default=0)
    part_count = models.PositiveSmallIntegerField(default=0)
    part_name = models.CharField(max_length=100, blank=True)
    row_count = models.PositiveBigIntegerField(default=0)
    file_count = models.PositiveIntegerField(default=0)
    unreadable_count = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    file_key = SealedTextField(null=True)
    error_code = models.CharField(max_length=20, choices=ExportError, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    lease_holder = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    # The hash of the one link that downloads the file now.
    download_hash = models.CharField(max_length=64, blank=True)
    download_until = models.DateTimeField(null=True)

    objects: ClassVar = DataExportQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner"], condition=Q(state__in=ACTIVE), name="one_active_export_per_person"
            ),
            models.CheckConstraint(
                condition=~Q(state=ExportState.READY)
                | Q(file_key__isnull=False, expires_at__isnull=False, size__isnull=False, finished_at__isnull=False),
                name="ready_export_has_file",
            ),
            models.CheckConstraint(
                condition=Q(state=ExportState.READY) | Q(file_key__isnull=True), name="only_ready_export_has_key"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["owner", "-requested_at"], name="exports_newest_first"),
            models.Index(fields=["next_attempt_at"], condition=Q(state__in=ACTIVE), name="exports_due"),
            models.Index(fields=["expires_at"], condition=Q(state=ExportState.READY), name="exports_expiring"),
            models.Index(
                fields=["finished_at"],
                condition=Q(state=ExportState.READY, notified_at=None),
                name="exports_to_notify_of",
            ),
        ]

    @property
    def is_active(self) -> bool:
        """Whether it is being prepared."""
        return self.state in ACTIVE

    @property
    def is_downloadable(self) -> bool:
        """Whether its file can be downloaded now."""
        return self.state == ExportState.READY and self.expires_at is not None and self.expires_at > timezone.now()


class UnfinishedExport(models.Model):
    """An export of any user that waits, is being written or failed, in a view that only operators can read."""

    id = models.UUIDField(primary_key=True)
    user_id = models.UUIDField()
    state = models.CharField(max_length=10)
    requested_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField()
    error_code = models.CharField(max_length=20)

    class Meta:
        managed = False
        db_table = "compliance_unfinished_exports"
        ordering: ClassVar = ["requested_at"]
