"""Accounts at banks and their balances, day by day."""

from decimal import Decimal
from functools import cached_property
from typing import ClassVar, Final, Self
from uuid import UUID

from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from banking.models.columns import money
from banking.models.connection import VISIBLE_CONNECTIONS
from compliance.isolation.models import Owned, OwnedQuerySet

# The accounts of a person that are in totals, and those that are in no list, as conditions in SQL. No figure decides
# this in another way; ``Account.counts`` and ``Account.is_hidden`` are the same in Python.
COUNTED_IN_SQL: Final = "inclusion = 'counted'"
HIDDEN_IN_SQL: Final = "inclusion = 'hidden'"


def display_name_in_sql(table: str) -> str:
    """``Account.display_name`` in SQL, by the name that the query gives to the table of accounts."""
    return f"coalesce(nullif({table}.user_name, ''), {table}.name)"


def display_name_of(account: str = "") -> Coalesce:
    """The same for a queryset: of accounts, or of rows that refer to one by ``account``, such as ``account__``."""
    return Coalesce(NullIf(f"{account}user_name", Value("")), F(f"{account}name"))


class AccountQuerySet(OwnedQuerySet["Account"]):
    def open(self) -> Self:
        """Accounts that the bank still lists, of visible connections, without a successor."""
        return self.filter(closed_at=None, successor=None, item__connection__in=VISIBLE_CONNECTIONS)

    def shown_or(self, account_id: UUID | None) -> Self:
        """Accounts that the person has neither hidden nor removed with their history, and the one with this id."""
        has_former = Exists(Account.objects.filter(successor=OuterRef("pk"), balance_as_of__isnull=False))
        is_empty = Q(user_removed_at__isnull=False, balance_as_of=None) & ~has_former
        return self.filter(~Q(inclusion=Account.Inclusion.HIDDEN) & ~is_empty | Q(pk=account_id))

    def in_order_of_names(self) -> Self:
        """Accounts in the order of the names that the person reads."""
        return self.order_by(display_name_of(), "id")


class Account(Owned):
    """One account at a bank. A credit or loan balance is positive when money is owed.

    ``user_name``, ``inclusion`` and ``user_removed_at`` are the person's, who set them last at ``edited_at``: no sync
    changes them. All accounts that are one real account have the same; see ``account_matching.shared_settings``. Of an
    account that the person removed, which is closed as well, no sync stores anything.
    """

    class Inclusion(models.TextChoices):
        """Whether an account is in lists and in totals. The values are stored; never change or reuse one."""

        COUNTED = "counted", _("Show it, and count it in totals")
        LISTED = "listed", _("Show it, but leave it out of totals")
        HIDDEN = "hidden", _("Hide it, and leave it out of totals")

    MAX_NAME_LENGTH: ClassVar = 60
    BALANCE_FIELDS: ClassVar = ("current", "available", "limit", "balance_as_of")

    # No index: the unique one below begins with this column.
    item = models.ForeignKey("banking.Item", on_delete=models.CASCADE, related_name="accounts", db_index=False)
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
    user_name = models.CharField(max_length=MAX_NAME_LENGTH, blank=True, default="", db_default="")
    inclusion = models.CharField(max_length=7, choices=Inclusion, default=Inclusion.COUNTED, db_default="counted")
    edited_at = models.DateTimeField(null=True)
    user_removed_at = models.DateTimeField(null=True)
    # The account that represents the same real account now, and the day from which its balances count; see
    # ``account_matching``, which alone writes both.
    successor = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="predecessors", db_index=False
    )
    succeeded_on = models.DateField(null=True)
    # Transactions before the first day were purged and do not come back, unless all were (then it is the last day that
    # a date can have). The oldest of them was posted on the second, and the newest that counted, so that the account's
    # totals have it, on the third. Only ``retention`` writes them.
    purged_before = models.DateField(null=True)
    purged_since = models.DateField(null=True)
    totals_until = models.DateField(null=True)

    objects: ClassVar = AccountQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["item", "provider_id"], name="one_row_per_account")]

    def __str__(self) -> str:
        return f"{self.display_name} ••{self.mask}" if self.mask else self.display_name

    @property
    def display_name(self) -> str:
        """The name by which the person knows the account: their own, or the bank's."""
        return self.user_name or self.name

    @property
    def counts(self) -> bool:
        """Whether its balance and its transactions are in totals."""
        return self.inclusion == self.Inclusion.COUNTED

    @property
    def is_hidden(self) -> bool:
        """Whether it is in no list, unless the person asks for it."""
        return self.inclusion == self.Inclusion.HIDDEN

    def forget_balance(self) -> None:
        """Empty the columns of the balance; the caller saves the account."""
        self.current = self.available = self.limit = self.balance_as_of = None

    @cached_property
    def former_accounts(self) -> "list[Account]":
        """The earlier accounts of the same real account. ``connections`` sets this when it loads many."""
        return list(self.predecessors.order_by("pk"))

    @property
    def with_former_accounts(self) -> "list[Account]":
        """All accounts of the same real account: together they have its transactions and its balances."""
        return [self, *self.former_accounts]

    @property
    def has_history(self) -> bool:
        """Whether anything is stored of the same real account: who deletes its history empties all balances."""
        return any(account.balance_as_of is not None for account in self.with_former_accounts)

    @property
    def is_bank(self) -> bool:
        """Whether this is money in a bank: checking, savings and the like."""
        return self.type == "depository"

    @property
    def is_card(self) -> bool:
        """Whether this is a card or a credit line, whose utilization is measured if its limit is known."""
        return self.type == "credit"

    @property
    def is_debt(self) -> bool:
        """Whether a positive balance is owed rather than owned."""
        return self.type in ("credit", "loan")

    @property
    def utilization(self) -> Decimal | None:
        """Percent of the limit in use; 0 when nothing is owed, ``None`` without a limit."""
        if not self.is_card or not self.limit or self.limit < 0 or self.current is None:
            return None
        return max(self.current, Decimal(0)) * 100 / self.limit


class BalanceSnapshot(Owned):
    """An account's balance on one day; the history behind the charts."""

    # No index: the unique one below is enough.
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="snapshots", db_index=False)
    day = models.DateField()
    current = money(null=True)
    available = money(null=True)
    limit = money(null=True)
    currency = models.CharField(blank=True)

    class Meta:
        # The owner comes first because every query has one: without it PostgreSQL expects so few rows of an owner that
        # it reads an account's whole history to find its last day (0.65 ms for a chart instead of 0.29).
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "account", "day"], name="one_snapshot_per_day")
        ]


class AccountRemoval(Owned):
    """An account that the person removed and that a worker has still to close, with its former accounts.

    Deleted when that is done. The account itself has ``user_removed_at`` then, until the person adds it again.
    """

    class History(models.TextChoices):
        """What becomes of its transactions and balances."""

        KEEP = "keep"
        DELETE = "delete"

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="removal")
    history = models.CharField(max_length=6, choices=History)
    requested_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["next_attempt_at"], name="account_removals_due")]
