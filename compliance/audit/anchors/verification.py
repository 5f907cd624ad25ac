"""Compares an anchor file with today's chains: finds a cut end, a rewritten chain, and a file that was changed.

It cannot distinguish a time in which no anchor was written from one whose anchors were removed at the end of the file,
before the next one was appended. It reports both as gaps, which are no problems.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connections
from django.utils import timezone

from compliance.audit.anchors.lines import AnchoredHead, AnchorLine, InvalidAnchor, hash_leaf, hash_line, merkle_root
from compliance.audit.faults import ChainFault, ChainProblem
from compliance.signing import SigningKeyMissing

# Anchors are hourly; each, and the newest, may be late by as much again.
MAX_AGE: Final = timedelta(hours=2)
# More than the overlap of two anchors, the longest transaction and the difference of two clocks.
TOLERANCE: Final = timedelta(days=1)
MINUTE: Final = "%Y-%m-%d %H:%M"

STORED: Final = """
    -- What the database has at the place of each anchored head: the link's hash, the checkpoint, and whether there is a
    -- chain at all.
    SELECT a.place, l.hash, c.sequence, c.hash, c.purged_until, h.subject IS NOT NULL
      FROM unnest(%s::uuid[], %s::bigint[]) WITH ORDINALITY AS a (subject, sequence, place)
      LEFT JOIN audit_link l ON l.subject = a.subject AND l.sequence = a.sequence
      LEFT JOIN audit_checkpoint c ON c.subject = a.subject
      LEFT JOIN audit_head h ON h.subject = a.subject
     ORDER BY a.place
"""


class FileProblem(NamedTuple):
    """What is wrong with an anchor file, at which line (from 1)."""

    line: int
    description: str


class AnchorGap(NamedTuple):
    """A time longer than ``MAX_AGE`` without an anchor, at the line that ends it; at the last one if it goes on."""

    line: int
    since: datetime
    until: datetime | None

    @property
    def description(self) -> str:
        """The time, for operators."""
        if self.until is None:
            return f"no anchor is after {self.since:{MINUTE}} UTC"
        return f"no anchor is between {self.since:{MINUTE}} and {self.until:{MINUTE}} UTC"


class StoredLink(NamedTuple):
    """What the database has at the place of an anchored head."""

    place: int
    hash: bytes | None
    checkpoint_sequence: int | None
    checkpoint_hash: bytes | None
    purged_until: datetime | None
    has_head: bool


@dataclass
class AnchorVerification:
    """One verification of an anchor file.

    Once ``find_problems`` is exhausted, ``compared`` counts the heads that were compared with the database, and
    ``gaps`` are the times without an anchor.
    """

    path: Path
    using: str = "ops"
    compared: int = 0
    gaps: list[AnchorGap] = field(default_factory=list)
    _previous_hash: str = ""
    _last: AnchorLine | None = None
    _last_number: int = 0
    _previous_at: datetime | None = None
    _newest_heads: dict[UUID, AnchoredHead] = field(default_factory=dict)
    _faulty: set[UUID] = field(default_factory=set)

    def find_problems(self) -> Iterator[ChainProblem | FileProblem]:
        """Verify every line and compare its heads with the database; of each chain, yield the first problem only.

        Raises ``OSError``.
        """
        unreadable = 0
        with self.path.open(encoding="utf-8", errors="replace") as file:
            for number, text in enumerate(map(str.rstrip, file), start=1):
                try:
                    line = AnchorLine.parse(text)
                except InvalidAnchor:
                    unreadable = number
                    continue
                # A line that a killed process left unfinished is not part of the file: the next one passes over it.
                if line.previous != self._previous_hash:
                    yield FileProblem(number, "what stood before it in the file was removed or changed")
                unreadable = 0
                yield from self._verify_line(line, text, number)
        if unreadable:
            yield FileProblem(unreadable, "the last line is not an anchor")
        yield from self._verify_end()

    def _verify_line(self, line: AnchorLine, text: str, number: int) -> Iterator[ChainProblem | FileProblem]:
        try:
            is_signed = line.is_signed()
        except SigningKeyMissing as error:
            self._previous_hash = hash_line(text)
            yield FileProblem(number, str(error))
            return
        if not is_signed:
            # The site continues the line before this one.
            yield FileProblem(number, "its signature is not of this site")
            return
        self._previous_hash = hash_line(text)
        if self._last is not None and line.at - self._last.at > MAX_AGE:
            self.gaps.append(AnchorGap(number, self._last.at, line.at))
        if self._last is not None and self._last.is_last:
            self._previous_at = self._last.at
        self._last, self._last_number = line, number
        new_heads = [head for head in line.heads if head != self._newest_heads.get(head.subject)]
        self._newest_heads.update({head.subject: head for head in new_heads})
        yield from self._compare_heads([head for head in new_heads if head.subject not in self._faulty])

    def _compare_heads(self, heads: Sequence[AnchoredHead]) -> Iterator[ChainProblem]:
        with connections[self.using].cursor() as cursor:
            cursor.execute(STORED, [[head.subject for head in heads], [head.sequence for head in heads]])
            rows = cursor.fetchall()
        for head, row in zip(heads, map(StoredLink._make, rows), strict=True):
            self.compared += 1
            if (fault := find_head_fault(head, row, changed_after=self._previous_at)) is not None:
                self._faulty.add(head.subject)
                yield ChainProblem(head.subject, head.sequence, fault)

    def _verify_end(self) -> Iterator[FileProblem]:
        if self._last is None:
            yield FileProblem(0, "there is no anchor in the file")
            return
        if not self._last.is_last:
            yield FileProblem(self._last_number, "the rest of its anchor is missing")
        elif self._last.root != self._calculate_root():
            yield FileProblem(self._last_number, "its root is not that of the heads in the file")
        if timezone.now() - self._last.at > MAX_AGE:
            self.gaps.append(AnchorGap(self._last_number, self._last.at, None))

    def _calculate_root(self) -> bytes:
        return merkle_root([hash_leaf(self._newest_heads[subject]) for subject in sorted(self._newest_heads)])


def find_head_fault(
    head: AnchoredHead, stored: StoredLink, *, changed_after: datetime | None = None
) -> ChainFault | None:
    """Return what is wrong with an anchored head, given what the database has in its place.

    A head that was purged has no link any more. Its checkpoint, whose signature ``chain`` verifies, stands for it. The
    first anchor that has a head has it because it changed since the anchor before, at ``changed_after``: an older
    checkpoint lies. Later anchors that repeat the head say nothing about its age.
    """
    if stored.hash is not None:
        return None if stored.hash == head.hash else ChainFault.REPLACED_SINCE_ANCHOR
    if stored.checkpoint_sequence is not None and stored.checkpoint_sequence >= head.sequence:
        if stored.checkpoint_sequence == head.sequence and stored.checkpoint_hash != head.hash:
            return ChainFault.REPLACED_SINCE_ANCHOR
        is_early = changed_after and stored.purged_until and changed_after - stored.purged_until > TOLERANCE
        return ChainFault.PURGED_TOO_EARLY if is_early else None
    return ChainFault.CUT_SINCE_ANCHOR if stored.has_head else ChainFault.CHAIN_MISSING
