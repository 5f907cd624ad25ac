"""The model of the consent ledger; triggers in ``migrations/0002_isolation.py`` keep its rows from being changed."""

import json
from datetime import datetime
from typing import ClassVar

from django.db import models

from compliance.isolation.models import BoundQuerySet, new_id
from compliance.vault.fields import SealedTextField


class ConsentEvent(models.Model):
    """A consent that a user granted, or the withdrawal of one (``withdraws`` is its id).

    Only the ledger writes rows, and the database rejects changes. A withdrawal repeats version and fingerprint of the
    consent, and has neither text nor expiry. A consent without an expiry lasts until it is withdrawn or replaced.
    ``scope`` says what was allowed (provider, frequency, products). The signature, a typed name, and the request, its
    IP address and user agent as JSON, are sealed: after its user was erased, the row still shows which text was agreed
    to and when, but not by whom or from where.
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
    request = SealedTextField(null=True, owner="owner")
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
                condition=models.Q(
                    models.Q(expires_at=None) | models.Q(expires_at__gt=models.F("at")), kind="granted", withdraws=None
                )
                | models.Q(kind="withdrawn", withdraws__isnull=False, expires_at=None, text=""),
            ),
            # A bureau may furnish a report only on a signed instruction, and ours ends.
            models.CheckConstraint(
                name="credit_report_expires",
                condition=~models.Q(kind="granted", purpose="credit_report") | models.Q(expires_at__isnull=False),
            ),
        ]

    def is_active(self, at: datetime) -> bool:
        """Whether this is a consent that has not expired. The caller knows that no later event follows it."""
        return self.kind == self.Kind.GRANTED and (self.expires_at is None or self.expires_at > at)

    def request_details(self) -> dict[str, str]:
        """Return IP address and user agent, as far as they are known. Raises ``SealError`` after an erasure."""
        details: dict[str, str] = json.loads(self.request.reveal()) if self.request is not None else {}
        return details
