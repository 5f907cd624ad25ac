"""The model of a transfer. ``transfers`` finds them; ``models`` brings this one in with the others."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from compliance.isolation.models import Owned


class Transfer(Owned):
    """Two transactions that are one movement between a person's own accounts: the leg that left, and the one that came.

    The legs are ids and no foreign keys, which would want a unique key on transactions that each synced row pays for:
    a pair whose leg is gone says nothing, and the next look at the person's transactions deletes it. ``left_on`` is
    the day of the leg that left; the other one's lies within ``LONGEST_WAY`` days.
    """

    LONGEST_WAY = 4

    money_out = models.UUIDField(unique=True)
    money_in = models.UUIDField(unique=True)
    left_on = models.DateField()
    found_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["owner", "left_on"], name="transfers_by_day")]
