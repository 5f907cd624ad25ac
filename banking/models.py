"""Items, accounts and transactions: what a person's banks say, and what the person says about it.

Money is stored exactly as the provider sent it, next to its currency. Text that a provider sends has no
length limit here: a bank with a long name must not stop a sync. Columns that only a person writes
(``user_category``, ``note``, ``hidden``) are never touched by a sync.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from banking.causes import CAUSES, trouble
from banking.provider import Fault, Readiness
from banking.transfer_model import Transfer as Transfer
from compliance.isolation.models import Owned, OwnedQuerySet
from compliance.vault.fields import SealedTextField

STALE_AFTER = timedelta(hours=24)
PATIENCE = timedelta(minutes=5)
FIRST_LOOK = timedelta(seconds=30)
BILLED = frozenset({"production"})


def money(**options: Any) -> "models.DecimalField[Any, Any]":
    """A column that keeps any amount a bank can send, exactly."""
    return models.DecimalField(max_digits=28, decimal_places=10, **options)


class Institution(models.Model):
    """A bank. Belongs to nobody: the same row serves every person who banks there."""

    provider = models.CharField(max_length=20)
    provider_id = models.CharField(max_length=100)
    name = models.CharField()
    url = models.CharField(blank=True)
    color = models.CharField(blank=True)
    fetched_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "provider_id"], name="one_row_per_institution")
        ]

    def __str__(self) -> str:
        return self.name


class Connection(models.TextChoices):
    """Whether the bank still lets us in."""

    ACTIVE = "active", "Connected"
    LOGIN_REQUIRED = "login_required", "Sign-in needed"
    NEEDS_CONSENT = "needs_consent", "Consent needed"
    NEEDS_REPAIR = "needs_repair", "Needs repair"
    REVOKED = "revoked", "Access withdrawn"
    UNSUPPORTED = "unsupported", "Not supported"
    REMOVING = "removing", "Disconnecting"
    REMOVED = "removed", "Disconnected"


LIVING = (
    Connection.ACTIVE,
    Connection.LOGIN_REQUIRED,
    Connection.NEEDS_CONSENT,
    Connection.NEEDS_REPAIR,
    Connection.REVOKED,
    Connection.UNSUPPORTED,
)


class ItemQuerySet(OwnedQuerySet["Item"]):
    def here(self) -> Self:
        """Items of the environment that this site speaks with; a token of another one is never sent there."""
        return self.filter(environment=settings.PLAID_ENV)

    def living(self) -> Self:
        """Items that a person still sees under their connections."""
        return self.filter(connection__in=LIVING)


class Item(Owned):
    """One person's login at one bank: the credential, the cursor and the state of the connection."""

    provider = models.CharField(max_length=20, default="plaid")
    environment = models.CharField(max_length=20)
    provider_item_id = models.CharField(max_length=100)
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, null=True)
    institution_name = models.CharField(blank=True)
    access_token = SealedTextField(null=True)
    connection = models.CharField(max_length=20, choices=Connection, default=Connection.ACTIVE)
    readiness = models.CharField(max_length=20, choices=[(r, r) for r in Readiness], default=Readiness.NOT_READY)
    cursor = models.TextField(blank=True)
    days_requested = models.PositiveSmallIntegerField(default=730)

    connected_at = models.DateTimeField(default=timezone.now)
    checked_at = models.DateTimeField(null=True)
    data_as_of = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    # Transactions that the stream went past since it was last read as a whole, and that could not be stored.
    missing = models.PositiveIntegerField(default=0, db_default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    error_code = models.CharField(max_length=100, blank=True)
    fault = models.CharField(max_length=10, blank=True, choices=[(f, f) for f in Fault])
    request_id = models.CharField(max_length=100, blank=True)
    # Stays in the past until a reading ends, so that whatever happens to a job, the Item is due still.
    next_sync_at = models.DateTimeField(default=timezone.now)
    # Until then the clock queues it no second time.
    claimed_until = models.DateTimeField(null=True)
    # Whether its bank lately failed or took long, so that others do not wait behind it.
    reads_slowly = models.BooleanField(default=False, db_default=False)
    sync_wanted_at = models.DateTimeField(null=True)
    refreshed_at = models.DateTimeField(null=True)
    lease_holder = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)

    objects: ClassVar = ItemQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["environment", "provider_item_id"], name="one_row_per_item"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_sync_at"],
                condition=Q(connection=Connection.ACTIVE),
                name="items_due",
            )
        ]

    @cached_property
    def roster(self) -> "list[Account]":
        """The open accounts. ``rosters`` fills this in where many Items are read."""
        return list(self.accounts.filter(closed_at=None, successor=None).order_by("type", "name", "id"))

    @cached_property
    def is_followed(self) -> bool:
        """Whether another connection reads what this one read."""
        return self.accounts.filter(successor__isnull=False).exists()

    @property
    def awaits_sync(self) -> bool:
        """Whether somebody asked for a sync a moment ago that has not come back yet."""
        wanted = self.sync_wanted_at
        if wanted is None or timezone.now() - wanted > PATIENCE:
            return False
        return self.checked_at is None or self.checked_at < wanted

    @property
    def cause(self) -> str:
        """Why the person has to sign in at the bank again, in one sentence."""
        return CAUSES.get(self.error_code, "")

    @property
    def trouble(self) -> str:
        """Why the last reading failed, in one sentence that blames nobody without reason."""
        return trouble(self.institution_name, self.fault)

    @property
    def is_importing(self) -> bool:
        """Whether the first, complete import is still under way."""
        return self.connection == Connection.ACTIVE and not self.is_elsewhere and self.readiness != Readiness.HISTORICAL

    @property
    def is_elsewhere(self) -> bool:
        """Whether it was linked in another environment than the one that this site speaks with now."""
        return self.environment != settings.PLAID_ENV

    @property
    def is_billed(self) -> bool:
        """Whether the provider asks money for it as long as its token lives."""
        return self.environment in BILLED

    @property
    def is_syncing(self) -> bool:
        """Whether a worker holds this Item now."""
        return self.leased_until is not None and self.leased_until > timezone.now()

    @property
    def state(self) -> str:
        """The one word of the pages' vocabulary that fits best now."""
        if self.is_elsewhere and self.connection in LIVING:
            return "elsewhere"
        if self.connection in (Connection.LOGIN_REQUIRED, Connection.NEEDS_CONSENT):
            return "reauth"
        if self.connection == Connection.NEEDS_REPAIR:
            return "repair"
        if self.connection != Connection.ACTIVE:
            return "disconnected"
        if self.failures:
            return "error"
        if self.is_importing:
            return "loading"
        return "stale" if self.is_stale(at=timezone.now()) else "fresh"

    @property
    def can_be_asked(self) -> bool:
        """Whether "Sync now" makes sense: the bank lets us in, and its first import is over."""
        return self.state not in ("loading", "reauth", "repair", "disconnected", "elsewhere")

    def is_stale(self, *, at: datetime) -> bool:
        """Whether the last good look at the bank was a day or more before ``at``."""
        return self.checked_at is None or at - self.checked_at >= STALE_AFTER

    def can_refresh(self, *, at: datetime, cooldown: timedelta) -> bool:
        """Whether the person may ask for a sync again."""
        asked = self.refreshed_at
        open_to_us = self.connection == Connection.ACTIVE and not self.is_elsewhere
        return open_to_us and (asked is None or at - asked >= cooldown)


class AccountQuerySet(OwnedQuerySet["Account"]):
    def open(self) -> Self:
        """Accounts that the bank still lists, whose connection is alive, and that no other one has followed."""
        return self.filter(closed_at=None, successor=None, item__connection__in=LIVING)


class Account(Owned):
    """One account at a bank. A credit or loan balance is positive when money is owed."""

    # No index of its own: the unique one below begins with it.
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="accounts", db_index=False)
    provider_id = models.CharField(max_length=256)
    persistent_id = models.CharField(max_length=256, blank=True)
    name = models.CharField()
    official_name = models.CharField(blank=True)
    mask = models.CharField(blank=True)
    type = models.CharField()
    subtype = models.CharField(blank=True)
    current = money(null=True)
    available = money(null=True)
    limit = money(null=True)
    currency = models.CharField(blank=True)
    balance_as_of = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    # The account that the same real account is read under now, and from when on that one's balances count; see
    # ``succession``, which alone writes both.
    successor = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="predecessors", db_index=False
    )
    succeeded_on = models.DateField(null=True)

    objects: ClassVar = AccountQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["item", "provider_id"], name="one_row_per_account")]

    def __str__(self) -> str:
        return f"{self.name} ••{self.mask}" if self.mask else self.name

    @cached_property
    def former(self) -> "list[Account]":
        """What the same real account was read under before. ``rosters`` fills this in where many are read."""
        return list(self.predecessors.order_by("pk"))

    @property
    def known_as(self) -> "list[Account]":
        """Everything that the one real account was read under: together they hold its rows and its balances."""
        return [self, *self.former]

    @property
    def is_bank(self) -> bool:
        """Whether this is money in a bank: checking, savings and the like."""
        return self.type == "depository"

    @property
    def is_card(self) -> bool:
        """Whether this account borrows against a limit that utilization is measured by."""
        return self.type == "credit"

    @property
    def is_debt(self) -> bool:
        """Whether a positive balance is owed rather than owned."""
        return self.type in ("credit", "loan")

    @property
    def utilization(self) -> Decimal | None:
        """Percent of the limit in use; nothing owed is 0, and no limit means that there is none to tell."""
        if not self.is_card or not self.limit or self.limit < 0 or self.current is None:
            return None
        return max(self.current, Decimal(0)) * 100 / self.limit


class BalanceSnapshot(Owned):
    """An account's balance as it stood on one day; the history that charts are drawn from."""

    # No index of its own: the unique one below begins with it.
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="snapshots", db_index=False)
    day = models.DateField()
    current = money(null=True)
    available = money(null=True)
    limit = money(null=True)
    currency = models.CharField(blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "day"], name="one_snapshot_per_day")]


class TransactionQuerySet(OwnedQuerySet["Transaction"]):
    def current(self) -> Self:
        """Rows that count: neither withdrawn by the bank, nor replaced by another row, nor hidden by the person."""
        return self.filter(removed_at=None, hidden=False)

    def newest_first(self) -> Self:
        return self.order_by("-day", "-id")


class Transaction(Owned):
    """One movement on an account. ``amount`` is positive when money comes in.

    ``day`` is when the person paid, where the bank says so, and the posting date otherwise. A row counts as long as
    ``removed_at`` is empty: every list and every sum asks for that and for nothing else. One that the bank withdraws
    stays, for whoever asks later where it went; so does one that another row stands for, as ``replaced_by`` says.
    """

    class Replaced(models.TextChoices):
        """What stands in a row's place; nothing does where the bank itself withdrew it."""

        POSTED = "posted", "The posted transaction"
        SUCCESSOR = "successor", "The same account, read anew"

    # No index of its own: the unique one below begins with it, and every index costs each synced row.
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="transactions", db_index=False)
    provider_id = models.CharField(max_length=256)
    amount = money()
    provider_amount = money()
    currency = models.CharField()
    day = models.DateField()
    date = models.DateField()
    authorized_date = models.DateField(null=True)
    name = models.CharField()
    merchant_name = models.CharField(blank=True)
    pending = models.BooleanField(default=False)
    pending_id = models.CharField(max_length=256, blank=True)
    category = models.CharField(blank=True)
    category_detail = models.CharField(blank=True)
    category_confidence = models.CharField(blank=True)
    payment_channel = models.CharField(blank=True)
    user_category = models.CharField(max_length=60, blank=True)
    note = models.TextField(blank=True)
    hidden = models.BooleanField(default=False)
    removed_at = models.DateTimeField(null=True)
    replaced_by = models.CharField(max_length=10, choices=Replaced, blank=True, default="", db_default="")

    objects: ClassVar = TransactionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "provider_id"], name="one_row_per_transaction")
        ]
        indexes: ClassVar = [
            models.Index(F("owner"), F("day").desc(), F("id").desc(), name="newest_first_per_owner"),
            # The few rows that a posted one may replace, and those that name one: asked for by each reading.
            models.Index(
                fields=["account"],
                condition=Q(pending=True, removed_at=None) | Q(replaced_by="posted"),
                name="pending_of_account",
            ),
            models.Index(fields=["account", "pending_id"], condition=~Q(pending_id=""), name="posted_for_pending"),
        ]

    @property
    def effective_category(self) -> str:
        """The category that counts: the person's own word before the provider's."""
        return self.user_category or self.category

    @property
    def label(self) -> str:
        """The words that a person recognizes the payment by."""
        return self.merchant_name or self.name or "Unknown"


class SyncRun(Owned):
    """One reading of one Item: what support looks at when a figure seems wrong."""

    class Result(models.TextChoices):
        RUNNING = "running"
        OK = "ok"
        FAILED = "failed"

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="runs")
    trigger = models.CharField(max_length=20)
    result = models.CharField(max_length=10, choices=Result, default=Result.RUNNING)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    pages = models.PositiveIntegerField(default=0)
    written = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    restarts = models.PositiveSmallIntegerField(default=0)
    # Rows that could not be stored, and which fields of how many rows were not what the provider promises.
    set_aside = models.PositiveIntegerField(default=0, db_default=0)
    flaws = models.TextField(blank=True, default="", db_default="")
    error_code = models.CharField(max_length=100, blank=True)
    request_id = models.CharField(max_length=100, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["item", "-started_at"], name="runs_of_item")]


class LinkSession(Owned):
    """One opening of the linking dialog: the only authority for who may exchange a public token."""

    class State(models.TextChoices):
        OPEN = "open"
        EXCHANGING = "exchanging"
        # The provider has to be asked again what became of it.
        OWED = "owed"
        # An Item may live at the provider that nobody holds: for operators.
        LOST = "lost"
        LINKED = "linked"
        DUPLICATE = "duplicate"
        ABANDONED = "abandoned"
        FAILED = "failed"

    environment = models.CharField(max_length=20, default="")
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    link_token_hash = models.CharField(max_length=64, unique=True)
    # Asked for what the dialog brought. Gone once that is settled; one that was left opens nothing after four hours.
    link_token = SealedTextField(null=True)
    # When a bank's own page interrupted the dialog, which goes on once with the same token.
    resumed_at = models.DateTimeField(null=True)
    public_token_hash = models.CharField(max_length=64, null=True, unique=True)
    claimed_at = models.DateTimeField(null=True)
    # Since then an Item may live at the provider whose token did not reach us.
    exchange_sent_at = models.DateTimeField(null=True)
    next_look_at = models.DateTimeField(null=True)
    looks = models.PositiveSmallIntegerField(default=0)
    item = models.ForeignKey(Item, on_delete=models.CASCADE, null=True, related_name="link_sessions")
    repairs = models.BooleanField(default=False)
    # The Item that a new one takes the place of, because its own token cannot be read.
    replaces = models.ForeignKey(Item, on_delete=models.CASCADE, null=True, related_name="+")
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
                fields=["next_look_at", "claimed_at"], condition=Q(state__in=("owed", "exchanging")), name="links_owed"
            )
        ]

    @property
    def next_wait(self) -> timedelta:
        """How long to wait before the next look: half a minute, then twice as long each time."""
        return FIRST_LOOK * 2 ** min(self.looks, 6)

    def is_over(self, *, at: datetime) -> bool:
        """Whether the dialog can lead to nothing any more: too old, or opened in another environment."""
        return self.expires_at <= at or self.environment != settings.PLAID_ENV


class PendingRemoval(Owned):
    """An Item that still has to be ended at the provider, with the token that this takes.

    Kept until the provider confirms, because an Item that is forgotten here is billed for ever there. A token that
    cannot be opened stays with the Item, for the day on which its key is back; ``access_token`` is None then.
    """

    item = models.OneToOneField(Item, on_delete=models.CASCADE, related_name="removal")
    access_token = SealedTextField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    error_code = models.CharField(max_length=100, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["next_attempt_at"], name="removals_due")]


class WebhookReceipt(models.Model):
    """The fingerprint of a webhook that was accepted, so that a copy of it rings no second time."""

    fingerprint = models.CharField(max_length=64, primary_key=True)
    received_at = models.DateTimeField(default=timezone.now, db_index=True)
