"""Payments that recur, as the provider finds them in an account's transactions."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from banking.models.accounts import Account
from banking.models.columns import money
from compliance.isolation.models import Owned


class RecurringStream(Owned):
    """A series of similar payments on one account, in or out, when it was last read.

    Amounts are positive when money comes in. ``frequency``, ``status`` and the categories are the provider's codes,
    which may be unknown here. ``is_active`` says that the next payment is still expected.
    """

    # No index: the unique one below begins with this column.
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="recurring_streams", db_index=False)
    provider_id = models.CharField(max_length=256)
    is_inflow = models.BooleanField()
    description = models.CharField(blank=True)
    merchant_name = models.CharField(blank=True)
    category = models.CharField(blank=True)
    category_detail = models.CharField(blank=True)
    frequency = models.CharField(blank=True)
    average_amount = money()
    last_amount = money(null=True)
    currency = models.CharField()
    first_date = models.DateField(null=True)
    last_date = models.DateField()
    predicted_next_date = models.DateField(null=True)
    status = models.CharField(blank=True)
    is_active = models.BooleanField()
    read_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "provider_id"], name="one_row_per_recurring_stream")
        ]
