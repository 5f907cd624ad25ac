"""A column for dates as bureaus report them."""

from datetime import date
from functools import lru_cache
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from credit.report import Day, Precision

LETTERS = {Precision.DAY: 10, Precision.MONTH: 7, Precision.YEAR: 4}
PRECISIONS = {letters: precision for precision, letters in LETTERS.items()}


class DayField(models.CharField):  # type: ignore[type-arg]
    """A ``Day``, written as far as it is known: ``2016-03-15``, ``2016-03`` or ``2016``. So it sorts by time."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"max_length": 10, "null": True, **options})

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        """Leave out of migrations what is always so."""
        name, path, args, options = super().deconstruct()
        del options["max_length"], options["null"]
        return name, path, args, options

    def from_db_value(self, value: str | None, expression: object, connection: BaseDatabaseWrapper) -> Day | None:
        """Read what the column holds."""
        return None if value is None else day_of(value)

    def to_python(self, value: Any) -> Any:
        """Take a ``Day``, or the text that stands for one. Raises ``ValueError`` for any other text."""
        return day_of(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> str | None:
        """Write a ``Day`` as text."""
        return text_of(value) if isinstance(value, Day) else value


def text_of(day: Day) -> str:
    """Write a reported date as far as it is known, in ISO 8601."""
    return day.first.isoformat()[: LETTERS[day.precision]]


@lru_cache(maxsize=4096)
def day_of(text: str) -> Day:
    """Read what ``text_of`` wrote. Raises ``ValueError``."""
    precision = PRECISIONS.get(len(text))
    if precision is None:
        raise ValueError("No date of a report.")
    return Day(date.fromisoformat(f"{text}-01-01"[:10]), precision)
