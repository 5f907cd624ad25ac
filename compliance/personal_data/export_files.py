"""The files of an export: which rows and columns of a model are in which file, and which of them can be restored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db.models import Q

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

CSV: Final = ".csv"
JSON_LINES: Final = ".jsonl"


class UnreadableValue(Exception):
    """A stored value cannot be read any more. An export names its row, and leaves the value out."""


@dataclass(frozen=True, kw_only=True)
class RestoredRows:
    """How the rows of a file become rows of another site.

    ``parsers`` turn values of the file, as JSON, into columns, where they are not the columns' own. ``values`` are the
    columns that the file leaves out, where they differ from their defaults; they are made for each row. ``finish`` is
    called with the user's id when all rows are stored.
    """

    parsers: Mapping[str, Callable[[bytes], Mapping[str, Any]]] = field(default_factory=dict)
    values: Callable[[], Mapping[str, Any]] = dict
    finish: Callable[[UUID], None] | None = None


@dataclass(frozen=True, kw_only=True)
class ExportFile:
    """One file with rows of a model. The suffix of ``name`` is the format.

    ``columns`` are attribute names; None means all that the holder exports. ``computed`` are values that are not
    columns, or replace one, by their names in the file; a function raises ``UnreadableValue`` or ``SealError`` for a
    value that cannot be read. ``rows`` selects rows. ``order`` has to be the same on every site.

    Without ``restored``, the file is a record of what happened on this site, which another one does not take over.
    """

    name: str
    columns: tuple[str, ...] | None = None
    computed: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    rows: Q | None = None
    order: tuple[str, ...] = ("pk",)
    related: tuple[str, ...] = ()
    batch_size: int = 500
    restored: RestoredRows | None = None


@dataclass(frozen=True, kw_only=True)
class AttachedFiles:
    """A file for each row of a model, named by its primary key, with bytes exactly as they came.

    ``read`` returns the bytes. With ``attribute``, another site stores them there, as ``write`` returns them.
    """

    folder: str
    suffix: str
    read: Callable[[Any], bytes]
    attribute: str
    write: Callable[[bytes], Any]
    batch_size: int = 10


@dataclass(frozen=True, kw_only=True)
class WithheldRows:
    """Rows that no export has for now, and the reason that the person reads."""

    rows: Q
    reason: "StrOrPromise"
