"""A user's logins at banks: the credential, the connection's state, and pending removals."""

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from banking.error_advice import UserAction
from banking.error_messages import access_message, sync_error_message
from banking.models.accounts import Account, display_name_of
from banking.models.connection import (
    LOST_CONNECTION_ACTIONS,
    VISIBLE_CONNECTIONS,
    Connection,
    ExpiryReason,
    Health,
)
from banking.provider import Fault, Readiness
from banking.providers import (
    DEFAULT_PROVIDER,
    find_provider,
    in_current_environments,
    is_current,
    provider_choices,
)
from compliance.isolation import SYSTEM
from compliance.isolation.models import BoundQuerySet, Owned, OwnedQuerySet, new_id
from compliance.vault.fields import SealedTextField

STALE_AFTER = timedelta(hours=24)
# How long before the access ends pages say so, and the first reminder is sent.
EXPIRY_NOTICE = timedelta(days=7)
SYNC_REQUEST_TIMEOUT = timedelta(minutes=5)


class Institution(models.Model):
    """A bank. It has no owner: all users share its row."""

    provider = models.CharField(max_length=20)
    provider_id = models.CharField(max_length=100)
    name = models.CharField()
    url = models.CharField(blank=True)
    color = models.CharField(blank=True)
    # When its details were fetched; linking stores only the id and the name of a new bank.
    fetched_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "provider_id"], name="one_row_per_institution")
        ]

    def __str__(self) -> str:
        return self.name


class ItemQuerySet(OwnedQuerySet["Item"]):
    def in_current_environment(self) -> Self:
        """Items of the environment that the site uses; tokens of other environments are never sent to it."""
        return self.filter(in_current_environments())

    def visible(self) -> Self:
        """Items that the user still sees among their connections."""
        return self.filter(connection__in=VISIBLE_CONNECTIONS)

    def mark_active(self) -> int:
        """Make Items active and due, without errors and without a known end, after their access was renewed.

        A sync that runs now may have read them before, so it is requested, and reads all (``ordinary_sync``).
        """
        return self.update(
            connection=Connection.ACTIVE,
            failures=0,
            error_code="",
            error_reason="",
            fault="",
            expires_at=None,
            expiry_reason="",
            expiry_reminder=None,
            read_at=None,
            sync_requested_at=timezone.now(),
            next_sync_at=Now(),
        )


class Item(Owned):
    """One user's login at one bank: the credential, the cursor and the state of the connection."""

    provider = models.CharField(max_length=20, choices=provider_choices, default=DEFAULT_PROVIDER)
    environment = models.CharField(max_length=20)
    provider_item_id = models.CharField(max_length=100)
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, null=True)
    institution_name = models.CharField(blank=True)
    access_token = SealedTextField(null=True)
    connection = models.CharField(max_length=20, choices=Connection, default=Connection.ACTIVE)
    readiness = models.CharField(max_length=20, choices=[(r, r) for r in Readiness], default=Readiness.NOT_READY)
    cursor = models.TextField(blank=True)
    days_requested = models.PositiveSmallIntegerField(default=730)
    # The URL to which the provider sends its webhooks, as the provider last confirmed it; empty for none.
    webhook_url = models.CharField(null=True)
    # Until then Celery beat does not queue another change of that URL.
    webhook_claimed_until = models.DateTimeField(null=True)

    connected_at = models.DateTimeField(default=timezone.now)
    checked_at = models.DateTimeField(null=True)
    # When a sync last read its state and its accounts, which not every sync does.
    read_at = models.DateTimeField(null=True)
    data_as_of = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    # Transactions that could not be stored since the stream was last downloaded as a whole.
    skipped_transactions = models.PositiveIntegerField(default=0, db_default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    error_code = models.CharField(max_length=100, blank=True)
    # The provider's code of the error's cause, which it sends with some errors.
    error_reason = models.CharField(max_length=100, blank=True, default="", db_default="")
    fault = models.CharField(max_length=10, blank=True, choices=[(f, f) for f in Fault])
    # When the access ends unless the user renews it, and the days before that of the last reminder; the connection is
    # active until then. See ``connection_status.expiry``.
    expires_at = models.DateTimeField(null=True)
    expiry_reason = models.CharField(max_length=20, blank=True, choices=ExpiryReason, default="", db_default="")
    expiry_reminder = models.PositiveSmallIntegerField(null=True)
    # When the provider found accounts that the user has not been asked to share.
    new_accounts_at = models.DateTimeField(null=True)
    request_id = models.CharField(max_length=100, blank=True)
    # Stays in the past until a sync ends, so that the Item is still due if its job is lost.
    next_sync_at = models.DateTimeField(default=timezone.now)
    # Until then Celery beat does not queue it again.
    claimed_until = models.DateTimeField(null=True)
    # Whether its bank failed or was slow recently; then it is synced in the slow lane.
    is_slow = models.BooleanField(default=False, db_default=False)
    sync_requested_at = models.DateTimeField(null=True)
    refreshed_at = models.DateTimeField(null=True)
    # Whether the next sync asks the bank itself; when one last did, and how often on that day (UTC); and until when
    # what the bank has is awaited.
    bank_refresh_requested = models.BooleanField(default=False, db_default=False)
    bank_refreshed_at = models.DateTimeField(null=True)
    bank_refreshes = models.PositiveSmallIntegerField(default=0, db_default=0)
    bank_refresh_until = models.DateTimeField(null=True)
    # Syncs that rate limits have put off since the last one that was made.
    postponed_syncs = models.PositiveIntegerField(default=0, db_default=0)
    lease_holder = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)

    objects: ClassVar = ItemQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "environment", "provider_item_id"], name="one_row_per_item"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_sync_at"],
                condition=Q(connection=Connection.ACTIVE),
                name="items_due",
            ),
            models.Index(
                fields=["next_sync_at"],
                condition=Q(connection=Connection.LOGIN_REQUIRED),
                name="items_to_check",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(connection=Connection.ACTIVE, expires_at__isnull=False),
                name="items_expiring",
            ),
        ]

    @cached_property
    def open_accounts(self) -> list[Account]:
        """The open accounts. ``connections`` sets this when it loads many."""
        return list(self.accounts.filter(closed_at=None, successor=None).order_by("type", display_name_of(), "id"))

    @property
    def shown_accounts(self) -> list[Account]:
        """The open accounts that the person has not hidden."""
        return [account for account in self.open_accounts if not account.is_hidden]

    @property
    def hidden_accounts(self) -> list[Account]:
        """The open accounts that the person has hidden."""
        return [account for account in self.open_accounts if account.is_hidden]

    @cached_property
    def removed_accounts(self) -> list[Account]:
        """The accounts that the person has removed alone. ``connections`` sets this when it loads many."""
        removed = self.accounts.exclude(user_removed_at=None).filter(successor=None)
        return list(removed.exclude(closed_at=None).order_by("type", display_name_of(), "id"))

    @cached_property
    def has_successors(self) -> bool:
        """Whether another connection has replaced accounts of this one."""
        return self.accounts.filter(successor__isnull=False).exists()

    @property
    def has_pending_sync_request(self) -> bool:
        """Whether a recently requested sync has not finished yet."""
        requested_at = self.sync_requested_at
        if requested_at is None or timezone.now() - requested_at > SYNC_REQUEST_TIMEOUT:
            return False
        return self.checked_at is None or self.checked_at < requested_at

    @property
    def is_updating(self) -> bool:
        """Whether a sync runs, was requested, or the bank was asked for transactions that have not come yet."""
        is_awaited = self.bank_refresh_until is not None and self.bank_refresh_until > timezone.now()
        return self.is_syncing or self.has_pending_sync_request or is_awaited

    def count_bank_refreshes(self, at: datetime) -> int:
        """Count how often the bank itself was asked on the day (UTC) of ``at``."""
        asked_at = self.bank_refreshed_at
        is_same_day = asked_at is not None and asked_at.astimezone(UTC).date() == at.astimezone(UTC).date()
        return self.bank_refreshes if is_same_day else 0

    @property
    def access_message(self) -> str:
        """Why the bank gives no access, in one sentence; may be empty."""
        return access_message(self.provider, self.error_code, self.institution_name, reason=self.error_reason)

    @property
    def sync_error_message(self) -> str:
        """Why the last sync failed, in one sentence."""
        return sync_error_message(self.institution_name, self.fault)

    @property
    def health(self) -> Health:
        """How its syncs go. After a failure, the next attempt is at ``next_sync_at``."""
        if not self.failures:
            return Health.OK
        return Health.BANK_DOWN if self.fault == Fault.BANK else Health.RETRYING

    @property
    def is_expiring(self) -> bool:
        """Whether the access ends within a week, or should have ended already, unless the user renews it."""
        return (
            self.connection == Connection.ACTIVE
            and self.expires_at is not None
            and self.expires_at - timezone.now() <= EXPIRY_NOTICE
            and not self.is_in_other_environment
        )

    @property
    def is_overdue(self) -> bool:
        """Whether its access should have ended, and the bank still gives it."""
        return self.is_expiring and self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def user_action(self) -> UserAction:
        """The one action that pages offer. A failure that passes without the user offers none."""
        if self.is_in_other_environment:
            return UserAction.NONE
        if self.connection != Connection.ACTIVE:
            return LOST_CONNECTION_ACTIONS.get(self.connection, UserAction.NONE)
        if self.is_expiring:
            return UserAction.RECONNECT
        return UserAction.NONE if self.health == Health.OK else UserAction.WAIT

    @property
    def can_choose_accounts(self) -> bool:
        """Whether the page offers to add or remove accounts: the bank gives access, and its first import is done."""
        return self.connection == Connection.ACTIVE and self.state not in ("loading", "elsewhere")

    @property
    def has_new_accounts(self) -> bool:
        """Whether the bank has accounts that the user can add."""
        return self.new_accounts_at is not None and self.can_choose_accounts

    @property
    def is_importing(self) -> bool:
        """Whether the first, complete import is still running."""
        return (
            self.connection == Connection.ACTIVE
            and not self.is_in_other_environment
            and self.readiness != Readiness.HISTORICAL
        )

    @property
    def is_in_other_environment(self) -> bool:
        """Whether it was linked in another environment than the one that the site uses now."""
        return not is_current(self.provider, self.environment)

    @property
    def is_billed(self) -> bool:
        """Whether the provider bills it until it is removed."""
        provider = find_provider(self.provider)
        return provider is not None and self.environment in provider.billed_environments

    @property
    def is_syncing(self) -> bool:
        """Whether a worker has the lease of this Item now."""
        return self.leased_until is not None and self.leased_until > timezone.now()

    @property
    def state(self) -> str:
        """The state that pages show, as a code."""
        if self.connection in VISIBLE_CONNECTIONS and self.is_in_other_environment:
            return "elsewhere"
        if self.connection in (Connection.LOGIN_REQUIRED, Connection.NEEDS_CONSENT):
            return "reauth"
        if self.connection == Connection.NEEDS_REPAIR:
            return "repair"
        if self.connection != Connection.ACTIVE:
            return "disconnected"
        if self.health != Health.OK:
            return "error"
        if self.readiness != Readiness.HISTORICAL:
            return "loading"
        return "stale" if self.is_stale(at=timezone.now()) else "fresh"

    @property
    def can_sync_now(self) -> bool:
        """Whether the page offers "Sync now": the bank gives access, and its first import is done."""
        return self.state not in ("loading", "reauth", "repair", "disconnected", "elsewhere")

    def is_stale(self, *, at: datetime) -> bool:
        """Whether the last successful sync was a day or more before ``at``."""
        return self.checked_at is None or at - self.checked_at >= STALE_AFTER

    def can_refresh(self, *, at: datetime, cooldown: timedelta) -> bool:
        """Whether the user may request a sync again."""
        is_syncable = self.connection == Connection.ACTIVE and not self.is_in_other_environment
        return is_syncable and (self.refreshed_at is None or at - self.refreshed_at >= cooldown)


class OrphanedRemoval(models.Model):
    """A removal of an Item that this site does not have: the token, sealed for the site, and nothing else.

    Its user was erased while the removal was pending, or the Item could not be saved, for example because the user
    asked to be deleted meanwhile.

    Kept until the provider confirms the removal, because it bills the Item until then. If the token was lost,
    ``access_token`` and ``next_attempt_at`` are ``None``: only the provider's support can remove the Item; see
    ``manage.py confirm_removal``. It finds the Item by its ``provider_item_id``, or, if the response with that and the
    token never arrived, by the ids of the dialog and of the request.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.UUIDField(default=SYSTEM, editable=False)
    provider = models.CharField(max_length=20, choices=provider_choices)
    environment = models.CharField(max_length=20)
    provider_item_id = models.CharField(max_length=100, blank=True)
    link_session_id = models.CharField(max_length=100, blank=True, default="", db_default="")
    request_id = models.CharField(max_length=100, blank=True, default="", db_default="")
    access_token = SealedTextField(owner="owner", null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now, null=True)
    error_code = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar = BoundQuerySet.as_manager()


class FailedRemoval(models.Model):
    """A removal that a provider has not confirmed at the first attempt, in a view that only operators can read.

    ``user_id`` is ``None`` if the user was erased, ``next_attempt_at`` if the token was lost as well.
    """

    id = models.UUIDField(primary_key=True)
    user_id = models.UUIDField(null=True)
    provider = models.CharField(max_length=20)
    environment = models.CharField(max_length=20)
    attempts = models.PositiveSmallIntegerField()
    next_attempt_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=100)

    class Meta:
        managed = False
        db_table = "banking_failed_removals"
        ordering: ClassVar = ["-attempts", "id"]


class PendingRemoval(Owned):
    """An Item that still has to be removed at the provider, with the token that this needs.

    Kept until the provider confirms the removal, because it bills the Item until then. If the token cannot be
    decrypted, ``access_token`` is None, and the token stays with the Item until its key is restored.
    """

    class History(models.TextChoices):
        """What is still to be done with the accounts and transactions."""

        KEEP = "keep"
        DELETE = "delete"

    item = models.OneToOneField(Item, on_delete=models.CASCADE, related_name="removal")
    access_token = SealedTextField(null=True)
    # Set when the Item could not be closed at once, because its owner's rows were being stored; a worker does it.
    history = models.CharField(max_length=6, choices=History, blank=True, default="", db_default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    error_code = models.CharField(max_length=100, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["next_attempt_at"], name="removals_due")]
