"""Changing keys while the site runs. Every step may be killed and run again: what is left to do is a query.

The order for a new key-encryption key: add it to FIELD_KEYS *behind* the primary one and restart every
process; put it first and restart again; run ``rotate_keys``; when it reports nothing left, take the old key
out. A key that a process with the old order made in between is counted as left. A data key that is damaged
keeps nobody else's from being changed; the old key stays for as long as one is under it.

Works on the alias ``ops``, whose role sees every owner's rows.
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
from compliance.vault import datakeys
from compliance.vault.alarms import tell_unreadable
from compliance.vault.fields import SealedTextField
from compliance.vault.keyring import KeyMissing, keyring
from compliance.vault.sealing import SealError, key_id

OPS: Final = "ops"
PAGE: Final = 500
REWRAP = "UPDATE compliance_datakey SET kek = %s, wrapped = %s WHERE id = %s"


@dataclass
class Rewrapping:
    """What one pass over the data keys did: wrapped anew, and the ids of those that do not open."""

    rewrapped: int = 0
    unreadable: list[int] = field(default_factory=list)

    def run(self) -> "Rewrapping":
        """Wrap page after page, in the order of ids, so that the pass ends whatever it has to leave."""
        last = 0
        while (page := self._rewrap_page(last)) is not None:
            last = page
        return self

    def _rewrap_page(self, after: int) -> int | None:
        with transaction.atomic(using=OPS):
            outdated = _outdated().filter(id__gt=after).order_by("id")
            rows = list(outdated.select_for_update(skip_locked=True)[:PAGE])
            changes = [(*wrapped, row.pk) for row in rows if (wrapped := self._rewrapped(row))]
            with connections[OPS].cursor() as cursor:
                cursor.executemany(REWRAP, changes)
        self.rewrapped += len(changes)
        return rows[-1].pk if rows else None

    def _rewrapped(self, row: DataKey) -> tuple[str, bytes] | None:
        bound_to = datakeys.wrapping_context(row.owner)
        try:
            return keyring().wrap(keyring().unwrap(row.kek, bytes(row.wrapped), bound_to), bound_to)
        except KeyMissing:
            raise
        except SealError as error:
            tell_unreadable("compliance.datakey.wrapped", row=row.pk, owner=row.owner, error=error)
            self.unreadable.append(row.pk)
            return None


def rewrap() -> Rewrapping:
    """Wrap every data key under the primary key-encryption key. Touches no data.

    One that is damaged is told to an operator and left. Raises ``KeyMissing`` when the key that data keys are
    wrapped under is not on the ring.
    """
    return Rewrapping().run()


def outdated_wrappings(*, but: Sequence[int] = ()) -> int:
    """How many data keys, ``but`` for these, are wrapped under a key other than the primary one."""
    return _outdated().exclude(pk__in=but).count()


def _outdated() -> "QuerySet[DataKey]":
    return DataKey.objects.using(OPS).exclude(kek=keyring().primary)


def renew_data_keys(*, older_than: timedelta) -> int:
    """Give each owner whose data key is old a new one, for what is sealed from now on; returns how many.

    The retired keys stay: values that are not sealed again yet, and audit events, still need them.
    """
    old = DataKey.objects.using(OPS).filter(active=True, created_at__lte=timezone.now() - older_than)
    renewed = sum(_renew(row) for row in old.order_by("id").iterator(chunk_size=PAGE))
    datakeys.forget()
    return renewed


def _renew(row: DataKey) -> bool:
    kek, wrapped = keyring().wrap(AESGCM.generate_key(256), datakeys.wrapping_context(row.owner))
    with transaction.atomic(using=OPS):
        retired = DataKey.objects.using(OPS).filter(pk=row.pk, active=True).update(active=False)
        if retired:
            DataKey.objects.using(OPS).create(owner=row.owner, kek=kek, wrapped=wrapped)
    return bool(retired)


SealedColumn = tuple[type[Model], SealedTextField]
Change = tuple[bytes, UUID, bytes]
"""The new value, the row's primary key, the value it had."""


@dataclass
class Resealing:
    """What one pass over the sealed values did: sealed again, left to whoever wrote meanwhile, or could not."""

    resealed: int = 0
    overtaken: int = 0
    unreadable: list[str] = field(default_factory=list)

    def run(self, columns: Iterable[SealedColumn]) -> "Resealing":
        """Seal every value again that stands under a retired data key."""
        for model, column in columns:
            for page in pages(model, column):
                self._reseal(model, column, page)
        return self

    def _reseal(self, model: type[Model], column: SealedTextField, page: Sequence[Model]) -> None:
        active = adopt_keys({owner_of(row, column) for row in page})
        changes: list[Change] = []
        for row in page:
            sealed = row.__dict__[column.attname]
            try:
                if key_id(sealed) not in active:
                    changes.append((column.seal(row, column.open(row, sealed)), row.pk, sealed))
            except SealError as error:
                self.unreadable.append(f"{model._meta.label} {row.pk}: {error}")
        self._swap(model, column, changes)

    def _swap(self, model: type[Model], column: SealedTextField, changes: list[Change]) -> None:
        # Compare and swap: no row is locked while values are sealed, and a value that somebody has written
        # meanwhile is newer than ours and stays.
        connection = connections[OPS]
        quote = connection.ops.quote_name
        table, name, pk = (
            quote(model._meta.db_table),
            quote(str(column.column)),
            quote(str(model._meta.pk.column)),
        )
        swap = f"UPDATE {table} SET {name} = %s WHERE {pk} = %s AND {name} = %s"  # noqa: S608  (names of ours)
        with transaction.atomic(using=OPS), connection.cursor() as cursor:
            cursor.executemany(swap, changes)
            swapped = cursor.rowcount if changes else 0
        self.resealed += swapped
        self.overtaken += len(changes) - swapped


def sealed_columns() -> Iterator[SealedColumn]:
    """Every sealed column of every model."""
    for model in apps.get_models():
        for column in model._meta.local_concrete_fields:
            if isinstance(column, SealedTextField):
                yield model, column


def pages(model: type[Model], column: SealedTextField) -> Iterator[Sequence[Model]]:
    """Rows that hold a value, in the order of their primary keys."""
    rows = model._base_manager.using(OPS).filter(**{f"{column.attname}__isnull": False}).order_by("pk")
    rows = rows.only("pk", column.owner, column.attname)
    page = list(rows[:PAGE])
    while page:
        yield page
        page = list(rows.filter(pk__gt=page[-1].pk)[:PAGE])


def owner_of(row: Model, column: SealedTextField) -> UUID:
    """Whose key seals this row's value."""
    return UUID(str(getattr(row, column.owner)))


def adopt_keys(owners: set[UUID]) -> set[int]:
    """Put the owners' keys into memory with one query; returns the ids of those in use now.

    Those that do not open are left out: whoever needs one asks for it, and is told why it cannot be had.
    """
    active = set()
    for row in DataKey.objects.using(OPS).filter(owner__in=owners):
        with suppress(SealError):
            datakeys.adopt(row.owner, (row.pk, row.kek, bytes(row.wrapped)), active=row.active)
            if row.active:
                active.add(row.pk)
    return active
