"""Names of the rows that events are about. Each app registers how to find those of its own rows."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final
from uuid import UUID

from compliance.audit.events import AuditEvent

FindNames = Callable[[UUID, Iterable[str]], Mapping[str, str]]

_finders: Final[dict[str, FindNames]] = {}


def register_names(resource: str, find_names: FindNames) -> None:
    """Register a function that returns the names of an owner's rows by id; it leaves out rows that are gone."""
    _finders[resource] = find_names


def find_resource_names(owner: UUID, events: Iterable[AuditEvent]) -> dict[tuple[str, str], str]:
    """Return the names of the rows that events are about, by resource and id. Needs the owner as tenant."""
    ids: dict[str, set[str]] = defaultdict(set)
    for event in events:
        if event.resource in _finders and event.resource_id:
            ids[event.resource].add(event.resource_id)
    return {
        (resource, row_id): name
        for resource, row_ids in ids.items()
        for row_id, name in _finders[resource](owner, row_ids).items()
    }
