"""Formats of the report: every value is text, padded with zeros, and empty values are omitted.

The JSON is a copy of fixed-width segments: amounts have eight digits, in ``enhancedPaymentData`` ten, and dates are
MMDDCCYY.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

UNKNOWN = "UNKNOWN"


def amount(dollars: int | None, digits: int = 8) -> str | None:
    """Format whole dollars. A negative balance is zero, because the field has no sign."""
    return None if dollars is None else f"{min(max(dollars, 0), 10**digits - 1):0{digits}d}"


def wide(dollars: int | None) -> str | None:
    """Format whole dollars with ten digits, as in ``enhancedPaymentData``."""
    return amount(dollars, 10)


def count(number: int, digits: int = 2) -> str:
    """Format a count; a higher one than the field can hold becomes its maximum."""
    return f"{min(number, 10**digits - 1):0{digits}d}"


def day(when: date | None) -> str | None:
    """Format a date as MMDDCCYY."""
    return None if when is None else when.strftime("%m%d%Y")


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are not empty."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
