"""Checkpoints: where chains begin after their oldest events were deleted, and the purge that deletes them.

``migrations/0004_audit_retention.py`` has the rules of the database: nothing younger than 365 days goes, and nothing
without a checkpoint. A checkpoint is signed, because whoever can write the tables could otherwise cut off as much of a
chain's beginning as they like.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connections
from django.utils import timezone

from compliance.signing import Signature, sign, verify

RETENTION: Final = timedelta(days=365)
CONTEXT: Final = "plumbline/audit-checkpoint/v1"
# Chosen so that no batch takes longer than 200 ms.
MOST_CHAINS: Final = 200
MOST_EVENTS: Final = 2000

FIND: Final = "SELECT * FROM audit_find_purgeable(%s, %s, %s, %s)"
PURGE: Final = "SELECT audit_purge(%s, %s, %s, %s, %s)"
FIRST_SUBJECT: Final = UUID(int=0)


class CheckpointTooNew(ValueError):
    """The database proposes to delete events that are younger than 365 days."""


class Checkpoint(NamedTuple):
    """The last deleted link of a chain, and the time of the newest deleted event."""

    subject: UUID
    sequence: int
    hash: bytes
    purged_until: datetime

    def sign(self) -> Signature:
        """Return this site's signature. Raises ``CheckpointTooNew``."""
        # The database refuses such a checkpoint, too. This is for a database whose functions were replaced.
        if self.purged_until >= timezone.now() - RETENTION:
            raise CheckpointTooNew(f"Events of {self.subject} are not old enough to be deleted: {self.purged_until}.")
        return sign(CONTEXT, self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return what is signed: JSON with sorted names and no spaces, the time in microseconds since 1970."""
        microseconds = (self.purged_until.astimezone(UTC) - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
        fields = {
            "subject": str(self.subject),
            "sequence": self.sequence,
            "hash": self.hash.hex(),
            "purged_until": microseconds,
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def is_signed(checkpoint: Checkpoint, signature: Signature) -> bool:
    """Return whether this site signed a checkpoint. Raises ``SigningKeyMissing``."""
    return verify(CONTEXT, checkpoint.to_bytes(), signature)


def purge_trail(*, using: str = "ops", before: datetime | None = None) -> int:
    """Delete the events older than 365 days, of every chain, in batches. Returns how many.

    An earlier ``before`` keeps more; a later one does not keep less. May be killed and run again. Raises
    ``CheckpointTooNew`` if the database would delete younger events.
    """
    before = before or timezone.now() - RETENTION
    total, first = 0, FIRST_SUBJECT
    # The last chain of a batch is looked at again, because it may have more old events than fit into one.
    while checkpoints := _find_batch(using=using, before=before, first=first):
        purged = _purge_batch(checkpoints, using=using)
        if not purged:
            # Another purge runs and has deleted these.
            break
        total, first = total + purged, checkpoints[-1].subject
    return total


def _find_batch(*, using: str, before: datetime, first: UUID) -> list[Checkpoint]:
    with connections[using].cursor() as cursor:
        cursor.execute(FIND, [before, first, MOST_CHAINS, MOST_EVENTS])
        return list(_take_batch(cursor.fetchall()))


def _take_batch(rows: Iterable[tuple[UUID, int, bytes, datetime, int]]) -> Iterator[Checkpoint]:
    total = 0
    for subject, sequence, link_hash, purged_until, events in rows:
        total += events
        if total > MOST_EVENTS:
            # Never for the first row: none has more than MOST_EVENTS.
            return
        yield Checkpoint(subject, sequence, bytes(link_hash), purged_until)


def _purge_batch(checkpoints: Sequence[Checkpoint], *, using: str) -> int:
    signatures = [checkpoint.sign() for checkpoint in checkpoints]
    with connections[using].cursor() as cursor:
        cursor.execute(
            PURGE,
            [
                [checkpoint.subject for checkpoint in checkpoints],
                [checkpoint.sequence for checkpoint in checkpoints],
                [checkpoint.purged_until for checkpoint in checkpoints],
                signatures[0].key_id,
                [signature.value for signature in signatures],
            ],
        )
        (purged,) = cursor.fetchone()
    return int(purged)
