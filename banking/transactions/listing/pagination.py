"""Keyset pagination of transactions: page four thousand costs what page one costs.

A position is the (day, id) of a row. It is plain text in the query string; a forged one can only point into the
user's own rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet

from banking.models import Transaction

PAGE_SIZES = (50, 25, 100)


def parse_page_size(text: str) -> int:
    """The requested page size, or the default."""
    return next((size for size in PAGE_SIZES if text == str(size)), PAGE_SIZES[0])


class Positioned(Protocol):
    """A row that has a position in the list."""

    @property
    def day(self) -> date: ...

    @property
    def id(self) -> UUID: ...


Row = TypeVar("Row", bound=Positioned)
Reader = Callable[[QuerySet[Transaction]], list[Row]]


class InvalidPosition(ValueError):
    """The position in the query string is malformed."""


@dataclass(frozen=True, slots=True)
class Position:
    """The row after which a page begins."""

    day: date
    id: UUID

    def __str__(self) -> str:
        return f"{self.day}_{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Position":
        """Parse a position. Raises ``InvalidPosition``."""
        day, _, row = text.partition("_")
        try:
            return cls(date.fromisoformat(day), UUID(row))
        except ValueError:
            raise InvalidPosition(text) from None

    @classmethod
    def of(cls, row: Positioned) -> "Position":
        return cls(row.day, row.id)


@dataclass(frozen=True, slots=True)
class RowsPage(Generic[Row]):
    """Rows newest first, and the positions of the pages beside them (``None`` where there is none)."""

    rows: list[Row]
    older: Position | None
    newer: Position | None


def get_page(
    rows: QuerySet[Transaction], *, read: Reader[Row], size: int, before: str = "", after: str = ""
) -> RowsPage[Row]:
    """One page of ``rows``: the rows older than ``before``, or newer than ``after``, or the newest.

    ``read`` turns a queryset into the list that the page holds. Raises ``InvalidPosition``.
    """
    if after:
        return get_newer_page(rows, read=read, size=size, than=Position.parse(after))
    if before:
        rows = rows.filter(older_than(Position.parse(before)))
    fetched = read(rows.order_by("-day", "-id")[: size + 1])
    shown = fetched[:size]
    return RowsPage(
        rows=shown,
        older=Position.of(shown[-1]) if len(fetched) > size else None,
        newer=Position.of(shown[0]) if before and shown else None,
    )


def get_newer_page(rows: QuerySet[Transaction], *, read: Reader[Row], size: int, than: Position) -> RowsPage[Row]:
    """The page right before ``than``, going back towards today."""
    fetched = read(rows.filter(newer_than(than)).order_by("day", "id")[: size + 1])
    shown = fetched[:size][::-1]
    return RowsPage(
        rows=shown,
        older=Position.of(shown[-1]) if shown else None,
        newer=Position.of(shown[0]) if len(fetched) > size else None,
    )


def older_than(position: Position) -> Q:
    # The first condition repeats part of the second, so that PostgreSQL can use the index on (owner, day, id).
    return Q(day__lte=position.day) & (Q(day__lt=position.day) | Q(id__lt=position.id))


def newer_than(position: Position) -> Q:
    return Q(day__gte=position.day) & (Q(day__gt=position.day) | Q(id__gt=position.id))
