"""Rotates keys while the site runs. Every step can be killed and run again: a query finds the remaining rows.

The order for a new key-encryption key: add it to FIELD_KEYS *after* the primary key and restart every process; put it
first and restart again; run ``rotate_keys``; when it reports nothing left, remove the old key. A key that a process
with the old order created in between is counted as left. A damaged data key does not prevent the others from being
rotated; the old key has to stay as long as a data key is wrapped under it.

Uses the alias ``ops``, whose role sees every owner's rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.apps import apps
from django.db import connections, transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from compliance.models import DataKey
from compliance.vault import data_keys
from compliance.vault.alerts import report_unreadable
from compliance.vault.envelope_encryption import key_id
from compliance.vault.errors import KeyMissing, SealError
from compliance.vault.fields import SealedTextField
from compliance.vault.keyring import keyring

OPS: Final = "ops"
PAGE_SIZE: Final = 500
REWRAP = "UPDATE compliance_datakey SET kek = %s, wrapped = %s WHERE id = %s"


@dataclass
class Rewrapping:
    """One pass over the data keys: how many were rewrapped, and the ids of those that do not open."""

    rewrapped: int = 0
    unreadable: list[int] = field(default_factory=list)

    def run(self) -> "Rewrapping":
        """Rewrap page by page, in the order of ids, so that the pass ends even if some keys do not open."""
        last_id = 0
        while (page_end := self._rewrap_page(last_id)) is not None:
            last_id = page_end
        return self

    def _rewrap_page(self, after: int) -> int | None:
        with transaction.atomic(using=OPS):
            outdated = _outdated_keys().filter(id__gt=after).order_by("id")
            rows = list(outdated.select_for_update(skip_locked=True)[:PAGE_SIZE])
            changes = [(*wrapped, row.pk) for row in rows if (wrapped := self._rewrap(row))]
            with connections[OPS].cursor() as cursor:
                cursor.executemany(REWRAP, changes)
        self.rewrapped += len(changes)
        return rows[-1].pk if rows else None

    def _rewrap(self, row: DataKey) -> tuple[str, bytes] | None:
        aad = data_keys.wrapping_aad(row.owner)
        try:
            return keyring().wrap(keyring().unwrap(row.kek, bytes(row.wrapped), aad), aad)
        except KeyMissing:
            raise
        except SealError as error:
            report_unreadable("compliance.datakey.wrapped", row=row.pk, owner=row.owner, error=error)
            self.unreadable.append(row.pk)
            return None


def rewrap() -> Rewrapping:
    """Wrap every data key under the primary key-encryption key. Changes no sealed value.

    A damaged one is reported to operators and left as it is. Raises ``KeyMissing`` when FIELD_KEYS lacks a key that
    data keys are wrapped under.
    """
    return Rewrapping().run()


def count_outdated_wrappings(*, excluding: Sequence[int] = ()) -> int:
    """Count the data keys, ``excluding`` these ids, that are wrapped under a key other than the primary one."""
    return _outdated_keys().exclude(pk__in=excluding).count()


def _outdated_keys() -> "QuerySet[DataKey]":
    return DataKey.objects.using(OPS).exclude(kek=keyring().primary)


def renew_data_keys(*, older_than: timedelta) -> int:
    """Create a new data key for each owner whose key is old; returns how many.

    The retired keys stay: audit events, and values that have not been sealed again yet, still need them.
    """
    old = DataKey.objects.using(OPS).filter(active=True, created_at__lte=timezone.now() - older_than)
    renewed = sum(_renew(row) for row in old.order_by("id").iterator(chunk_size=PAGE_SIZE))
    data_keys.clear_cache()
    return renewed


def _renew(row: DataKey) -> bool:
    kek, wrapped = keyring().wrap(AESGCM.generate_key(256), data_keys.wrapping_aad(row.owner))
    with transaction.atomic(using=OPS):
        retired = DataKey.objects.using(OPS).filter(pk=row.pk, active=True).update(active=False)
        if retired:
            DataKey.objects.using(OPS).create(owner=row.owner, kek=kek, wrapped=wrapped)
    return bool(retired)


SealedColumn = tuple[type[Model], SealedTextField]
ResealedValue = tuple[bytes, UUID, bytes]
"""The new ciphertext, the row's primary key, the old ciphertext."""


@dataclass
class Resealing:
    """One pass over the sealed values: how many were sealed again or changed meanwhile, and which do not open."""

    resealed: int = 0
    changed_meanwhile: int = 0
    unreadable: list[str] = field(default_factory=list)

    def run(self, columns: Iterable[SealedColumn]) -> "Resealing":
        """Seal every value again that is sealed under a retired data key."""
        for model, column in columns:
            for page in iterate_pages(model, column):
                self._reseal(model, column, page)
        return self

    def _reseal(self, model: type[Model], column: SealedTextField, page: Sequence[Model]) -> None:
        active = cache_keys({get_owner_id(row, column) for row in page})
        changes: list[ResealedValue] = []
        for row in page:
            sealed = row.__dict__[column.attname]
            try:
                if key_id(sealed) not in active:
                    changes.append((column.seal(row, column.open(row, sealed)), row.pk, sealed))
            except SealError as error:
                self.unreadable.append(f"{model._meta.label} {row.pk}: {error}")
        self._swap(model, column, changes)

    def _swap(self, model: type[Model], column: SealedTextField, changes: list[ResealedValue]) -> None:
        # Compare and swap: no row is locked while values are sealed, and a value that was written meanwhile is newer
        # than ours and stays.
        connection = connections[OPS]
        quote = connection.ops.quote_name
        table, name, pk = (
            quote(model._meta.db_table),
            quote(str(column.column)),
            quote(str(model._meta.pk.column)),
        )
        swap = f"UPDATE {table} SET {name} = %s WHERE {pk} = %s AND {name} = %s"  # noqa: S608  (our own table and column names)
        with transaction.atomic(using=OPS), connection.cursor() as cursor:
            cursor.executemany(swap, changes)
            swapped = cursor.rowcount if changes else 0
        self.resealed += swapped
        self.changed_meanwhile += len(changes) - swapped


def sealed_columns() -> Iterator[SealedColumn]:
    """Yield every sealed column of every model."""
    for model in apps.get_models():
        for column in model._meta.local_concrete_fields:
            if isinstance(column, SealedTextField):
                yield model, column


def iterate_pages(model: type[Model], column: SealedTextField) -> Iterator[Sequence[Model]]:
    """Yield pages of rows that have a value, in the order of their primary keys."""
    rows = model._base_manager.using(OPS).filter(**{f"{column.attname}__isnull": False}).order_by("pk")
    rows = rows.only("pk", column.owner, column.attname)
    page = list(rows[:PAGE_SIZE])
    while page:
        yield page
        page = list(rows.filter(pk__gt=page[-1].pk)[:PAGE_SIZE])


def get_owner_id(row: Model, column: SealedTextField) -> UUID:
    """Return the id of the user under whose key this row's value is sealed."""
    return UUID(str(getattr(row, column.owner)))


def cache_keys(owners: set[UUID]) -> set[int]:
    """Cache the owners' keys with one query; returns the ids of the active ones.

    Keys that cannot be unwrapped are left out: code that needs one queries it and gets the error.
    """
    active = set()
    for row in DataKey.objects.using(OPS).filter(owner__in=owners):
        with suppress(SealError):
            data_keys.cache_key(row.owner, (row.pk, row.kek, bytes(row.wrapped)), active=row.active)
            if row.active:
                active.add(row.pk)
    return active
