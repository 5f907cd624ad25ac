"""Writes anchors: reads the heads, signs them, appends them to the file and logs them."""

import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import connections
from django.utils import timezone

from compliance.audit.anchors.lines import AnchoredHead, AnchorLine, InvalidAnchor, hash_leaf, hash_line, merkle_root
from compliance.signing import SigningKeyMissing

logger = logging.getLogger(__name__)

INTERVAL: Final = timedelta(hours=1)
# A line is at most 12 kB long, which every log collector accepts.
MOST_HEADS: Final = 100
CHUNK_BYTES: Final = 1 << 16
# What is longer is no anchor, and is not kept in memory.
LONGEST_LINE: Final = 1 << 20
# A head changes a moment before its transaction commits, so it may have been invisible to the previous anchor.
OVERLAP: Final = timedelta(hours=1)
PAGE_SIZE: Final = 5000

HEADS: Final = "SELECT subject, sequence, hash, changed_at FROM audit_head ORDER BY subject"


class FileEnd(NamedTuple):
    """The last line of an anchor file that is one, or an empty text, and when the last complete anchor was written.

    After that time the heads of the next anchor have changed. Without it, as in a new file, they are all heads.
    """

    last_line: str
    complete_at: datetime | None


def write_anchor(*, using: str = "ops") -> int:
    """Sign the heads of all chains; append them to ``AUDIT_ANCHOR_FILE`` and log them. Returns the number of chains.

    Without a file, each anchor holds the heads that changed in the last two hours. If the file cannot be written, that
    is logged, and raised as ``OSError``.
    """
    if not settings.AUDIT_ANCHOR_FILE:
        return log_lines(build_lines(using=using, since=timezone.now() - INTERVAL, previous=""))
    try:
        return log_lines(append_anchor(Path(settings.AUDIT_ANCHOR_FILE), using=using))
    except OSError:
        log_lines(build_lines(using=using, since=timezone.now() - INTERVAL, previous=""))
        raise


def append_anchor(path: Path, *, using: str) -> list[AnchorLine]:
    """Append an anchor to the file, and return its lines. Raises ``OSError``."""
    with lock_anchor_file(path) as file:
        end = read_end(file)
        previous = hash_line(end.last_line) if end.last_line else ""
        lines = build_lines(using=using, since=end.complete_at, previous=previous)
        append_lines(file, lines)
    return lines


def log_lines(lines: Sequence[AnchorLine]) -> int:
    """Log each line. Returns the number of chains."""
    for line in lines:
        logger.info("AUDIT_ANCHOR %s", line.to_text())
    return lines[-1].chains


def build_lines(*, using: str, since: datetime | None, previous: str) -> list[AnchorLine]:
    """Build the signed lines of one anchor, with the heads that changed since a time, or all of them."""
    leaves, heads = [], []
    for *columns, changed_at in _read_heads(using=using):
        head = AnchoredHead(*columns)
        leaves.append(hash_leaf(head))
        if since is None or changed_at >= since - OVERLAP:
            heads.append(head)
    at, root = timezone.now(), merkle_root(leaves)
    lines: list[AnchorLine] = []
    # One line even if there is no head.
    for start in range(0, max(1, len(heads)), MOST_HEADS):
        is_last = start + MOST_HEADS >= len(heads)
        group = tuple(heads[start : start + MOST_HEADS])
        line = AnchorLine(at, len(leaves), root, group, is_last, previous).sign()
        lines.append(line)
        previous = hash_line(line.to_text())
    return lines


def _read_heads(*, using: str) -> Iterator[tuple[Any, ...]]:
    with closing(connections[using].chunked_cursor()) as cursor:
        cursor.execute(HEADS)
        while page := cursor.fetchmany(PAGE_SIZE):
            yield from page


@contextmanager
def lock_anchor_file(path: Path) -> Iterator[FileIO]:
    """Open the file, readable by its owner alone, and lock it until the block ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with FileIO(descriptor, "r+") as file:
        # Not lockf, whose locks belong to a process: closing any other file object of it would release them.
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def read_end(file: FileIO) -> FileEnd:
    """Read the end of the file. What a killed process left unfinished is passed over, be it a line or an anchor.

    So is a line that this site did not sign: its time could leave heads out of the next anchor.
    """
    last_line = ""
    for text in read_lines_backwards(file):
        try:
            line = AnchorLine.parse(text)
            is_signed = line.is_signed()
        except InvalidAnchor:
            continue
        except SigningKeyMissing:
            # It keeps its place, as it may be signed. Nobody can tell before its key is back.
            last_line = last_line or text
            continue
        if not is_signed:
            continue
        last_line = last_line or text
        if line.is_last:
            return FileEnd(last_line, line.at)
    return FileEnd(last_line, None)


def read_lines_backwards(file: FileIO) -> Iterator[str]:
    """Yield the lines, the last one first, with little in memory however long they are; one that is too long damaged.

    The last one may lack its line feed: it is an anchor if a process was killed just before writing that.
    """
    position, rest = file.seek(0, os.SEEK_END), b""
    while position:
        start = max(0, position - CHUNK_BYTES)
        file.seek(start)
        # The beginning of the first one has not been read.
        first, *others = (file.read(position - start) + rest).split(b"\n")
        for line in reversed(others):
            yield line.decode(errors="replace")
        position, rest = start, first if len(first) <= LONGEST_LINE else b"\0"
    yield rest.decode(errors="replace")


def append_lines(file: FileIO, lines: Sequence[AnchorLine]) -> None:
    """Append the lines, on lines of their own, and wait until they are on disk."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 1))
    is_unfinished = size > 0 and file.read(1) != b"\n"
    text = "".join(f"{line.to_text()}\n" for line in lines)
    content = memoryview((f"\n{text}" if is_unfinished else text).encode())
    while content:
        content = content[file.write(content) :]
    os.fsync(file.fileno())
