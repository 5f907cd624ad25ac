"""Rows of a product that could not be stored."""

from collections import Counter
from collections.abc import Iterable

from banking.provider import SkippedRow


def count_skipped(skipped: Iterable[SkippedRow]) -> Counter[str]:
    """Count rows that could not be parsed, by their kind and field."""
    return Counter(f"{kind}.{field}" for kind, field, _ in skipped)
