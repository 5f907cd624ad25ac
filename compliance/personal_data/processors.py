"""Work that apps do on a person's data by themselves, such as syncs, and how it ends when the account is deleted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID


class ErasureDelayed(Exception):
    """The erasure would lose or leave behind something, and is tried again later.

    Work is in progress that ends by itself, or operators have to put a key back, of which they are told.
    """


@dataclass(frozen=True, kw_only=True)
class DataProcessor:
    """What one app does on people's data. Both functions run in the open transaction of the person, given by id.

    ``stop`` ends what does not end by itself when the deletion of the account is requested. ``prepare_erasure`` is
    called before any row is deleted: it waits for work in progress, or raises ``ErasureDelayed``, and returns counts
    for the receipt of what is still to be done elsewhere, such as connections to remove at a provider.
    """

    name: str
    prepare_erasure: Callable[[UUID], Mapping[str, int]]
    stop: Callable[[UUID], None] | None = None


_processors: Final[dict[str, DataProcessor]] = {}


def register_processor(processor: DataProcessor) -> None:
    """Add the work of an app; a second one by the same name replaces the first."""
    _processors[processor.name] = processor


def list_processors() -> list[DataProcessor]:
    """List the work of all apps, in the order in which they registered it."""
    return list(_processors.values())


def stop_processing(owner: UUID) -> None:
    """End all work on a person's data, in their open transaction."""
    for processor in list_processors():
        if processor.stop is not None:
            processor.stop(owner)
