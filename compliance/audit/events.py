"""The rows of the audit trail, as Django reads them; ``migrations/0003_audit.py`` makes their tables."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import models

from compliance.audit.payload import opened
from compliance.isolation.models import BoundQuerySet
from compliance.vault import SealError, report_unreadable


class AuditEvent(models.Model):
    """Something that happened to one person's data. Written by ``record`` alone, changed by nobody.

    ``subject`` is whose trail it stands in, ``actor`` who did it (None: nobody signed in, or a job).
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

    def facts(self) -> dict[str, Any]:
        """The sealed part: the request and the facts.

        Raises ``SealError``, after an operator was told, where it cannot be read, as once the subject is erased.
        """
        try:
            return opened(bytes(self.payload), subject=self.subject, skeleton=self.skeleton())
        except SealError as error:
            report_unreadable("compliance.auditevent.payload", row=self.pk, owner=self.subject, error=error)
            raise

    def skeleton(self) -> tuple[str | UUID | None, ...]:
        """The readable part, which the sealed part is bound to."""
        return (self.subject, self.actor, self.action, self.resource, self.resource_id, self.outcome)


class AuditLink(models.Model):
    """An event's place in its subject's chain. Written by the database when the transaction commits."""

    event = models.OneToOneField(AuditEvent, on_delete=models.DO_NOTHING, primary_key=True, related_name="link")
    subject = models.UUIDField()
    sequence = models.BigIntegerField()
    hash = models.BinaryField()

    objects = BoundQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "audit_link"


class AuditHead(models.Model):
    """The last link of a subject's chain."""

    subject = models.UUIDField(primary_key=True)
    sequence = models.BigIntegerField()
    hash = models.BinaryField()

    objects = BoundQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "audit_head"
