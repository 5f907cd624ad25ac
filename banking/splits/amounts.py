"""The amounts of the parts of a transaction."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

ZERO: Final = Decimal(0)
MIN_PARTS: Final = 2
MAX_PARTS: Final = 20


def fit_amounts(entered: Sequence[Decimal], *, whole: Decimal) -> list[Decimal] | None:
    """The amounts of parts that add up to the whole: the last one takes the difference to what was entered.

    ``None`` if the last one would be zero or change its sign, because it is then not what the person meant.
    """
    last = whole - sum(entered[:-1], ZERO)
    return [*entered[:-1], last] if last * entered[-1] > 0 else None
