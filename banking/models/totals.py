"""Totals of transactions that are no longer stored."""

from typing import ClassVar

from django.db import models

from banking.models.accounts import Account
from banking.models.columns import money
from compliance.isolation.models import Owned


class TransactionTotal(Owned):
    """What counted in cash flow on one account, in one currency and category, in one month or on one day.

    Both amounts are positive or zero. ``starts_on`` is the day, or the first day of the month. It has the category's
    code, and no text of a bank. ``PURGED`` totals are of rows that were deleted, and grow; ``STREAM`` totals are of a
    person who keeps no transactions, and each sync replaces them.
    """

    class Source(models.TextChoices):
        PURGED = "purged"
        STREAM = "stream"

    class Period(models.TextChoices):
        DAY = "day"
        MONTH = "month"

    # No index: the unique one below begins with this column.
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="totals", db_index=False)
    source = models.CharField(max_length=6, choices=Source)
    period = models.CharField(max_length=5, choices=Period)
    starts_on = models.DateField()
    currency = models.CharField()
    category = models.CharField(blank=True)
    money_in = money()
    money_out = money()
    count = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "source", "period", "starts_on", "currency", "category"],
                name="one_total_per_period",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["owner", "period", "starts_on"], name="totals_of_owner")]
