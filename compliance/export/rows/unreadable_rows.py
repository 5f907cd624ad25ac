"""Remembers which rows of an export have unreadable values: the first in memory, all in a temporary file."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from tempfile import SpooledTemporaryFile
from typing import Final

UNREADABLE_ROWS: Final = "unreadable_rows.jsonl"
# A program reads the manifest as a whole, so that it names some rows only.
MAX_NAMED: Final = 1000
MAX_MEMORY_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class UnreadableRow:
    """A row of which a value could not be read: its file, its primary key, and the names of those values."""

    file: str
    row: str
    columns: tuple[str, ...]


class UnreadableRows:
    """The unreadable rows of an export, in flat memory. Only one file of an archive is open, so that theirs is last."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[UnreadableRow] = []

    @cached_property
    def _lines(self) -> "SpooledTemporaryFile[bytes]":
        # It has the names of values, and none of the values. Its closing deletes it.
        return SpooledTemporaryFile(MAX_MEMORY_BYTES)

    def append(self, row: UnreadableRow) -> None:
        """Note a row."""
        self.count += 1
        if self.count <= MAX_NAMED:
            self.first.append(row)
        self._lines.write(json.dumps(asdict(row), ensure_ascii=False).encode() + b"\n")

    def iterate_lines(self) -> Iterator[bytes]:
        """Yield each row as a line of JSON, once all were noted."""
        self._lines.seek(0)
        yield from self._lines

    def close(self) -> None:
        """Delete the temporary file."""
        self._lines.close()
