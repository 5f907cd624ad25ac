"""The models of the audit trail. ``0003_audit`` and ``0004_audit_retention`` create the tables that are not managed."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import models

from compliance.audit.faults import ChainFault
from compliance.audit.payload import DetailsNotSealed, hide_other_client, unseal_details
from compliance.isolation.models import BoundQuerySet
from compliance.vault import SealError, report_unreadable


class AuditEvent(models.Model):
    """An action on one user's data. Only ``record`` writes rows, and the database rejects changes.

    ``subject`` is the user whose data it concerns, ``actor`` the user who did it (None: not signed in, or a task).
    """

    id = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    subject = models.UUIDField()
    actor = models.UUIDField(null=True)
    action = models.TextField()
    resource = models.TextField()
    resource_id = models.TextField()
    outcome = models.TextField()
    payload = models.BinaryField()

    objects = BoundQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "audit_event"
        ordering: ClassVar = ["-id"]

    def details(self) -> dict[str, Any]:
        """Return the sealed part: the request's details and those of the action.

        It has no address or browser of another user, even if the event was written with them. Raises ``SealError`` when
        it cannot be decrypted, as after the subject was erased, and reports it to operators.
        """
        try:
            details = unseal_details(bytes(self.payload), subject=self.subject, public_fields=self.public_fields())
        except DetailsNotSealed:
            # ``record`` reported it when it wrote the event.
            raise
        except SealError as error:
            report_unreadable("compliance.auditevent.payload", row=self.pk, owner=self.subject, error=error)
            raise
        return hide_other_client(details, subject=self.subject, actor=self.actor)

    def public_fields(self) -> tuple[str | UUID | None, ...]:
        """Return the readable part, which is the AAD of the sealed part."""
        return (self.subject, self.actor, self.action, self.resource, self.resource_id, self.outcome)


class AuditLink(models.Model):
    """An event's position in its subject's chain. The database writes it when the transaction commits."""

    event = models.OneToOneField(AuditEvent, on_delete=models.DO_NOTHING, primary_key=True, related_name="link")
    subject = models.UUIDField()
    sequence = models.BigIntegerField()
    hash = models.BinaryField()

    objects = BoundQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "audit_link"


class AuditHead(models.Model):
    """The last link of a subject's chain. ``changed_at`` is when it became the last one."""

    subject = models.UUIDField(primary_key=True)
    sequence = models.BigIntegerField()
    hash = models.BinaryField()
    changed_at = models.DateTimeField()

    objects = BoundQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "audit_head"


class AuditCheckpoint(models.Model):
    """The last link of a subject's chain that was deleted after its retention, signed by this site.

    Verification starts from it. ``purged_until`` is the time of the newest deleted event; as many events were deleted
    as ``sequence`` says.
    """

    subject = models.UUIDField(primary_key=True)
    sequence = models.BigIntegerField()
    hash = models.BinaryField()
    purged_until = models.DateTimeField()
    key_id = models.TextField()
    signature = models.BinaryField()

    objects = BoundQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "audit_checkpoint"


class DailyAccess(models.Model):
    """How often a person looked at one kind of their data on one day (UTC); views in the same minute count once."""

    owner = models.UUIDField(editable=False)
    day = models.DateField()
    kind = models.CharField(max_length=30)
    count = models.PositiveIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    objects = BoundQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "day", "kind"], name="one_daily_access_per_kind"),
        ]


class TrailVerification(models.Model):
    """When a chain was verified last, how many events it had, and the first fault that was found; empty if none.

    ``head_sequence`` is the greatest sequence that its head had at any verification: a head never goes back.
    """

    owner = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    events = models.BigIntegerField()
    fault = models.CharField(max_length=40, blank=True, choices=[(fault.value, fault.value) for fault in ChainFault])
    sequence = models.BigIntegerField(default=0)
    head_sequence = models.BigIntegerField(default=0)

    objects = BoundQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="events_are_counted", condition=models.Q(events__gte=0)),
        ]
