"""The registry of personal data, filled by each app when it is ready."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import models

from compliance.personal_data.export_files import ExportFile
from compliance.personal_data.holders import DataCategory, DataHolder, NonPersonalModel

_holders: Final[dict[type[models.Model], DataHolder]] = {}
_non_personal: Final[dict[type[models.Model], NonPersonalModel]] = {}


def register(*holders: DataHolder) -> None:
    """Claim the fields of models with data about people. Raises ``ImproperlyConfigured`` for a second claim."""
    for holder in holders:
        _require_unclaimed(holder.model)
        _holders[holder.model] = holder


def register_non_personal(model: type[models.Model], reason: str) -> None:
    """Say why a model has no data about people. Raises ``ImproperlyConfigured`` for a second claim."""
    _require_unclaimed(model)
    _non_personal[model] = NonPersonalModel(model, reason)


def _require_unclaimed(model: type[models.Model]) -> None:
    if model in _holders or model in _non_personal:
        raise ImproperlyConfigured(f"{model._meta.label} is claimed twice as personal data.")


def list_holders() -> list[DataHolder]:
    """List the holders of all apps, in the order in which the apps registered them."""
    return list(_holders.values())


def list_holders_by_category() -> list[DataHolder]:
    """List the holders of all apps for people to read, in the order of their categories."""
    categories = list(DataCategory)
    return sorted(_holders.values(), key=lambda holder: categories.index(holder.category))


def list_non_personal() -> list[NonPersonalModel]:
    """List the models without data about people."""
    return list(_non_personal.values())


def find_faults() -> Iterator[str]:
    """Describe each model or field that is not claimed, that is claimed twice, or that does not exist."""
    for model in apps.get_models(include_auto_created=True):
        if model in _non_personal:
            continue
        if model not in _holders:
            yield f"{model._meta.label} is claimed by nobody"
        else:
            yield from _find_field_faults(_holders[model])
            yield from _find_file_faults(_holders[model])


def _find_field_faults(holder: DataHolder) -> Iterator[str]:
    columns = {column.attname for column in holder.model._meta.concrete_fields}
    claims = Counter(holder.claims)
    name = holder.model._meta.label
    yield from (f"{name}.{column} is claimed by nobody" for column in sorted(columns - claims.keys()))
    yield from (f"{name}.{column} does not exist" for column in sorted(claims.keys() - columns))
    yield from (f"{name}.{column} is claimed {count} times" for column, count in claims.items() if count > 1)


def _find_file_faults(holder: DataHolder) -> Iterator[str]:
    """Describe each exported column that is in no file, and each column of a file that is not exported."""
    name, exported = holder.model._meta.label, set(holder.exported)
    if holder.owner and any(column.attname == holder.owner for column in holder.model._meta.concrete_fields):
        exported.add(holder.owner)
    written = {holder.owner} | ({holder.attached.attribute} if holder.attached else set())
    for file in holder.export_files:
        columns = list_columns(holder, file)
        written |= {*columns, *file.computed}
        yield from (
            f"{name}.{column} is in {file.name}, but not exported" for column in columns if column not in exported
        )
    yield from (f"{name}.{column} is exported, but in no file" for column in sorted(exported - written))


def list_columns(holder: DataHolder, file: ExportFile) -> tuple[str, ...]:
    """List the attribute names of a file's columns, without those that it computes."""
    columns = holder.exported if file.columns is None else file.columns
    attached = {holder.attached.attribute} if holder.attached else set()
    return tuple(column for column in columns if column not in file.computed and column not in attached)
