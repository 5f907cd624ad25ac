"""Sealing for an owner: their data key, and a context that says what the value is and where it belongs."""

from uuid import UUID

from compliance.vault import datakeys
from compliance.vault.sealing import decrypt, encrypt, key_id


def seal(plaintext: bytes, *, owner: UUID, bound_to: bytes, apart: bool = False) -> bytes:
    """Seal a value for ``owner``; see ``datakeys.active_key`` for ``apart``.

    ``bound_to`` comes from ``sealing.context`` and has to be the same when the value is opened.
    """
    return encrypt(datakeys.active_key(owner, apart=apart), plaintext, bound_to)


def unseal(sealed: bytes, *, owner: UUID, bound_to: bytes) -> bytes:
    """Open a value of ``owner``. Raises ``SealError`` if it was changed or moved, ``KeyGone`` if erased."""
    return decrypt(datakeys.key_by_id(owner, key_id(sealed)), sealed, bound_to)
