"""Looks whether sealed values open, for operators: counts and ids, never a value."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Model

from compliance.vault.fields import SealedTextField
from compliance.vault.rotation import adopt_keys, owner_of, pages, sealed_columns
from compliance.vault.sealing import SealError


@dataclass
class Inspection:
    """How many values were looked at, which of them do not open, and whether the time sufficed for all."""

    looked_at: int = 0
    unreadable: list[str] = field(default_factory=list)
    is_complete: bool = True


def inspect(*, seconds: float) -> Inspection:
    """Try to open every sealed value of every model, as the operators' role, for so many seconds at most."""
    found, deadline = Inspection(), time.monotonic() + seconds
    for model, column in sealed_columns():
        for page in pages(model, column):
            if time.monotonic() > deadline:
                found.is_complete = False
                return found
            found.looked_at += len(page)
            found.unreadable += _unreadable(model, column, page)
    return found


def _unreadable(model: type[Model], column: SealedTextField, page: Sequence[Model]) -> list[str]:
    """Name the values of a page that do not open, like ``banking.item.access_token 0199...``."""
    names = []
    # One query for all; where a data key does not open, each value asks for its own.
    adopt_keys({owner_of(row, column) for row in page})
    for row in page:
        try:
            column.unseal(row, row.__dict__[column.attname])
        except SealError:
            names.append(f"{model._meta.label_lower}.{column.attname} {row.pk}")
    return names
