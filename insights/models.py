"""Low runway alerts, checks of figures, and which card a user says is which account of their credit report."""

from decimal import Decimal
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from banking.models import Account
from banking.models.columns import money
from compliance.isolation.models import Owned, OwnedQuerySet


class LowRunway(Owned):
    """A user has less than three months of runway in one currency. The row is deleted when it is longer again."""

    currency = models.CharField(max_length=10)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner", "currency"], name="one_row_per_low_runway")]


class FigureCheckQuerySet(OwnedQuerySet["FigureCheck"]):
    def of_shown_accounts(self) -> Self:
        """Checks of figures that pages show, without those of closed accounts and of hidden ones."""
        is_shown = Q(account__closed_at=None) & ~Q(account__inclusion=Account.Inclusion.HIDDEN)
        return self.filter(Q(account=None) | is_shown)


class FigureCheck(Owned):
    """The last check whether a figure equals what the rows behind it add up to.

    ``account`` is ``None`` for a figure of all accounts. ``actual`` is the figure, ``expected`` what it should be.
    """

    class Kind(models.TextChoices):
        # The change of an account's balance, and its transactions.
        BALANCE = "balance"
        # A month's income and spending by category, and the transactions in the list.
        CASH_FLOW = "cash_flow"
        # The last point of the balance chart, and the balance beside it.
        CHART = "chart"

    kind = models.CharField(max_length=10, choices=Kind)
    # No index: deleting an account, which needs one, is rare, and a user has few checks.
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    currency = models.CharField(blank=True)
    since = models.DateField()
    until = models.DateField()
    expected = money()
    actual = money()
    checked_at = models.DateTimeField()
    # When the check first found the difference that it still finds.
    differs_since = models.DateTimeField(null=True)

    objects: ClassVar = FigureCheckQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["owner", "kind", "account", "currency"], nulls_distinct=False, name="one_check_per_figure"
            )
        ]

    @property
    def difference(self) -> Decimal:
        """By how much the figure is higher than it should be."""
        return self.actual - self.expected


class FigureDifference(models.Model):
    """A figure that does not equal what is behind it, without amounts, in a view that only operators can read."""

    id = models.UUIDField(primary_key=True)
    user_id = models.UUIDField()
    kind = models.CharField(max_length=10)
    since = models.DateField()
    until = models.DateField()
    differs_since = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "insights_figure_differences"
        ordering: ClassVar = ["differs_since", "id"]


class CardLink(Owned):
    """A user's decision whether an account in their credit report and a card at a bank are the same.

    ``key`` is the account's key in ``credit.report``, which is the same in every report.
    """

    # No index: the unique one below begins with this column.
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=80)
    same = models.BooleanField()
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "key"], name="one_decision_per_pair"),
            models.UniqueConstraint(fields=["account"], condition=Q(same=True), name="one_account_per_card"),
            models.UniqueConstraint(fields=["owner", "key"], condition=Q(same=True), name="one_card_per_account"),
        ]
