"""Rules that set the category, the tags, the merchant's name and the hidden flag of transactions, and their runs."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from banking.models.accounts import Account
from banking.models.columns import money
from banking.models.tags import Tag
from banking.models.transactions import Transaction
from compliance.isolation.models import Owned


class CategoryRule(Owned):
    """What is always set on the transactions that match all conditions; an empty condition matches each transaction.

    ``merchant`` is the bank's name for the payment as a whole, ``name_part`` is a part of it, both without regard to
    case and spaces. Amounts are positive or zero, and ``direction`` is their sign. Of several rules that set the same
    column, the one with the lowest ``position`` counts.
    """

    class Direction(models.TextChoices):
        IN = "in", _("Money in")
        OUT = "out", _("Money out")

    position = models.IntegerField()
    merchant = models.CharField(max_length=200, blank=True)
    name_part = models.CharField(max_length=200, blank=True)
    direction = models.CharField(max_length=3, choices=Direction, blank=True)
    min_amount = money(null=True)
    max_amount = money(null=True)
    # Deleted with the account: without this condition, the rule would match the transactions of all others.
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="+")
    category = models.CharField(max_length=60, blank=True)
    rename = models.CharField(max_length=100, blank=True)
    hides = models.BooleanField(default=False)
    is_enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "position"], name="rules_of_owner")]

    @property
    def label(self) -> str:
        """The short name on pages: what the rule looks for first."""
        return self.merchant or self.name_part or str(self.account or _("Amount"))


class RuleTag(Owned):
    """A tag that a rule puts on transactions."""

    rule = models.ForeignKey(CategoryRule, on_delete=models.CASCADE, related_name="rule_tags", db_index=False)
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="on_rules")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["rule", "tag"], name="one_tag_per_rule")]


class RuleRun(Owned):
    """A rule applied to stored transactions at a person's request."""

    rule = models.ForeignKey(CategoryRule, on_delete=models.CASCADE, related_name="runs")
    started_at = models.DateTimeField(default=timezone.now)
    changed = models.PositiveIntegerField(default=0)
    undone_at = models.DateTimeField(null=True)


class RuleChange(Owned):
    """What a run changed on one transaction: each column before it, and what it set (empty: it left the column alone).

    ``transaction`` is an id, as in ``TransactionTag``.
    """

    run = models.ForeignKey(RuleRun, on_delete=models.CASCADE, related_name="changes", db_index=False)
    transaction: "models.UUIDField[UUID, UUID]" = models.UUIDField(db_index=True)
    user_category = models.CharField(max_length=60, blank=True)
    category_source = models.CharField(max_length=6, choices=Transaction.Source, blank=True)
    category_rule = models.UUIDField(null=True)
    user_merchant = models.CharField(max_length=100, blank=True)
    merchant_source = models.CharField(max_length=6, choices=Transaction.Source, blank=True)
    merchant_rule = models.UUIDField(null=True)
    hidden = models.BooleanField()
    hidden_source = models.CharField(max_length=6, choices=Transaction.Source, blank=True)
    hidden_rule = models.UUIDField(null=True)
    new_category = models.CharField(max_length=60, blank=True)
    new_merchant = models.CharField(max_length=100, blank=True)
    hides = models.BooleanField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "transaction"], name="one_change_per_run")]
