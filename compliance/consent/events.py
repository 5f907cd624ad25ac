"""The model of the consent ledger; triggers in ``migrations/0002_isolation.py`` keep its rows from being changed."""

from typing import ClassVar

from django.db import models

from compliance.isolation.models import BoundQuerySet, new_id
from compliance.vault.fields import SealedTextField


class ConsentEvent(models.Model):
    """A consent that a user granted, or the withdrawal of one (``withdraws`` is its id).

    Only the ledger writes rows, and the database rejects changes. A withdrawal repeats version and fingerprint of the
    consent, and has neither text nor expiry. ``scope`` says what was allowed (provider, frequency, products). The
    signature, a typed name, is sealed: after its user was erased, the row still shows which text was agreed to, when
    and from where.
    """

    class Kind(models.TextChoices):
        GRANTED = "granted"
        WITHDRAWN = "withdrawn"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.UUIDField(editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    purpose = models.CharField(max_length=20)
    version = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64)
    text = models.TextField(blank=True)
    signature = SealedTextField(null=True, owner="owner")
    scope = models.JSONField(default=dict)
    locale = models.CharField(max_length=20)
    method = models.CharField(max_length=20)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    withdraws = models.UUIDField(null=True)

    objects = BoundQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [models.Index("owner", "purpose", models.F("at").desc(), name="newest_consent")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["withdraws"], name="one_withdrawal_per_consent"),
            models.CheckConstraint(
                name="granted_or_withdrawn",
                condition=models.Q(kind="granted", withdraws=None, expires_at__gt=models.F("at"))
                | models.Q(kind="withdrawn", withdraws__isnull=False, expires_at=None, text=""),
            ),
        ]
