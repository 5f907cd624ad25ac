"""What pages show of a person's money, as figures that can be compared."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import NamedTuple


class Line(NamedTuple):
    """A transaction as the CSV file has it."""

    day: str
    posted: str
    description: str
    category: str
    account: str
    amount: Decimal
    currency: str
    status: str
    note: str
    tags: str


class Sums(NamedTuple):
    """The sums above the list; all are positive."""

    count: int = 0
    money_in: Decimal = Decimal(0)
    money_out: Decimal = Decimal(0)
    uncounted_in: Decimal = Decimal(0)
    uncounted_out: Decimal = Decimal(0)


class Balances(NamedTuple):
    current: Decimal | None
    available: Decimal | None
    limit: Decimal | None


@dataclass
class Figures:
    """All that is compared. ``months`` has money in, money out and the number of rows by month and category."""

    lines: Counter[Line]
    hidden: Counter[Line]
    sums: Sums
    months: dict[tuple[date, str], tuple[Decimal, Decimal, int]]
    income: Decimal
    spending: dict[str, Decimal]
    balances: dict[str, Balances]

    def list_differences(self, other: "Figures") -> list[str]:
        """What this has and the other has not, and the reverse, one line for each."""
        return [
            difference
            for part in fields(self)
            for difference in compare_parts(part.name, getattr(self, part.name), getattr(other, part.name))
        ]


def compare_parts(name: str, expected: object, shown: object) -> Iterable[str]:
    if isinstance(expected, Counter) and isinstance(shown, Counter):
        yield from (f"{name}, missing: {line}" for line in (expected - shown).elements())
        yield from (f"{name}, too many: {line}" for line in (shown - expected).elements())
    elif isinstance(expected, dict) and isinstance(shown, dict):
        for key in sorted(expected.keys() | shown.keys(), key=str):
            if expected.get(key) != shown.get(key):
                yield f"{name}, {key}: expected {expected.get(key)}, shown {shown.get(key)}"
    elif expected != shown:
        yield f"{name}: expected {expected}, shown {shown}"
