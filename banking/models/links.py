"""Sessions of the linking dialog."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from banking.models.items import Item
from banking.providers import DEFAULT_PROVIDER, is_current, provider_choices
from compliance.backoff import exponential_delay
from compliance.isolation.models import Owned
from compliance.vault.fields import SealedTextField

FIRST_RECOVERY_DELAY, MAX_RECOVERY_DELAY = timedelta(seconds=30), timedelta(minutes=32)


class LinkSession(Owned):
    """One opening of the linking dialog. Only its owner can exchange a public token of it."""

    # The ``error_code`` of a session whose access token did not arrive.
    EXCHANGE_LOST: ClassVar[str] = "EXCHANGE_LOST"

    class State(models.TextChoices):
        OPEN = "open"
        EXCHANGING = "exchanging"
        # Its result has to be requested from the provider again.
        PENDING = "pending"
        # An Item may exist at the provider whose access token is lost: for operators.
        LOST = "lost"
        LINKED = "linked"
        DUPLICATE = "duplicate"
        ABANDONED = "abandoned"
        FAILED = "failed"

    provider = models.CharField(max_length=20, choices=provider_choices, default=DEFAULT_PROVIDER)
    environment = models.CharField(max_length=20, default="")
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    # ``None`` if another session has this link token: the provider's own pages were gone through once more.
    link_token_hash = models.CharField(max_length=64, unique=True, null=True)
    # For requesting the link result; deleted when that is settled, and kept if the dialog was only closed. It expires
    # after four hours.
    link_token = SealedTextField(null=True)
    # When the dialog was resumed after a bank's own sign-in page. That works only once.
    resumed_at = models.DateTimeField(null=True)
    public_token_hash = models.CharField(max_length=64, null=True)
    claimed_at = models.DateTimeField(null=True)
    # From then on, an Item may exist at the provider whose access token did not arrive.
    exchange_sent_at = models.DateTimeField(null=True)
    next_recovery_at = models.DateTimeField(null=True)
    recovery_attempts = models.PositiveSmallIntegerField(default=0)
    item = models.ForeignKey(Item, on_delete=models.CASCADE, null=True, related_name="link_sessions")
    is_update_mode = models.BooleanField(default=False)
    # Whether that dialog asks which accounts to share.
    selects_accounts = models.BooleanField(default=False, db_default=False)
    # The Item that the new one replaces, because its token cannot be decrypted.
    replaces = models.ForeignKey(Item, on_delete=models.CASCADE, null=True, related_name="+")
    # Name and last digits of each chosen account, as confirmed by the provider, until the first sync.
    account_keys = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    error_code = models.CharField(max_length=100, blank=True)
    # Reported by the dialog when it ends; the provider's support asks for these.
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
            # Unique for each owner, not globally: otherwise a user could block another by posting their token.
            models.UniqueConstraint(fields=["owner", "public_token_hash"], name="one_session_per_public_token")
        ]

    @property
    def recovery_delay(self) -> timedelta:
        """The delay before the next attempt: half a minute, then doubling."""
        return exponential_delay(FIRST_RECOVERY_DELAY, self.recovery_attempts, maximum=MAX_RECOVERY_DELAY)

    def is_over(self, *, at: datetime) -> bool:
        """Whether the dialog can no longer connect a bank: it is too old, or of another environment."""
        return self.expires_at <= at or not is_current(self.provider, self.environment)
