"""Recomputing the chains: shows that events stand as they were written, in that order, with none taken out.

What this cannot see is a chain whose end was cut off together with its head, by someone who may write both;
only a copy of the heads that is kept elsewhere shows that.
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

PAGE: Final = 2000

# The link before the first one asked for comes along: its hash is what the first one continues.
LINKS = """
    SELECT l.subject, l.sequence, l.hash, first.sequence, h.sequence, h.hash,
           e.id, (extract(epoch FROM e.at) * 1000000)::bigint,
           e.subject, e.actor, e.action, e.resource, e.resource_id, e.outcome, e.payload
      FROM audit_link l
      JOIN (SELECT k.subject, min(k.sequence) AS sequence
              FROM audit_link k LEFT JOIN audit_event o ON o.id = k.event_id
             WHERE coalesce(o.at, 'infinity') >= %s::timestamptz GROUP BY k.subject
           ) first ON first.subject = l.subject AND l.sequence >= first.sequence - 1
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
class Problem:
    """Where a trail is not what it was: whose, at which place of the chain (0: in no place), and how."""

    subject: UUID
    sequence: int
    what: str


class Link(NamedTuple):
    """A link with its event (None in each field when that is gone) and its chain's head."""

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
    """One reading of the trails. ``events`` counts what was looked at, once ``problems`` is used up."""

    using: str = "ops"
    since: datetime | None = None
    events: int = 0

    def problems(self) -> Iterator[Problem]:
        """Recompute every chain that this database role may see, a page at a time."""
        for _, chain in groupby(self._links(), key=attrgetter("subject")):
            yield from self._problems_of(chain)
        for subject, identifier in self._rows(UNLINKED, self._start):
            yield Problem(subject, 0, f"event {identifier} is in no chain")
        for subject, sequence in self._rows(EMPTY_CHAINS):
            yield Problem(subject, sequence, "the whole chain is gone")

    def _problems_of(self, chain: Iterable[Link]) -> Iterator[Problem]:
        before: Link | None = None
        for link in chain:
            if before is None and link.sequence == link.first_sequence - 1:
                before = link
                continue
            self.events += 1
            yield from problems_of_link(link, before)
            before = link
        if before and (before.head_sequence, before.head_hash) != (before.sequence, before.hash):
            yield Problem(before.subject, before.sequence, "the chain does not end where its head says")

    @property
    def _start(self) -> str:
        return self.since.isoformat() if self.since else "-infinity"

    def _links(self) -> Iterator[Link]:
        return map(Link._make, self._rows(LINKS, self._start))

    def _rows(self, query: str, *values: str) -> Iterator[tuple[Any, ...]]:
        with closing(connections[self.using].chunked_cursor()) as cursor:
            cursor.execute(query, values)
            while page := cursor.fetchmany(PAGE):
                yield from page


def problems_of_link(link: Link, before: Link | None) -> Iterator[Problem]:
    """Say what is wrong with one link, given the one before it (None at the start of a chain)."""
    if link.sequence != (before.sequence if before else 0) + 1:
        yield Problem(link.subject, link.sequence, "what came before it is gone")
    elif link.event_id is None:
        yield Problem(link.subject, link.sequence, "the event is gone")
    elif link.hash != link_hash(link, before.hash if before else genesis(link.subject)):
        yield Problem(link.subject, link.sequence, "the event or its link was changed")


def genesis(subject: UUID) -> bytes:
    """What the first link of a chain continues."""
    return hashlib.sha256(subject.bytes).digest()


def link_hash(link: Link, before: bytes) -> bytes:
    """Compute what ``audit_chain()`` in ``migrations/0003_audit.py`` computes."""
    sequence, identity = struct.pack(">q", link.sequence), struct.pack(">qq", link.event_id, link.at)
    names = (link.action, link.resource, link.resource_id, link.outcome)
    event = identity + b"".join(map(_part, (link.event_subject, link.actor, *names, link.payload)))
    return hashlib.sha256(sequence + before + event).digest()


def _part(value: UUID | str | bytes | None) -> bytes:
    if isinstance(value, UUID):
        value = value.bytes
    elif isinstance(value, str):
        value = value.encode()
    encoded = value or b""
    return struct.pack(">i", len(encoded)) + encoded
