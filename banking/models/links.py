"""Openings of the linking dialog, and webhooks that were heard."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from banking.models.items import Item
from banking.providers import DEFAULT_PROVIDER, is_current, provider_choices
from compliance.isolation.models import Owned
from compliance.vault.fields import SealedTextField

FIRST_RECOVERY_DELAY = timedelta(seconds=30)


class LinkSession(Owned):
    """One opening of the linking dialog: the only authority for who may exchange a public token."""

    class State(models.TextChoices):
        OPEN = "open"
        EXCHANGING = "exchanging"
        # The provider has to be asked again what became of it.
        PENDING = "pending"
        # An Item may live at the provider that nobody holds: for operators.
        LOST = "lost"
        LINKED = "linked"
        DUPLICATE = "duplicate"
        ABANDONED = "abandoned"
        FAILED = "failed"

    provider = models.CharField(max_length=20, choices=provider_choices, default=DEFAULT_PROVIDER)
    environment = models.CharField(max_length=20, default="")
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    link_token_hash = models.CharField(max_length=64, unique=True)
    # Asked for what the dialog brought. Gone once that is settled; one that was left opens nothing after four hours.
    link_token = SealedTextField(null=True)
    # When a bank's own page interrupted the dialog, which goes on once with the same token.
    resumed_at = models.DateTimeField(null=True)
    public_token_hash = models.CharField(max_length=64, null=True)
    claimed_at = models.DateTimeField(null=True)
    # Since then an Item may live at the provider whose token did not reach us.
    exchange_sent_at = models.DateTimeField(null=True)
    next_recovery_at = models.DateTimeField(null=True)
    recovery_attempts = models.PositiveSmallIntegerField(default=0)
    item = models.ForeignKey(Item, on_delete=models.CASCADE, null=True, related_name="link_sessions")
    is_update_mode = models.BooleanField(default=False)
    # The Item that a new one takes the place of, because its own token cannot be read.
    replaces = models.ForeignKey(Item, on_delete=models.CASCADE, null=True, related_name="+")
    # Name and last digits of each account that was chosen, by the provider's word; no longer than until the accounts
    # themselves are read.
    account_keys = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    error_code = models.CharField(max_length=100, blank=True)
    # What the dialog says when it ends; the provider's support asks for it.
    link_session_id = models.CharField(max_length=100, blank=True)
    exit_status = models.CharField(max_length=100, blank=True)
    request_id = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["next_recovery_at", "claimed_at"],
                condition=Q(state__in=("pending", "exchanging")),
                name="links_pending",
            )
        ]
        constraints: ClassVar = [
            # Not over everybody: who tries another person's token, in vain, would keep them from using it.
            models.UniqueConstraint(fields=["owner", "public_token_hash"], name="one_session_per_public_token")
        ]

    @property
    def recovery_delay(self) -> timedelta:
        """How long to wait before the next look: half a minute, then twice as long each time."""
        return FIRST_RECOVERY_DELAY * 2 ** min(self.recovery_attempts, 6)

    def is_over(self, *, at: datetime) -> bool:
        """Whether the dialog can lead to nothing any more: too old, or opened in another environment."""
        return self.expires_at <= at or not is_current(self.provider, self.environment)


class WebhookReceipt(models.Model):
    """The fingerprint of a webhook that was accepted, so that a copy of it rings no second time."""

    fingerprint = models.CharField(max_length=64, primary_key=True)
    received_at = models.DateTimeField(default=timezone.now, db_index=True)
