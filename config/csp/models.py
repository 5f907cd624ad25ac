"""Violations of the content security policy, as reported by browsers. The rows have no owner and no personal data."""

from typing import ClassVar

from django.db import models


class PolicyViolation(models.Model):
    """A kind of violation on one day, with a count."""

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
