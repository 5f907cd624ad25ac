"""Reads the rows of one file of an export in flat memory: by COPY where the database can write them, else in Python."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Q, QuerySet

from compliance.export.rows.column_sql import (
    Column,
    build_csv_expression,
    build_json_expression,
    quote_column,
)
from compliance.export.rows.row_values import to_json_value, write_csv_line, write_json_line
from compliance.export.rows.unreadable_rows import UnreadableRow, UnreadableRows
from compliance.personal_data import DataHolder, ExportFile, UnreadableValue
from compliance.personal_data.export_files import CSV
from compliance.personal_data.registry import list_columns
from compliance.vault import SealError
from compliance.vault.fields import SealedTextField
from formats.spreadsheets import escape_separated_formulas

# In a JSON text no character is special to these, so COPY writes it as it is.
RAW_LINES: Final = "(FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
SPREADSHEET: Final = "(FORMAT csv)"


BLOCK_BYTES: Final = 256 * 1024


class RowBlock(NamedTuple):
    """Some rows, each a line of bytes."""

    rows: int
    content: bytes


@dataclass
class FileRows:
    """The rows of one file of one person. While they are read, ``unreadable`` notes those with unreadable values."""

    holder: DataHolder
    file: ExportFile
    owner_id: UUID
    excluded: tuple[Any, ...] = ()
    unreadable: UnreadableRows = field(default_factory=UnreadableRows)

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns in the file, by their names there."""
        fields = {column.attname: column for column in self.holder.model._meta.concrete_fields}
        return {name: fields[name] for name in list_columns(self.holder, self.file)}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all values of a row."""
        return (*self.columns, *self.file.computed)

    @property
    def is_csv(self) -> bool:
        return self.file.name.endswith(CSV)

    @property
    def head(self) -> bytes:
        """The first line of a file for spreadsheets."""
        return (",".join(self.names) + "\n").encode() if self.is_csv else b""

    @property
    def is_written_by_database(self) -> bool:
        """Whether COPY can write the rows: all values are columns that the database can read."""
        owns_column = any(field.attname == self.holder.owner for field in self.holder.model._meta.concrete_fields)
        is_sealed = any(isinstance(column, SealedTextField) for column in self.columns.values())
        is_selected = self.file.rows is not None or bool(self.excluded)
        return owns_column and not (self.file.computed or is_sealed or is_selected)

    def iterate_blocks(self) -> Generator[RowBlock, None, None]:
        """Yield all rows as lines, many at a time, in the open transaction of the owner."""
        return self._copy() if self.is_written_by_database else gather_blocks(self._read())

    def _copy(self) -> Generator[RowBlock, None, None]:
        cursor = connections[DEFAULT_DB_ALIAS].cursor()
        with cursor, cursor.cursor.copy(self.build_copy(), [self.owner_id]) as copy:
            # Each row is one message of the protocol.
            for block in gather_blocks(copy):
                yield block._replace(content=escape_separated_formulas(block.content)) if self.is_csv else block

    def build_copy(self) -> str:
        """Return the COPY statement, whose one parameter is the owner's id."""
        quote, meta = connections[DEFAULT_DB_ALIAS].ops.quote_name, self.holder.model._meta
        fields = {column.attname: column for column in meta.concrete_fields} | {"pk": meta.pk}
        if self.is_csv:
            selected, options = ", ".join(map(build_csv_expression, self.columns.values())), SPREADSHEET
        else:
            selected, options = build_json_expression(self.columns), RAW_LINES
        order = ", ".join(
            quote_column(fields[name.removeprefix("-")]) + (" DESC" if name.startswith("-") else "")
            for name in self.file.order
        )
        owner, table = quote_column(fields[self.holder.owner]), quote(meta.db_table)
        # Only names of our own models and constants: the one value is a parameter.
        return f"COPY (SELECT {selected} FROM {table} WHERE {owner} = %s ORDER BY {order}) TO STDOUT {options}"  # noqa: S608

    def _read(self) -> Iterator[bytes]:
        write = write_csv_line if self.is_csv else write_json_line
        rows = select_rows(self.holder, self.owner_id, self.excluded).filter(self.file.rows or Q())
        rows = rows.select_related(*self.file.related) if self.file.related else rows
        for row in rows.order_by(*self.file.order).iterator(chunk_size=self.file.batch_size):
            yield write(self._read_values(row))

    def _read_values(self, row: Any) -> dict[str, Any]:
        values, unreadable = {}, []
        for name, read in self._readers.items():
            try:
                values[name] = read(row)
            except (SealError, UnreadableValue):
                values[name] = None
                unreadable.append(name)
        if unreadable:
            self.unreadable.append(UnreadableRow(self.file.name, str(row.pk), tuple(unreadable)))
        return values

    @cached_property
    def _readers(self) -> Mapping[str, Callable[[Any], Any]]:
        # Values of a spreadsheet keep their types until they are written, because only texts are escaped there.
        readers: dict[str, Callable[[Any], Any]] = {
            name: (_reveal_column if self.is_csv else _read_column)(name) for name in self.columns
        }
        return readers | dict(self.file.computed)


def gather_blocks(rows: Iterable[bytes]) -> Generator[RowBlock, None, None]:
    """Join lines to blocks of some size."""
    lines: list[bytes] = []
    length = 0
    for row in rows:
        lines.append(row)
        length += len(row)
        if length >= BLOCK_BYTES:
            yield RowBlock(len(lines), b"".join(lines))
            lines, length = [], 0
    if lines:
        yield RowBlock(len(lines), b"".join(lines))


def select_rows(holder: DataHolder, owner_id: UUID, excluded: tuple[Any, ...] = ()) -> "QuerySet[Any]":
    """Select a person's rows of one model, in the open transaction of the owner."""
    rows: QuerySet[Any] = holder.model._default_manager.filter(**{holder.owner: owner_id})
    return rows.exclude(pk__in=excluded) if excluded else rows


def _read_column(name: str) -> Callable[[Any], Any]:
    return lambda row: to_json_value(getattr(row, name))


def _reveal_column(name: str) -> Callable[[Any], Any]:
    def reveal(row: Any) -> Any:
        value = getattr(row, name)
        return value.reveal() if hasattr(value, "reveal") else value

    return reveal
