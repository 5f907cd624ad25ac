"""What a model holds about a person, field by field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.personal_data.export_files import JSON_LINES, AttachedFiles, ExportFile, WithheldRows

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class DataCategory(StrEnum):
    """A group of personal data, as pages and documents name it."""

    PROFILE = "profile"
    SIGN_IN = "sign_in"
    NOTIFICATIONS = "notifications"
    BANK = "bank"
    CREDIT = "credit"
    CONSENT = "consent"
    ACTIVITY = "activity"

    @property
    def label(self) -> "StrOrPromise":
        """Return the name for pages."""
        return CATEGORY_LABELS[self]


CATEGORY_LABELS: Mapping[DataCategory, "StrOrPromise"] = {
    DataCategory.PROFILE: _("Profile"),
    DataCategory.SIGN_IN: _("Sign-in and security"),
    DataCategory.NOTIFICATIONS: _("Alerts"),
    DataCategory.BANK: _("Banks, accounts, and transactions"),
    DataCategory.CREDIT: _("Credit reports"),
    DataCategory.CONSENT: _("Consents"),
    DataCategory.ACTIVITY: _("Activity"),
}


@dataclass(frozen=True, kw_only=True)
class DataHolder:
    """A model whose rows are about one person each.

    Every column is claimed once, by its attribute name: ``exported``, ``withheld`` with the reason that the person
    reads, or ``technical``, which says nothing about the person. ``owner`` is the lookup from a row to its person's id,
    and needs no other claim if it is a column.

    ``files`` and ``attached`` say in which files of an export the rows are; without any, they are in one that is named
    for the model. ``withheld_rows`` are those that have to wait.

    Erasure deletes the person's rows, unless ``erase`` does something else; it returns how many rows it erased.
    ``kept_after_erasure`` is the reason why rows stay, which then identify nobody. ``kept_for`` says how long rows are
    kept before that.
    """

    model: type[models.Model]
    category: DataCategory
    label: "StrOrPromise"
    kept_for: "StrOrPromise"
    exported: tuple[str, ...] = ()
    withheld: Mapping[str, "StrOrPromise"] = field(default_factory=dict)
    technical: frozenset[str] = frozenset()
    owner: str = "owner_id"
    files: tuple[ExportFile, ...] = ()
    attached: AttachedFiles | None = None
    withheld_rows: tuple[WithheldRows, ...] = ()
    erase: Callable[[UUID], int] | None = None
    kept_after_erasure: "StrOrPromise" = ""

    @property
    def export_files(self) -> tuple[ExportFile, ...]:
        """Return the files that an export has for this model; none if nothing of it is exported."""
        if self.files or not self.exported:
            return self.files
        return (ExportFile(name=f"{self.category}/{self.model._meta.model_name}{JSON_LINES}"),)

    @property
    def claims(self) -> tuple[str, ...]:
        """Return the attribute names of all claimed columns."""
        named = (*self.exported, *self.withheld, *sorted(self.technical))
        owns_column = any(column.attname == self.owner for column in self.model._meta.concrete_fields)
        return (self.owner, *named) if owns_column and self.owner not in self.exported else named


@dataclass(frozen=True)
class NonPersonalModel:
    """A model without data about people, and why it has none."""

    model: type[models.Model]
    reason: str
