"""One data key for each owner: all sealed values of an owner are sealed under it.

Deleting the key's rows makes all of them unreadable at once (crypto-shredding), in running processes within
``CACHE_SECONDS``. Keys that a rotation retired stay until then, because audit events cannot be sealed again.
"""

from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import transaction
from django.db.backends.utils import CursorWrapper

from compliance.isolation.tenant import SYSTEM, autonomous_cursor, tenant_cursor
from compliance.vault.aad import build_aad
from compliance.vault.errors import KeyDestroyed, KeyStillUnreadable, SealError
from compliance.vault.key_cache import KeyCache, LoadedKey
from compliance.vault.keyring import keyring

FIND: Final = "SELECT id, kek, wrapped FROM compliance_datakey WHERE owner = %s AND id = %s"
FIND_ACTIVE: Final = "SELECT id, kek, wrapped FROM compliance_datakey WHERE owner = %s AND active"
CREATE: Final = """
    INSERT INTO compliance_datakey (owner, kek, wrapped, active, created_at)
    SELECT owner, %(kek)s, %(wrapped)s, true, now() FROM (VALUES (%(owner)s::uuid)) AS person (owner)
    -- Nothing is ever encrypted again for a person who was erased.
    WHERE NOT EXISTS (SELECT FROM compliance_erasurereceipt AS receipt WHERE receipt.owner = person.owner)
    ON CONFLICT (owner) WHERE active DO NOTHING
"""
SHRED: Final = "DELETE FROM compliance_datakey WHERE owner = %s"

Row = tuple[int, str, bytes]
"""A data key's id, the name of the key that it is wrapped under, and the wrapped bytes."""

_active_keys: KeyCache[UUID, LoadedKey] = KeyCache()
_keys_by_id: KeyCache[tuple[UUID, int], LoadedKey] = KeyCache()
# Why a key did not open. A page may have many values under it: it is tried and reported once a minute.
_failures: KeyCache[tuple[UUID, int], str] = KeyCache()


def wrapping_aad(owner: UUID) -> bytes:
    """Return the AAD of a wrapped data key, which opens for its owner only."""
    return build_aad("datakey/v1", owner)


def get_active_key(owner: UUID, *, autonomous: bool = False) -> LoadedKey:
    """Return the key that seals for ``owner`` now, and create it when there is none.

    Raises ``KeyDestroyed`` when the owner was erased.

    A new key is committed on a connection of its own: a caller's rollback must not delete a key that this process has
    begun to use. ``autonomous`` keeps the query off the current transaction too, which may have failed.
    """
    if (cached := _active_keys.get(owner)) is not None:
        return cached
    key = (None if autonomous else _find_active(owner)) or _find_or_create(owner)
    _active_keys.put(owner, key)
    return key


def get_key(owner: UUID, identifier: int) -> LoadedKey:
    """Return the key of ``owner`` with this id. Raises ``SealError``, and ``KeyDestroyed`` when there is none."""
    if (cached := _keys_by_id.get((owner, identifier))) is not None:
        return cached
    if (failure := _failures.get((owner, identifier))) is not None:
        raise KeyStillUnreadable(failure)
    with tenant_cursor(owner) as cursor:
        cursor.execute(FIND, [owner, identifier])
        row = cursor.fetchone()
    if row is None:
        raise KeyDestroyed("The key of this value is gone.")
    try:
        return unwrap_and_cache(owner, row)
    except SealError as error:
        _failures.put((owner, identifier), str(error))
        raise


def unwrap_and_cache(owner: UUID, row: Row) -> LoadedKey:
    """Unwrap a data key and cache it. Raises ``SealError`` when it does not open."""
    identifier, kek, wrapped = row
    key = LoadedKey(identifier, AESGCM(keyring().unwrap(kek, bytes(wrapped), wrapping_aad(owner))))
    _keys_by_id.put((owner, identifier), key)
    return key


def cache_key(owner: UUID, row: Row, *, active: bool) -> None:
    """Cache a row that was read elsewhere, as a rotation does for many owners at once."""
    key = unwrap_and_cache(owner, row)
    if active:
        _active_keys.put(owner, key)


def shred(owner: UUID) -> int:
    """Make everything that was ever sealed for ``owner`` unreadable. Returns how many keys were deleted.

    Joins the current transaction. Raises ``ValueError`` for the system's own key.
    """
    if owner == SYSTEM:
        raise ValueError("The system's data key is never destroyed.")
    destroyed = 0
    with tenant_cursor(owner) as cursor:
        cursor.execute(SHRED, [owner])
        # Again until none is left: a rotation that commits during a statement leaves a new key behind.
        while cursor.rowcount:
            destroyed += cursor.rowcount
            cursor.execute(SHRED, [owner])
        transaction.on_commit(clear_cache)
    return destroyed


def clear_cache() -> None:
    """Drop every key that this process has in memory."""
    _active_keys.clear()
    _keys_by_id.clear()
    _failures.clear()


def _find_active(owner: UUID) -> LoadedKey | None:
    with tenant_cursor(owner) as cursor:
        row = _active_row(cursor, owner)
    return row and unwrap_and_cache(owner, row)


def _find_or_create(owner: UUID) -> LoadedKey:
    with autonomous_cursor(owner) as cursor:
        row = _active_row(cursor, owner)
        if row is None:
            kek, wrapped = keyring().wrap(AESGCM.generate_key(256), wrapping_aad(owner))
            cursor.execute(CREATE, {"owner": owner, "kek": kek, "wrapped": wrapped})
            # If another process created the key at the same time, the insert waited for it and did nothing.
            row = _active_row(cursor, owner)
    if row is None:
        raise KeyDestroyed("This person was erased: there is no key for them, and none is made.")
    return unwrap_and_cache(owner, row)


def _active_row(cursor: CursorWrapper, owner: UUID) -> Row | None:
    cursor.execute(FIND_ACTIVE, [owner])
    row: Row | None = cursor.fetchone()
    return row
