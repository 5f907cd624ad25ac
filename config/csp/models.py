"""What browsers report of the content security policy. It belongs to nobody and names nobody."""

from typing import ClassVar

from django.db import models


class PolicyViolation(models.Model):
    """One way in which pages broke the content security policy on one day, and how often."""

    day = models.DateField()
    directive = models.CharField(max_length=40)
    page = models.CharField(max_length=200)
    blocked = models.CharField(max_length=200)
    source = models.CharField(max_length=200)
    count = models.PositiveBigIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-last_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["day", "directive", "page", "blocked", "source"], name="one_row_a_day_for_each_violation"
            )
        ]
