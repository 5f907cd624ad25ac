"""Recomputes the hash chains: verifies that events are unchanged, in order, and that none was removed.

It cannot detect that someone who can write both tables removed the end of a chain and set its head back. Only a copy of
the heads that is kept elsewhere shows that.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connections

PAGE_SIZE: Final = 2000

LINKS = """
    -- Each link with its chain's head and its event, in the order of the fields of Link.
    SELECT l.subject, l.sequence, l.hash, first.sequence, h.sequence, h.hash,
           -- Microseconds since 1970, as audit_event_bytes() hashes them.
           e.id, (extract(epoch FROM e.at) * 1000000)::bigint,
           e.subject, e.actor, e.action, e.resource, e.resource_id, e.outcome, e.payload
      FROM audit_link l
      -- The first link of each chain since the given time; a link without an event counts as new. The link before it is
      -- read too, because the first one continues its hash.
      JOIN (SELECT k.subject, min(k.sequence) AS sequence
              FROM audit_link k LEFT JOIN audit_event o ON o.id = k.event_id
             WHERE coalesce(o.at, 'infinity') >= %s::timestamptz GROUP BY k.subject
           ) first ON first.subject = l.subject AND l.sequence >= first.sequence - 1
      -- LEFT: a removed event or head is what this looks for.
      LEFT JOIN audit_event e ON e.id = l.event_id
      LEFT JOIN audit_head h ON h.subject = l.subject
     ORDER BY l.subject, l.sequence
"""
UNLINKED = """
    SELECT e.subject, e.id FROM audit_event e
     WHERE e.at >= %s::timestamptz AND NOT EXISTS (SELECT FROM audit_link l WHERE l.event_id = e.id)
"""
EMPTY_CHAINS = """
    SELECT h.subject, h.sequence FROM audit_head h
     WHERE NOT EXISTS (SELECT FROM audit_link l WHERE l.subject = h.subject)
"""


@dataclass(frozen=True)
class ChainProblem:
    """A fault in a chain: its subject, its position in the chain (0: in no chain), and what is wrong."""

    subject: UUID
    sequence: int
    description: str


class ChainLink(NamedTuple):
    """A link with its event (None in each field when that was removed) and its chain's head."""

    subject: UUID
    sequence: int
    hash: bytes
    first_sequence: int
    head_sequence: int | None
    head_hash: bytes | None
    event_id: int | None
    at: int | None
    event_subject: UUID | None
    actor: UUID | None
    action: str | None
    resource: str | None
    resource_id: str | None
    outcome: str | None
    payload: bytes | None


@dataclass
class Verification:
    """One verification of the trails. ``events`` counts the verified ones, once ``find_problems`` is exhausted."""

    using: str = "ops"
    since: datetime | None = None
    events: int = 0

    def find_problems(self) -> Iterator[ChainProblem]:
        """Recompute every chain that this database role can see, page by page."""
        for _, chain in groupby(self._links(), key=attrgetter("subject")):
            yield from self._find_chain_problems(chain)
        for subject, identifier in self._rows(UNLINKED, self._start):
            yield ChainProblem(subject, 0, f"event {identifier} is in no chain")
        for subject, sequence in self._rows(EMPTY_CHAINS):
            yield ChainProblem(subject, sequence, "the whole chain is gone")

    def _find_chain_problems(self, chain: Iterable[ChainLink]) -> Iterator[ChainProblem]:
        previous: ChainLink | None = None
        for link in chain:
            if previous is None and link.sequence == link.first_sequence - 1:
                previous = link
                continue
            self.events += 1
            yield from find_link_problems(link, previous)
            previous = link
        if previous and (previous.head_sequence, previous.head_hash) != (previous.sequence, previous.hash):
            yield ChainProblem(previous.subject, previous.sequence, "the chain does not end where its head says")

    @property
    def _start(self) -> str:
        return self.since.isoformat() if self.since else "-infinity"

    def _links(self) -> Iterator[ChainLink]:
        return map(ChainLink._make, self._rows(LINKS, self._start))

    def _rows(self, query: str, *values: str) -> Iterator[tuple[Any, ...]]:
        with closing(connections[self.using].chunked_cursor()) as cursor:
            cursor.execute(query, values)
            while page := cursor.fetchmany(PAGE_SIZE):
                yield from page


def find_link_problems(link: ChainLink, previous: ChainLink | None) -> Iterator[ChainProblem]:
    """Yield what is wrong with one link, given the previous one (None at the start of a chain)."""
    if link.sequence != (previous.sequence if previous else 0) + 1:
        yield ChainProblem(link.subject, link.sequence, "what came before it is gone")
    elif link.event_id is None:
        yield ChainProblem(link.subject, link.sequence, "the event is gone")
    elif link.hash != link_hash(link, previous.hash if previous else genesis_hash(link.subject)):
        yield ChainProblem(link.subject, link.sequence, "the event or its link was changed")


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
