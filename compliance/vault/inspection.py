"""Checks for operators whether sealed values open. Returns counts and ids, never a value."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Model

from compliance.vault.errors import SealError
from compliance.vault.fields import SealedTextField
from compliance.vault.rotation import cache_keys, get_owner_id, iterate_pages, sealed_columns


@dataclass
class Inspection:
    """How many values were checked, which of them do not open, and whether there was time for all."""

    checked: int = 0
    unreadable: list[str] = field(default_factory=list)
    is_complete: bool = True


def inspect(*, seconds: float) -> Inspection:
    """Try to open every sealed value of every model, as the operators' role, for at most ``seconds``."""
    inspection, deadline = Inspection(), time.monotonic() + seconds
    for model, column in sealed_columns():
        for page in iterate_pages(model, column):
            if time.monotonic() > deadline:
                inspection.is_complete = False
                return inspection
            inspection.checked += len(page)
            inspection.unreadable += _find_unreadable(model, column, page)
    return inspection


def _find_unreadable(model: type[Model], column: SealedTextField, page: Sequence[Model]) -> list[str]:
    """List the values of a page that do not open, like ``banking.item.access_token 0199...``."""
    names = []
    # One query for all; where a data key does not open, each value queries its own.
    cache_keys({get_owner_id(row, column) for row in page})
    for row in page:
        try:
            column.unseal(row, row.__dict__[column.attname])
        except SealError:
            names.append(f"{model._meta.label_lower}.{column.attname} {row.pk}")
    return names
