"""One data key for each owner. Whatever is sealed for a person is sealed under their key.

Erasing the key's rows makes all of it unreadable at once (crypto-shredding), in running processes within
``KEPT_SECONDS``. Keys that a rotation retired stay until then, because audit events cannot be sealed again.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import transaction
from django.db.backends.utils import CursorWrapper

from compliance.isolation.tenant import SYSTEM, autonomous_cursor, tenant_cursor
from compliance.vault.keyring import keyring
from compliance.vault.sealing import LoadedKey, SealError, context

KEPT_SECONDS: Final = 60
KEPT_KEYS: Final = 2048

FIND = "SELECT id, kek, wrapped FROM compliance_datakey WHERE owner = %s AND id = %s"
FIND_ACTIVE = "SELECT id, kek, wrapped FROM compliance_datakey WHERE owner = %s AND active"
CREATE = """
    INSERT INTO compliance_datakey (owner, kek, wrapped, active, created_at) VALUES (%s, %s, %s, true, now())
    ON CONFLICT (owner) WHERE active DO NOTHING
"""
SHRED = "DELETE FROM compliance_datakey WHERE owner = %s"

Name = TypeVar("Name", bound=Hashable)
Row = tuple[int, str, bytes]


class KeyGone(SealError):
    """The data key of a sealed value does not exist: its owner was erased, or it never did."""


class ShortMemory(Generic[Name]):
    """The only place where unwrapped keys stay: bounded in number and in time, shared by all threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Name, tuple[float, LoadedKey]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: Name) -> LoadedKey | None:
        """The key kept under this name, if it is not too old."""
        with self._lock:
            until, key = self._kept.get(name, (0.0, None))
            return key if self._clock() < until else None

    def put(self, name: Name, key: LoadedKey) -> None:
        """Keep a key for a while, in the place of the oldest when there are too many."""
        with self._lock:
            self._kept[name] = (self._clock() + KEPT_SECONDS, key)
            self._kept.move_to_end(name)
            if len(self._kept) > KEPT_KEYS:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget every key."""
        with self._lock:
            self._kept.clear()


_active: ShortMemory[UUID] = ShortMemory()
_by_id: ShortMemory[tuple[UUID, int]] = ShortMemory()


def wrapping_context(owner: UUID) -> bytes:
    """What a wrapped data key is bound to, so that it opens for its owner alone."""
    return context("datakey/v1", owner)


def active_key(owner: UUID, *, apart: bool = False) -> LoadedKey:
    """The key that seals for ``owner`` now, made at first need.

    A new key is committed on a connection of its own: a caller's rollback must not take a key along that
    this process has begun to use. ``apart`` keeps the search off the current transaction too, which may have
    failed.
    """
    if (kept := _active.get(owner)) is not None:
        return kept
    key = (None if apart else _found_active(owner)) or _find_or_create(owner)
    _active.put(owner, key)
    return key


def key_by_id(owner: UUID, identifier: int) -> LoadedKey:
    """The key that sealed a value of ``owner``. Raises ``KeyGone``."""
    if (kept := _by_id.get((owner, identifier))) is not None:
        return kept
    with tenant_cursor(owner) as cursor:
        cursor.execute(FIND, [owner, identifier])
        row = cursor.fetchone()
    if row is None:
        raise KeyGone("The key of this value is gone.")
    return remember(owner, row)


def remember(owner: UUID, row: Row) -> LoadedKey:
    """Unwrap a data key's row (id, key-encryption key's name, wrapped bytes) and keep it for a while."""
    identifier, kek, wrapped = row
    key = LoadedKey(identifier, AESGCM(keyring().unwrap(kek, bytes(wrapped), wrapping_context(owner))))
    _by_id.put((owner, identifier), key)
    return key


def adopt(owner: UUID, row: Row, *, active: bool) -> None:
    """Take over a row that was read elsewhere, as a rotation does for many owners at once."""
    key = remember(owner, row)
    if active:
        _active.put(owner, key)


def shred(owner: UUID) -> int:
    """Make everything that was ever sealed for ``owner`` unreadable; returns how many keys were destroyed.

    Joins the current transaction. Raises ``ValueError`` for the system's own key.
    """
    if owner == SYSTEM:
        raise ValueError("The system's data key is never destroyed.")
    with tenant_cursor(owner) as cursor:
        cursor.execute(SHRED, [owner])
        destroyed: int = cursor.rowcount
        transaction.on_commit(forget)
    return destroyed


def forget() -> None:
    """Empty this process's memory of keys."""
    _active.clear()
    _by_id.clear()


def _found_active(owner: UUID) -> LoadedKey | None:
    with tenant_cursor(owner) as cursor:
        row = _active_row(cursor, owner)
    return row and remember(owner, row)


def _find_or_create(owner: UUID) -> LoadedKey:
    with autonomous_cursor(owner) as cursor:
        row = _active_row(cursor, owner)
        if row is None:
            cursor.execute(CREATE, [owner, *keyring().wrap(AESGCM.generate_key(256), wrapping_context(owner))])
            # If someone else made the key just now, the insert waited for them and did nothing.
            row = _active_row(cursor, owner)
    if row is None:
        raise KeyGone("A data key vanished while it was being made.")
    return remember(owner, row)


def _active_row(cursor: CursorWrapper, owner: UUID) -> Row | None:
    cursor.execute(FIND_ACTIVE, [owner])
    row: Row | None = cursor.fetchone()
    return row
