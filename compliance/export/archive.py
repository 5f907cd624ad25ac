"""Writes a ZIP file as its files come, and remembers the size, the number of rows and the hash of each.

Only one block of rows is in memory. Compressing has no thread of its own: ISA-L takes a tenth of the time that reading
the rows takes, and two threads that wait for each other took more.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import IO, Any, Final, Protocol, Self
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from isal import isal_zlib

from compliance.export.verify_export import RAW_DEFLATE, ExportArchive

# Of 30 MB of JSON lines, ISA-L makes 3.7 MB in 23 ms. zlib makes 4.2 MB in 160 ms at its lowest level, and 3.5 MB in
# 330 ms at level 6.
COMPRESSION_LEVEL: Final = 1


class ByteSink(Protocol):
    """Anything that takes bytes, such as a file that cannot go back."""

    def write(self, content: bytes, /) -> int:
        """Take the next bytes."""

    def flush(self) -> None:
        """Do nothing, or pass on what has come so far."""


@dataclass(frozen=True)
class ArchivedFile:
    """A file in the archive: its name, its bytes and their SHA-256; how many rows, or None if it has no rows."""

    name: str
    size: int
    sha256: str
    rows: int | None


class ArchiveWriter:
    """Writes files one after the other into a ZIP file. Use it in a ``with`` block, whose end completes the file."""

    def __init__(self, sink: ByteSink, *, at: datetime) -> None:
        self._zip = ZipFile(_as_file(sink), "w", ZIP_DEFLATED)
        self._date_time = at.timetuple()[:6]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: TracebackType | BaseException | None) -> None:
        if error is None:
            self._zip.close()
        # Without its sink, which may be closed by then, it writes nothing when it is collected.
        self._zip.fp = None

    def write_blocks(self, name: str, blocks: Iterable[tuple[int, bytes]], *, head: bytes = b"") -> ArchivedFile:
        """Write a file of blocks with a number of rows each, below a line that is not counted."""
        count = 0
        with self._open_member(name) as member:
            member.write(head)
            for rows, content in blocks:
                count += rows
                member.write(content)
        return ArchivedFile(name, member.size, member.sha256, count)

    def write_bytes(self, name: str, content: bytes) -> ArchivedFile:
        """Write a file without rows."""
        with self._open_member(name) as member:
            member.write(content)
        return ArchivedFile(name, member.size, member.sha256, None)

    @contextmanager
    def _open_member(self, name: str) -> "Iterator[_Member]":
        entry = ZipInfo(name, self._date_time)
        entry.compress_type = ZIP_DEFLATED
        # Readable by its owner only, wherever it is unpacked.
        entry.external_attr = 0o600 << 16
        # Sizes are not known before, and may be above four gigabytes.
        with self._zip.open(entry, "w", force_zip64=True) as stream:
            # ``zipfile`` has no parameter for another implementation of deflate.
            stream._compressor = isal_zlib.compressobj(  # type: ignore[attr-defined]
                COMPRESSION_LEVEL, isal_zlib.DEFLATED, RAW_DEFLATE
            )
            yield _Member(stream)


class _Member:
    """One file of the archive while it is written."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, block: bytes) -> None:
        self._hash.update(block)
        self.size += len(block)
        self._stream.write(block)


class ArchiveReader(ExportArchive):
    """Reads the files of an export in half the time."""

    decompressobj = staticmethod(isal_zlib.decompressobj)


class _OneWaySink:
    """A sink that cannot go back, be it able to or not: an archive has one form, which the verifier knows."""

    def __init__(self, sink: ByteSink) -> None:
        self.write = sink.write
        self.flush = sink.flush


def _as_file(sink: ByteSink) -> Any:
    # ``ZipFile`` asks for a whole file object, but of one that cannot go back it uses these two methods only.
    return _OneWaySink(sink)
