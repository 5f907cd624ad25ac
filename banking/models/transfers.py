"""Which two transactions are one transfer: as detected, and as the user decided."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from compliance.isolation.models import Owned


class Transfer(Owned):
    """Two transactions that are one transfer between a user's own accounts: the outgoing and the incoming leg.

    The legs are ids and not foreign keys, which would need a unique key on transactions that slows down each stored
    row: a pair whose leg was deleted has no effect, and the next sync deletes it. ``sent_on`` is the day of the
    outgoing leg. The other leg's day is within ``MAX_DAYS_APART`` days of it, or within ``MAX_DAYS_APART_BY_HAND`` if
    the user joined the two.
    """

    MAX_DAYS_APART = 4
    MAX_DAYS_APART_BY_HAND = 10

    money_out = models.UUIDField(unique=True)
    money_in = models.UUIDField(unique=True)
    sent_on = models.DateField()
    detected_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "sent_on"], name="transfers_by_day")]


class TransferDecision(Owned):
    """A user's decision whether two transactions are one transfer. No sync changes what was decided.

    The legs are ids as in ``Transfer``. When another row replaces one of them, the decision goes over to that row.
    """

    money_out = models.UUIDField()
    money_in = models.UUIDField()
    is_transfer = models.BooleanField()
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["owner", "money_out", "money_in"], name="one_decision_per_transfer"),
            models.UniqueConstraint(
                fields=["owner", "money_out"], condition=Q(is_transfer=True), name="one_decided_transfer_out"
            ),
            models.UniqueConstraint(
                fields=["owner", "money_in"], condition=Q(is_transfer=True), name="one_decided_transfer_in"
            ),
        ]
