"""Payments that recur, as the provider finds them in an account's transactions."""

from decimal import Decimal
from typing import ClassVar, Final

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from banking.models.accounts import Account
from banking.models.columns import money
from compliance.isolation.models import Owned

# By Plaid's codes: https://plaid.com/docs/api/products/transactions/#transactionsrecurringget
PAYMENTS_PER_YEAR: Final = {"WEEKLY": 52, "BIWEEKLY": 26, "SEMI_MONTHLY": 24, "MONTHLY": 12, "ANNUALLY": 1}


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

    @property
    def label(self) -> str:
        """The name by which a user recognizes the payment."""
        return self.merchant_name or self.description or _("Unknown")

    @property
    def monthly_amount(self) -> Decimal | None:
        """The average amount for each month; ``None`` if the frequency is unknown."""
        payments = PAYMENTS_PER_YEAR.get(self.frequency)
        return None if payments is None else self.average_amount * payments / 12
