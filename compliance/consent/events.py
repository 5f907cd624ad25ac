"""The rows of the consent ledger; ``migrations/0002_isolation.py`` keeps them from being changed."""

from typing import ClassVar

from django.db import models

from compliance.isolation.models import BoundQuerySet, new_id
from compliance.vault.fields import SealedTextField


class ConsentEvent(models.Model):
    """A consent that was given, or the withdrawal that ``ends`` one. Written by the ledger alone, changed by nobody.

    A withdrawal repeats version and fingerprint of what it ends, and has neither text nor expiry. ``scope`` says
    what exactly was allowed (provider, frequency, products). The typed name is sealed: once its person is erased,
    the row still shows which text was agreed to, when and from where.
    """

    class Kind(models.TextChoices):
        GIVEN = "given"
        WITHDRAWN = "withdrawn"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.UUIDField(editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    purpose = models.CharField(max_length=20)
    version = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64)
    text = models.TextField(blank=True)
    typed_name = SealedTextField(null=True, owner="owner")
    scope = models.JSONField(default=dict)
    locale = models.CharField(max_length=20)
    method = models.CharField(max_length=20)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    ends = models.UUIDField(null=True)

    objects = BoundQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [models.Index("owner", "purpose", models.F("at").desc(), name="newest_consent")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["ends"], name="one_withdrawal_per_consent"),
            models.CheckConstraint(
                name="given_or_withdrawn",
                condition=models.Q(kind="given", ends=None, expires_at__gt=models.F("at"))
                | models.Q(kind="withdrawn", ends__isnull=False, expires_at=None, text=""),
            ),
        ]
