"""How much data about a person there is, by kind."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from compliance.isolation import tenant
from compliance.personal_data.registry import list_holders_by_category

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class DataCount:
    """A kind of data, as pages call it, and how many rows of it there are."""

    label: "StrOrPromise"
    count: int


def count_erasable_data(owner: UUID) -> list[DataCount]:
    """Count the rows that an erasure of this person would delete; kinds without rows are left out."""
    with tenant(owner):
        counts = [
            DataCount(holder.label, holder.model._default_manager.filter(**{holder.owner: owner}).count())
            for holder in list_holders_by_category()
            if holder.owner and not holder.kept_after_erasure
        ]
    return [count for count in counts if count.count]


def list_kept_data() -> list["StrOrPromise"]:
    """List the reasons why some rows stay after an erasure, each once."""
    reasons = (str(holder.kept_after_erasure) for holder in list_holders_by_category())
    return list(dict.fromkeys(filter(None, reasons)))
