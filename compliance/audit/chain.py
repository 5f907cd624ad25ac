"""Recomputes the hash chains: verifies that events are unchanged, in order, and that none was removed.

It cannot detect that someone who can write all tables removed the end of a chain and set its head back, or replaced a
chain from some event on. ``verification_results`` finds the first, unless what it has stored was changed as well. Only
a copy of the heads that is kept elsewhere shows both: see ``anchors``.
"""

import hashlib
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connections

from compliance.audit.checkpoints import Checkpoint, is_signed
from compliance.audit.faults import ChainFault, ChainProblem
from compliance.signing import Signature, SigningKeyMissing

PAGE_SIZE: Final = 2000

COLUMNS = """
    -- Each link with its chain's head and checkpoint and its event, in the order of the fields of Link.
    SELECT l.subject, l.sequence, l.hash, {is_context}, h.sequence, h.hash, c.sequence, c.hash,
           -- Microseconds since 1970, as audit_event_bytes() hashes them.
           e.id, (extract(epoch FROM e.at) * 1000000)::bigint,
           e.subject, e.actor, e.action, e.resource, e.resource_id, e.outcome, e.payload
      FROM audit_link l {newer}
      -- LEFT: a removed event or head is what this looks for.
      LEFT JOIN audit_event e ON e.id = l.event_id
      LEFT JOIN audit_head h ON h.subject = l.subject
      LEFT JOIN audit_checkpoint c ON c.subject = l.subject
     ORDER BY l.subject, l.sequence
"""
LINKS = COLUMNS.format(is_context="false", newer="")
NEWER_LINKS = COLUMNS.format(
    is_context="l.sequence < first.sequence",
    newer="""
      -- The first link of each chain since the given time; a link without an event counts as new. The link before it is
      -- read too, because the first one continues its hash. Of a chain without a newer link the last one is read: it
      -- has to be the head, or newer ones were removed. The head's own time is no evidence, as no hash covers it.
      JOIN (SELECT k.subject,
                   coalesce(min(k.sequence) FILTER (WHERE coalesce(o.at, 'infinity') >= %s::timestamptz),
                            max(k.sequence) + 1) AS sequence
              FROM audit_link k LEFT JOIN audit_event o ON o.id = k.event_id GROUP BY k.subject
           ) first ON first.subject = l.subject AND l.sequence >= first.sequence - 1""",
)
UNLINKED = """
    SELECT e.subject FROM audit_event e
     WHERE e.at >= %s::timestamptz AND NOT EXISTS (SELECT FROM audit_link l WHERE l.event_id = e.id)
"""
CHECKPOINTS = "SELECT subject, sequence, hash, purged_until, key_id, signature FROM audit_checkpoint ORDER BY subject"
# Chains without a link: all of their events were purged, or the chain was removed.
EMPTY_CHAINS = """
    SELECT h.subject, h.sequence FROM audit_head h LEFT JOIN audit_checkpoint c ON c.subject = h.subject
     WHERE NOT EXISTS (SELECT FROM audit_link l WHERE l.subject = h.subject)
       AND (c.sequence, c.hash) IS DISTINCT FROM (h.sequence, h.hash)
"""


class ChainPosition(NamedTuple):
    """A place in a chain, and the hash there."""

    sequence: int
    hash: bytes


class ChainLink(NamedTuple):
    """A link with its event (None in each field when that was removed) and its chain's head and checkpoint.

    ``is_context`` marks a link that is read for its hash alone.
    """

    subject: UUID
    sequence: int
    hash: bytes
    is_context: bool
    head_sequence: int | None
    head_hash: bytes | None
    checkpoint_sequence: int | None
    checkpoint_hash: bytes | None
    event_id: int | None
    at: int | None
    event_subject: UUID | None
    actor: UUID | None
    action: str | None
    resource: str | None
    resource_id: str | None
    outcome: str | None
    payload: bytes | None

    @property
    def position(self) -> ChainPosition:
        """Where the link is."""
        return ChainPosition(self.sequence, self.hash)

    @property
    def chain_start(self) -> ChainPosition:
        """Where the chain begins: at its checkpoint, or before its first event."""
        if self.checkpoint_sequence is None or self.checkpoint_hash is None:
            return ChainPosition(0, genesis_hash(self.subject))
        return ChainPosition(self.checkpoint_sequence, self.checkpoint_hash)


@dataclass
class Verification:
    """One verification of the trails. ``events`` counts the verified ones of each subject as they are read."""

    using: str = "ops"
    since: datetime | None = None
    events: Counter[UUID] = field(default_factory=Counter)

    def find_problems(self) -> Iterator[ChainProblem]:
        """Recompute every chain that this database role can see, page by page."""
        for _, chain in groupby(self._links(), key=attrgetter("subject")):
            yield from self._find_chain_problems(chain)
        for (subject,) in self._rows(UNLINKED, self.since.isoformat() if self.since else "-infinity"):
            yield ChainProblem(subject, 0, ChainFault.UNLINKED)
        for subject, sequence in self._rows(EMPTY_CHAINS):
            yield ChainProblem(subject, sequence, ChainFault.CHAIN_MISSING)
        for subject, sequence, link_hash, purged_until, key_id, signature in self._rows(CHECKPOINTS):
            if not was_signed(Checkpoint(subject, sequence, link_hash, purged_until), Signature(key_id, signature)):
                yield ChainProblem(subject, sequence, ChainFault.CHECKPOINT_FORGED)

    def _find_chain_problems(self, chain: Iterable[ChainLink]) -> Iterator[ChainProblem]:
        previous: ChainPosition | None = None
        for link in chain:
            if not link.is_context:
                self.events[link.subject] += 1
                yield from find_link_problems(link, previous or link.chain_start)
            previous = link.position
        # Every chain of ``groupby`` has a link.
        if (link.head_sequence, link.head_hash) != link.position:
            yield ChainProblem(link.subject, link.sequence, ChainFault.END_MOVED)

    def _links(self) -> Iterator[ChainLink]:
        rows = self._rows(NEWER_LINKS, self.since.isoformat()) if self.since else self._rows(LINKS)
        return map(ChainLink._make, rows)

    def _rows(self, query: str, *values: str) -> Iterator[tuple[Any, ...]]:
        with closing(connections[self.using].chunked_cursor()) as cursor:
            cursor.execute(query, values)
            while page := cursor.fetchmany(PAGE_SIZE):
                yield from page


def find_link_problems(link: ChainLink, previous: ChainPosition) -> Iterator[ChainProblem]:
    """Yield what is wrong with one link, given what it has to continue."""
    if link.sequence != previous.sequence + 1:
        yield ChainProblem(link.subject, link.sequence, ChainFault.PREDECESSOR_MISSING)
    elif link.event_id is None:
        yield ChainProblem(link.subject, link.sequence, ChainFault.EVENT_MISSING)
    elif link.hash != link_hash(link, previous.hash):
        yield ChainProblem(link.subject, link.sequence, ChainFault.CHANGED)


def was_signed(checkpoint: Checkpoint, signature: Signature) -> bool:
    """Return whether a checkpoint has a signature of this site; one with an unknown key has none that counts."""
    try:
        return is_signed(checkpoint, signature)
    except SigningKeyMissing:
        return False


def genesis_hash(subject: UUID) -> bytes:
    """Return the hash that the first link of a chain continues."""
    return hashlib.sha256(subject.bytes).digest()


def link_hash(link: ChainLink, previous_hash: bytes) -> bytes:
    """Compute what ``audit_chain()`` in ``migrations/0003_audit.py`` computes."""
    sequence, identity = struct.pack(">q", link.sequence), struct.pack(">qq", link.event_id, link.at)
    names = (link.action, link.resource, link.resource_id, link.outcome)
    event = identity + b"".join(map(_encode_part, (link.event_subject, link.actor, *names, link.payload)))
    return hashlib.sha256(sequence + previous_hash + event).digest()


def _encode_part(value: UUID | str | bytes | None) -> bytes:
    if isinstance(value, UUID):
        value = value.bytes
    elif isinstance(value, str):
        value = value.encode()
    encoded = value or b""
    return struct.pack(">i", len(encoded)) + encoded
