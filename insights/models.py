"""Low runway alerts, and users' decisions on which card is which account of their credit report."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from banking.models import Account
from compliance.isolation.models import Owned


class LowRunway(Owned):
    """A user has less than three months of runway in one currency. The row is deleted when it is longer again."""

    currency = models.CharField(max_length=10)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner", "currency"], name="one_row_per_low_runway")]


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
