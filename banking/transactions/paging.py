"""Pages of transactions by keyset: page four thousand costs what page one costs.

A position is the (day, id) of a row. It travels in the query string as plain text; a forged one can only ever
point into the person's own rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet

from banking.models import Transaction

SIZES = (50, 25, 100)


def size(text: str) -> int:
    """The page size that was asked for, or the usual one."""
    return next((size for size in SIZES if text == str(size)), SIZES[0])


class Placed(Protocol):
    """Whatever has a place in the list."""

    @property
    def day(self) -> date: ...

    @property
    def id(self) -> UUID: ...


Row = TypeVar("Row", bound=Placed)
Reader = Callable[[QuerySet[Transaction]], list[Row]]


class BadPosition(ValueError):
    """The position in the address was not made by us."""


@dataclass(frozen=True, slots=True)
class Position:
    """The row that a page begins after."""

    day: date
    id: UUID

    def __str__(self) -> str:
        return f"{self.day}_{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Read a position. Raises ``BadPosition``."""
        day, _, row = text.partition("_")
        try:
            return cls(date.fromisoformat(day), UUID(row))
        except ValueError:
            raise BadPosition(text) from None

    @classmethod
    def of(cls, row: Placed) -> "Position":
        return cls(row.day, row.id)


@dataclass(frozen=True, slots=True)
class RowsPage(Generic[Row]):
    """Rows newest first, and the positions of the pages beside them (``None`` where there is none)."""

    rows: list[Row]
    older: Position | None
    newer: Position | None


def page(
    rows: QuerySet[Transaction], *, read: Reader[Row], size: int, before: str = "", after: str = ""
) -> RowsPage[Row]:
    """Cut one page out of ``rows``: the rows older than ``before``, or newer than ``after``, or the newest.

    ``read`` makes of a queryset what the page is to hold. Raises ``BadPosition``.
    """
    if after:
        return newer_page(rows, read=read, size=size, than=Position.parse(after))
    if before:
        rows = rows.filter(older_than(Position.parse(before)))
    found = read(rows.order_by("-day", "-id")[: size + 1])
    shown = found[:size]
    return RowsPage(
        rows=shown,
        older=Position.of(shown[-1]) if len(found) > size else None,
        newer=Position.of(shown[0]) if before and shown else None,
    )


def newer_page(rows: QuerySet[Transaction], *, read: Reader[Row], size: int, than: Position) -> RowsPage[Row]:
    """The page that comes right before ``than``, walking back towards today."""
    found = read(rows.filter(newer_than(than)).order_by("day", "id")[: size + 1])
    shown = found[:size][::-1]
    return RowsPage(
        rows=shown,
        older=Position.of(shown[-1]) if shown else None,
        newer=Position.of(shown[0]) if len(found) > size else None,
    )


def older_than(position: Position) -> Q:
    # The first condition repeats part of the second so that the index on (owner, day, id) can be entered.
    return Q(day__lte=position.day) & (Q(day__lt=position.day) | Q(id__lt=position.id))


def newer_than(position: Position) -> Q:
    return Q(day__gte=position.day) & (Q(day__gt=position.day) | Q(id__gt=position.id))
