"""What a retention rule consists of, and what its next purge would take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol
from uuid import UUID

from compliance.audit.daily_access import DataKind

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

NOTICE_PERIOD: Final = timedelta(days=7)
EVERYTHING: Final = date.max
"""The first day that is kept, if nothing is kept."""


class OwnerIsBusy(Exception):
    """Rows of this owner are being stored now. The purge is repeated later and does not wait."""


class RetentionChoice(NamedTuple):
    """A period that a person can choose: ``None`` is until the account is deleted, 0 is not at all."""

    days: int | None
    label: "StrOrPromise"

    @property
    def value(self) -> str:
        """The choice as forms send it."""
        return "all" if self.days is None else str(self.days)


@dataclass(frozen=True, slots=True)
class PurgeGroup:
    """A part of what a purge takes, such as one account: how many rows, and the days of the oldest and newest."""

    label: str
    count: int
    oldest: date
    newest: date


class PurgeSample(NamedTuple):
    """One row that a purge takes, as a person recognizes it."""

    day: date
    label: str


@dataclass(frozen=True)
class PurgePreview:
    """What a purge takes, by group, and a few of its rows. Without groups it takes nothing."""

    groups: Sequence[PurgeGroup] = ()
    sample: Sequence[PurgeSample] = ()

    @property
    def count(self) -> int:
        """How many rows it takes."""
        return sum(group.count for group in self.groups)

    @property
    def oldest(self) -> date | None:
        """The day of the oldest row."""
        return min((group.oldest for group in self.groups), default=None)

    @property
    def newest(self) -> date | None:
        """The day of the newest row."""
        return max((group.newest for group in self.groups), default=None)


class Preview(Protocol):
    """Counts the rows of ``owner_id`` whose day is before ``before``."""

    def __call__(self, *, owner_id: UUID, before: date) -> PurgePreview:
        """Count them, inside the owner's tenant."""


class IsStored(Protocol):
    """Whether any row of ``owner_id`` is stored, or is being stored."""

    def __call__(self, *, owner_id: UUID) -> bool:
        """Look inside the owner's tenant, without waiting. If there is none, none is stored until it ends."""


class Purge(Protocol):
    """Deletes up to about ``limit`` rows of ``owner_id`` whose day is before ``before``."""

    def __call__(self, *, owner_id: UUID, before: date, limit: int) -> int:
        """Delete them in one transaction, which the caller may have opened, and return how many; 0 if none is left.

        The caller has locked the owner's row in it, before all others (``account_lock``).

        Raises ``OwnerIsBusy`` instead of waiting for another transaction that stores rows of this owner.
        """


class Restore(Protocol):
    """Gets the rows of ``owner_id`` back that were not kept."""

    def __call__(self, *, owner_id: UUID) -> None:
        """Get them back, or have them fetched soon."""


@dataclass(frozen=True, kw_only=True)
class RetentionRule:
    """A kind of data whose period a person can choose.

    ``initial_days`` is the period of a person who never chose, ``preselected_days`` the one that the form proposes.
    ``stays`` says what is kept after a purge, and ``stays_page`` names the page that shows it. ``data_kind`` is what
    someone looks at who sees a preview.
    """

    data_type: str
    data_kind: DataKind
    label: "StrOrPromise"
    choices: tuple[RetentionChoice, ...]
    initial_days: int | None
    preselected_days: int | None
    stays: "StrOrPromise"
    is_stored: IsStored
    preview: Preview
    purge: Purge
    stays_page: str = ""
    # Called when a person who kept nothing chooses a period, in the transaction of the choice; what it does, in words.
    restore: Restore | None = None
    restored: "StrOrPromise" = ""
    warnings: Mapping[int, "StrOrPromise"] = field(default_factory=dict)

    def label_for(self, days: int | None) -> "StrOrPromise":
        """Return the words for a period. Raises ``ValueError`` for one that cannot be chosen."""
        for choice in self.choices:
            if choice.days == days:
                return choice.label
        raise ValueError(f"{days} days cannot be chosen for {self.data_type}.")

    def allows(self, days: int | None) -> bool:
        """Whether a person can choose this period."""
        return any(choice.days == days for choice in self.choices)

    def warning_for(self, days: int | None) -> "StrOrPromise":
        """Return what a person has to know before they choose a period; may be empty."""
        return "" if days is None else self.warnings.get(days, "")


@dataclass(frozen=True, kw_only=True)
class FixedRule:
    """A kind of data whose period is the same for everyone, and why."""

    label: "StrOrPromise"
    how_long: "StrOrPromise"
    reason: "StrOrPromise" = ""
