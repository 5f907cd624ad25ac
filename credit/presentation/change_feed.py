"""Changes as a page tells them: by report, the newest first, and within one report the gravest first."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Protocol

from credit.changes.descriptions import ChangeDescription, describe_change
from credit.diffing import Change, Severity

ORDER = (Severity.HIGH, Severity.NOTICE, Severity.INFO)


class DatedChange(Protocol):
    """A change and the report that brought it, as ``credit.stored.reports`` lists them."""

    @property
    def reported_on(self) -> date | None: ...
    @property
    def change(self) -> Change: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One change in words; ``key`` names an account that a page can be linked to, or is empty."""

    severity: Severity
    told: ChangeDescription
    key: str


@dataclass(frozen=True, slots=True)
class ReportChanges:
    """What one report brought."""

    reported_on: date | None
    entries: tuple[Entry, ...]


def group_by_report(stored: Iterable[DatedChange], *, accounts: Collection[str]) -> list[ReportChanges]:
    """Sort stored changes, which come newest report first; ``accounts`` are the keys that have a page now."""
    return [
        ReportChanges(day, describe_changes([each.change for each in together], accounts=accounts))
        for day, together in groupby(stored, key=lambda each: each.reported_on)
    ]


def describe_changes(changes: Sequence[Change], *, accounts: Collection[str]) -> tuple[Entry, ...]:
    """Put changes into words, the gravest first."""
    ordered = sorted(changes, key=lambda change: ORDER.index(change.severity))
    return tuple(
        Entry(each.severity, describe_change(each), each.key if each.key in accounts else "") for each in ordered
    )
