"""Received webhooks: what a provider said, and what followed from it.

A webhook names an Item by the provider's id, and its owner is not known before that Item is looked up. So the rows
belong to the site (``SYSTEM``): no code that runs for a user reads them, and an erasure deletes those of the user's
Items.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from banking.provider import WebhookKind
from compliance.isolation import SYSTEM
from compliance.isolation.models import BoundQuerySet, new_id


class WebhookOutcome(models.TextChoices):
    """What became of a webhook."""

    NEW = "new"
    PROCESSED = "processed"
    # Nothing follows from its type and code.
    IGNORED = "ignored"
    # It names an Item that this site does not have, perhaps because the Item is not stored yet.
    ORPHAN = "orphan"
    # An orphan whose Item was not stored within a day.
    EXPIRED = "expired"
    # Its processing failed. It is tried again while there is a ``next_attempt_at``.
    FAILED = "failed"
    # The provider says that it sent this one, and it did not arrive.
    MISSED = "missed"


class WebhookEvent(models.Model):
    """One delivery of a webhook, or one that did not arrive."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.UUIDField(default=SYSTEM, editable=False)
    # Equal for every copy of one signed delivery, so that a replay has no effect.
    fingerprint = models.CharField(max_length=64, unique=True)
    provider = models.CharField(max_length=20)
    environment = models.CharField(max_length=20)
    kind = models.CharField(max_length=30, choices=[(kind, kind) for kind in WebhookKind])
    type = models.CharField(max_length=100, blank=True)
    code = models.CharField(max_length=100)
    # Empty if it names no Item, and of an expired orphan, whose Item may be that of an erased user.
    provider_item_id = models.CharField(max_length=100, blank=True)
    # Of a webhook about a dialog: that of its ``LinkSession``.
    link_token_hash = models.CharField(max_length=64, blank=True, default="", db_default="")
    summary = models.JSONField(default=dict)
    issued_at = models.DateTimeField()
    received_at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=10, choices=WebhookOutcome, default=WebhookOutcome.NEW)
    attempts = models.PositiveSmallIntegerField(default=0)
    # When Celery beat queues it; ``None`` if nothing is left to do. Its own job does not wait for that.
    next_attempt_at = models.DateTimeField(null=True)
    processed_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=100, blank=True)

    objects: ClassVar = BoundQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["provider_item_id", "received_at"], name="webhooks_of_item"),
            models.Index(fields=["link_token_hash"], condition=~Q(link_token_hash=""), name="webhooks_of_link_session"),
            models.Index(fields=["received_at"], name="webhooks_by_age"),
            models.Index(fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="webhooks_due"),
        ]


class ReceivedWebhook(models.Model):
    """A webhook without the Item that it names, in a view that only operators can read."""

    id = models.UUIDField(primary_key=True)
    received_at = models.DateTimeField()
    provider = models.CharField(max_length=20)
    environment = models.CharField(max_length=20)
    type = models.CharField(max_length=100)
    code = models.CharField(max_length=100)
    summary = models.JSONField()
    outcome = models.CharField(max_length=10)
    attempts = models.PositiveSmallIntegerField()
    next_attempt_at = models.DateTimeField(null=True)
    processed_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=100)

    class Meta:
        managed = False
        db_table = "banking_received_webhooks"
        ordering: ClassVar = ["-received_at", "id"]
