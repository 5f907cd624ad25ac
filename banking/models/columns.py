"""Columns that several tables have."""

from typing import Any

from django.db import models


def money(**options: Any) -> "models.DecimalField[Any, Any]":
    """A column that keeps any amount a bank can send, exactly."""
    return models.DecimalField(max_digits=28, decimal_places=10, **options)


def percentage(**options: Any) -> "models.DecimalField[Any, Any]":
    """A column for a rate in percent, exactly as it was sent."""
    return models.DecimalField(max_digits=28, decimal_places=10, **options)
