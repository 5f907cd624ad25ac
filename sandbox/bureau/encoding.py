"""How the bureau writes: every value is text, padded with zeros, and what is empty is left out.

The JSON is a copy of fixed-width segments, so widths matter: amounts have eight digits, ten inside
``enhancedPaymentData``; dates are MMDDCCYY.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

UNKNOWN = "UNKNOWN"


def amount(dollars: int | None, digits: int = 8) -> str | None:
    """Whole dollars. A credit balance is written as zero, because the field has no sign."""
    return None if dollars is None else f"{min(max(dollars, 0), 10**digits - 1):0{digits}d}"


def wide(dollars: int | None) -> str | None:
    """Whole dollars with ten digits, as in ``enhancedPaymentData``."""
    return amount(dollars, 10)


def count(number: int, digits: int = 2) -> str:
    """A number of things, which stops at the highest the field can hold."""
    return f"{min(number, 10**digits - 1):0{digits}d}"


def day(when: date | None) -> str | None:
    """A date as MMDDCCYY."""
    return None if when is None else when.strftime("%m%d%Y")


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
