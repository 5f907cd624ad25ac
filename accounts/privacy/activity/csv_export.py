"""The activity log as a CSV file, safe to open in a spreadsheet."""

import csv
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from accounts.privacy.activity.events import ActivityEvent, describe_events
from compliance.audit.actions import ALIASES
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from formats.spreadsheets import Echo, escape_formula

CHUNK_SIZE: Final = 500
COLUMNS: Final = (
    "Time (UTC)", "Action", "Object", "Done by", "Device", "IP address", "Outcome", "Details readable", "Code",
    "Other name of the code", "Entry", "Hash",
)  # fmt: skip


def csv_lines(*, owner: UUID, events: QuerySet[AuditEvent]) -> Iterator[str]:
    """Yield the CSV file line by line, in bounded memory, newest event first.

    Each chunk is read in a transaction of its own, because the response is written after the request's has ended.
    """
    writer = csv.writer(Echo())
    yield writer.writerow(COLUMNS)
    events, before = events.select_related("link"), None
    while True:
        with tenant(owner):
            chunk = list((events if before is None else events.filter(pk__lt=before))[:CHUNK_SIZE])
            described = list(describe_events(chunk, owner=owner))
        for row, event in zip(chunk, described, strict=True):
            yield writer.writerow(csv_cells(row, event))
        if len(chunk) < CHUNK_SIZE:
            return
        before = chunk[-1].pk


def csv_cells(row: AuditEvent, event: ActivityEvent) -> tuple[str, ...]:
    """Return the cells of one event. An event that someone removed from its chain has no entry and hash."""
    link = getattr(row, "link", None)
    return (
        event.at.isoformat(timespec="microseconds"),
        escape_formula(event.action),
        escape_formula(event.subject_matter),
        escape_formula(event.by),
        escape_formula(event.device),
        escape_formula(event.ip),
        event.outcome,
        "yes" if event.is_readable else "no",
        event.code,
        ALIASES.get(event.code, ""),
        str(link.sequence) if link else "",
        bytes(link.hash).hex() if link else "",
    )
