"""Turns the lines of an export's files into rows."""

from collections.abc import Generator
from contextlib import closing
from itertools import islice
from typing import Any, Final
from uuid import UUID
from zipfile import ZipFile

import msgspec
from django.db.models import Field, Model

from compliance.export.verify_export import escape_text
from compliance.personal_data import DataHolder, ExportFile, RestoredRows
from compliance.personal_data.registry import list_columns
from compliance.vault.fields import SealedTextField

PAGE_SIZE: Final = 500
MAX_LINE_BYTES: Final = 64 * 1024 * 1024
MAX_ATTACHED_BYTES: Final = 64 * 1024 * 1024
_decoder: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class CannotRestore(Exception):
    """The export cannot be restored here. The message says why, and what to do.

    Names and values of the file in it cannot control the terminal on which it is shown.
    """

    def __init__(self, message: str) -> None:
        super().__init__(escape_text(message))


class RowBuilder:
    """Builds the rows of one file for one user."""

    def __init__(self, archive: ZipFile, holder: DataHolder, file: ExportFile, user_id: UUID) -> None:
        self._archive = archive
        self._holder = holder
        self._file = file
        self._user_id = user_id
        self._restored = file.restored or RestoredRows()
        self._member_names = set(archive.namelist())
        self._names = {*list_columns(holder, file), *file.computed}
        self._columns = {column.attname: column for column in holder.model._meta.concrete_fields}

    def store(self) -> int:
        """Store all rows of the file, some at a time, in the open transaction. Returns how many."""
        count = 0
        with closing(self._iterate_lines()) as lines:
            rows = map(self._build_row, lines)
            while page := list(islice(rows, PAGE_SIZE)):
                self._store_page(page)
                count += len(page)
        return count

    def _store_page(self, page: list[Model]) -> None:
        # The values that saving replaces by the current time.
        times = [self._automatic_times(row) for row in page]
        self._holder.model._default_manager.bulk_create(page)
        for row, values in zip(page, times, strict=True):
            if values:
                self._holder.model._default_manager.filter(pk=row.pk).update(**values)

    def _iterate_lines(self) -> Generator[bytes, None, None]:
        with self._archive.open(self._file.name) as stream:
            while line := stream.readline(MAX_LINE_BYTES):
                if not line.endswith(b"\n"):
                    raise CannotRestore(f"{self._file.name} has a line that is too long or not complete.")
                yield line

    def _build_row(self, line: bytes) -> Model:
        texts = _decoder.decode(line)
        # A column that the file does not have could make an administrator, or set a password.
        if texts.keys() != self._names:
            raise CannotRestore(f"{self._file.name} has a row with other values than the file should have.")
        values: dict[str, Any] = {}
        for name, text in texts.items():
            if name in self._restored.parsers:
                values |= self._restored.parsers[name](bytes(text))
            else:
                values[name] = parse_value(self._columns[name], bytes(text))
        values |= self._restored.values()
        if self._holder.owner in self._columns:
            values[self._holder.owner] = self._user_id
        row: Model = self._holder.model(**values)
        if self._holder.attached:
            setattr(row, self._holder.attached.attribute, self._read_attached(row))
        return row

    def _read_attached(self, row: Model) -> Any:
        attached = self._holder.attached
        if attached is None:
            return None
        name = f"{attached.folder}/{row.pk}{attached.suffix}"
        # What the export could not read stays unreadable here: the column is empty.
        if name not in self._member_names:
            return ""
        with self._archive.open(name) as stream:
            content = stream.read(MAX_ATTACHED_BYTES + 1)
        if len(content) > MAX_ATTACHED_BYTES:
            raise CannotRestore(f"{name} is too long.")
        return attached.write(content)

    def _automatic_times(self, row: Model) -> dict[str, Any]:
        automatic = (
            name
            for name, column in self._columns.items()
            if getattr(column, "auto_now", False) or getattr(column, "auto_now_add", False)
        )
        return {name: value for name in automatic if (value := getattr(row, name)) is not None}


def parse_value(column: "Field[Any, Any]", text: bytes) -> Any:
    """Parse a value as ``export.rows.column_sql`` writes it. Raises ``ValidationError`` if that cannot be."""
    value = msgspec.json.decode(text)
    if isinstance(column, SealedTextField):
        # A value that the export could not read, in a column that has to have one.
        return "" if value is None and not column.null else value
    return column.to_python(value)
