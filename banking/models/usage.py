"""Counts of what a provider limits or charges for, of the whole site: they name nobody."""

from typing import ClassVar

from django.db import models


class ProviderCallCount(models.Model):
    """How often an endpoint was called on one day (UTC), and how many paid calls were reserved."""

    provider = models.CharField(max_length=20)
    environment = models.CharField(max_length=20)
    endpoint = models.CharField(max_length=100)
    day = models.DateField()
    calls = models.PositiveBigIntegerField(default=0, db_default=0)
    # Of an endpoint that costs money for each call: the calls that were allowed. Each is reserved before it is made.
    reserved = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        ordering: ClassVar = ["-day", "endpoint"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "environment", "day", "endpoint"], name="one_count_per_day")
        ]


class LinkedItemCount(models.Model):
    """How many Items this site has ever linked in an environment, also those whose rows are deleted."""

    provider = models.CharField(max_length=20)
    environment = models.CharField(max_length=20)
    linked = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["provider", "environment"], name="one_count_per_environment")
        ]
