"""Changes as a page lists them: by report, newest first, and within one report the most severe first."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Protocol

from credit.changes.descriptions import ChangeDescription, describe_change
from credit.diffing import Change, Severity

ORDER = (Severity.HIGH, Severity.NOTICE, Severity.INFO)


class DatedChange(Protocol):
    """A change and the date of its report, as ``credit.stored.reports`` lists them."""

    @property
    def reported_on(self) -> date | None: ...
    @property
    def change(self) -> Change: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One described change. ``key`` is the key of an account with a page, or is empty."""

    severity: Severity
    description: ChangeDescription
    key: str


@dataclass(frozen=True, slots=True)
class ReportChanges:
    """The changes that came with one report."""

    reported_on: date | None
    entries: tuple[Entry, ...]


def group_by_report(stored: Iterable[DatedChange], *, accounts: Collection[str]) -> list[ReportChanges]:
    """Group stored changes, which come newest report first. ``accounts`` are the keys that have a page now."""
    return [
        ReportChanges(reported_on, describe_changes([dated.change for dated in dated_changes], accounts=accounts))
        for reported_on, dated_changes in groupby(stored, key=lambda dated: dated.reported_on)
    ]


def describe_changes(changes: Sequence[Change], *, accounts: Collection[str]) -> tuple[Entry, ...]:
    """Describe changes, the most severe first."""
    ordered = sorted(changes, key=lambda change: ORDER.index(change.severity))
    return tuple(
        Entry(change.severity, describe_change(change), change.key if change.key in accounts else "")
        for change in ordered
    )
