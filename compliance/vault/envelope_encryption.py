"""Envelope encryption: values are sealed under their owner's data key, which is wrapped under a key of the keyring.

A sealed value, version 1::

    0xF1 | data key's id, 8 bytes | nonce, 12 random bytes | AES-256-GCM ciphertext | tag, 16 bytes

The header and the AAD, such as the row and field of the value, are authenticated too. A value that was moved, changed
or made up does not open.
"""

import os
import struct
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag

from compliance.vault import data_keys
from compliance.vault.errors import SealError
from compliance.vault.key_cache import LoadedKey
from compliance.vault.keyring import NONCE_BYTES

VERSION: Final = 0xF1
HEADER: Final = struct.Struct(">BQ")
TAG_BYTES: Final = 16
MIN_LENGTH: Final = HEADER.size + NONCE_BYTES + TAG_BYTES


def seal(plaintext: bytes, *, owner: UUID, aad: bytes, autonomous: bool = False) -> bytes:
    """Seal a value for ``owner``; see ``data_keys.get_active_key`` for ``autonomous``.

    ``aad`` comes from ``build_aad`` and has to be the same when the value is opened.
    """
    return encrypt(data_keys.get_active_key(owner, autonomous=autonomous), plaintext, aad)


def unseal(sealed: bytes, *, owner: UUID, aad: bytes) -> bytes:
    """Open a value of ``owner``. Raises ``SealError`` if it was changed or moved, ``KeyDestroyed`` if erased."""
    return decrypt(data_keys.get_key(owner, key_id(sealed)), sealed, aad)


def encrypt(key: LoadedKey, plaintext: bytes, aad: bytes) -> bytes:
    """Seal ``plaintext`` under a data key."""
    header, nonce = HEADER.pack(VERSION, key.id), os.urandom(NONCE_BYTES)
    return header + nonce + key.cipher.encrypt(nonce, plaintext, header + aad)


def decrypt(key: LoadedKey, sealed: bytes, aad: bytes) -> bytes:
    """Open what ``encrypt`` returned. Raises ``SealError`` unless every byte and the AAD are unchanged."""
    header, nonce = sealed[: HEADER.size], sealed[HEADER.size : HEADER.size + NONCE_BYTES]
    try:
        return key.cipher.decrypt(nonce, sealed[HEADER.size + NONCE_BYTES :], header + aad)
    except InvalidTag:
        raise SealError("A sealed value was changed, or does not belong where it stands.") from None


def key_id(sealed: bytes) -> int:
    """Return the id of the data key that sealed a value. Raises ``SealError`` for bytes that are not a sealed value."""
    if len(sealed) < MIN_LENGTH:
        raise SealError("This is not a sealed value.")
    version, identifier = HEADER.unpack_from(sealed)
    if version != VERSION:
        raise SealError("This is not a sealed value.")
    return int(identifier)
