"""Transactions.

A sync never changes the columns that belong to the user (``USER_COLUMNS``) of a row that is stored.
"""

from datetime import UTC, datetime, time
from typing import ClassVar, Final, Self

from django.db import models
from django.db.models import F, Q, Value
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from banking.models.accounts import Account
from banking.models.columns import money
from compliance.isolation.models import Owned, OwnedQuerySet

# The columns that belong to the user, each with its value in SQL before anything is set.
USER_COLUMNS: Final = {
    "user_category": "''",
    "category_source": "''",
    "category_rule": "NULL::uuid",
    "user_merchant": "''",
    "merchant_source": "''",
    "merchant_rule": "NULL::uuid",
    "hidden": "false",
    "hidden_source": "''",
    "hidden_rule": "NULL::uuid",
    "note": "''",
}


class TransactionQuerySet(OwnedQuerySet["Transaction"]):
    def current(self) -> Self:
        """Rows that count: neither removed by the bank, nor replaced by another row, nor hidden by the user."""
        return self.filter(removed_at=None, hidden=False)

    def on_shown_accounts(self) -> Self:
        """Rows of accounts that the person has not hidden. A subquery, because a join misleads the planner."""
        return self.exclude(account__in=Account.objects.filter(inclusion=Account.Inclusion.HIDDEN))

    def whole_or_split(self) -> Self:
        """Rows that count, themselves or by their parts."""
        return self.filter(Q(removed_at=None) | Q(replaced_by=Transaction.Replaced.SPLIT))

    def from_bank(self) -> Self:
        """Rows that the bank sent and that are neither removed nor replaced by another one of the bank: of a split
        transaction the whole, and none of its parts."""
        return self.whole_or_split().filter(part_of=None)

    def newest_first(self) -> Self:
        return self.order_by("-day", "-id")


class Transaction(Owned):
    """One transaction on an account. ``amount`` is positive when money comes in.

    ``day`` is the authorization date if the bank reports it, and the posting date otherwise. A row counts if
    ``removed_at`` is empty: all lists and totals check only that. A row that the bank removed, or that another row
    replaced (``replaced_by``), is kept, to explain later what happened to it.

    ``user_category``, ``user_merchant`` and ``hidden`` have a source each: the person, or the rule with the id beside
    it. A value without a source is the person's, too. What the person set, an empty value included, no rule changes.

    A person can split a row into parts, which are rows of their own: ``part_of`` is the id of the whole, and
    ``entered_amount`` what the person entered. Either the whole counts or its parts do; see ``banking.splits``. A part
    has no provider's id, so that no row of a provider is ever taken for it.
    """

    class Source(models.TextChoices):
        """Who set one of the user's columns; empty when nobody has, or when its value is from before sources."""

        PERSON = "person"
        RULE = "rule"

    class Replaced(models.TextChoices):
        """What replaced a row; empty when the bank itself removed it."""

        POSTED = "posted", gettext_lazy("The posted transaction")
        SUCCESSOR = "successor", gettext_lazy("The same account, read anew")
        SPLIT = "split", gettext_lazy("Its parts")

    # No index: the unique one below begins with this column, and every index slows down each stored row.
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="transactions", db_index=False)
    provider_id = models.CharField(max_length=256, null=True)
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
    # The bank's own text, while ``name`` is what the provider made of it.
    original_description = models.CharField(blank=True, default="", db_default="")
    # Of few banks, and midnight where the bank knows only the day; see ``occurred_at``.
    posted_at = models.DateTimeField(null=True)
    authorized_at = models.DateTimeField(null=True)
    # Each is a ``banking.provider.Counterparty`` as JSON; the first is the merchant, if there is one.
    counterparties = models.JSONField(blank=True, default=list, db_default=Value([], output_field=models.JSONField()))
    user_category = models.CharField(max_length=60, blank=True)
    category_source = models.CharField(max_length=6, choices=Source, blank=True, default="", db_default="")
    # Ids of rules and not foreign keys, which would slow down each stored row: the rule may be deleted.
    category_rule = models.UUIDField(null=True)
    user_merchant = models.CharField(max_length=100, blank=True, default="", db_default="")
    merchant_source = models.CharField(max_length=6, choices=Source, blank=True, default="", db_default="")
    merchant_rule = models.UUIDField(null=True)
    note = models.TextField(blank=True)
    hidden = models.BooleanField(default=False)
    hidden_source = models.CharField(max_length=6, choices=Source, blank=True, default="", db_default="")
    hidden_rule = models.UUIDField(null=True)
    removed_at = models.DateTimeField(null=True)
    replaced_by = models.CharField(max_length=10, choices=Replaced, blank=True, default="", db_default="")
    # An id and no foreign key, as those of rules.
    part_of = models.UUIDField(null=True)
    entered_amount = money(null=True)

    objects: ClassVar = TransactionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "provider_id"], name="one_row_per_transaction")
        ]
        indexes: ClassVar = [
            models.Index(F("owner"), F("day").desc(), F("id").desc(), name="newest_first_per_owner"),
            # The pending rows that a posted row may replace, and the posted rows that name one: each sync queries both.
            models.Index(
                fields=["account"],
                condition=Q(pending=True, removed_at=None) | Q(replaced_by="posted"),
                name="pending_of_account",
            ),
            models.Index(fields=["account", "pending_id"], condition=~Q(pending_id=""), name="posted_for_pending"),
            # Few rows; a sync stores none.
            models.Index(fields=["owner", "part_of"], condition=Q(part_of__isnull=False), name="parts_of_splits"),
        ]

    @property
    def effective_category(self) -> str:
        """The user's own category, or the provider's."""
        return self.user_category or self.category

    @property
    def occurred_at(self) -> datetime | None:
        """The time at which the payment was made, or else booked, if the bank reports it.

        Midnight in UTC is how banks write that they know only the day.
        """
        times = (self.authorized_at, self.posted_at)
        return next((at for at in times if at is not None and at.astimezone(UTC).time() != time.min), None)

    @property
    def website(self) -> str:
        """The merchant's website, without a scheme as a rule; may be empty."""
        return next((party["website"] for party in self.counterparties if party.get("website")), "")

    @property
    def label(self) -> str:
        """The name by which a user recognizes the payment: their own, or the bank's."""
        return self.user_merchant or self.bank_label

    @property
    def bank_label(self) -> str:
        """The bank's name for the payment."""
        return self.merchant_name or self.name or _("Unknown")
