"""How a sealed value is written, version 1, and what it is bound to.

::

    0xF1 | data key's id, 8 bytes | nonce, 12 random bytes | AES-256-GCM ciphertext | tag, 16 bytes

The header and a context, such as the row and field that the value stands in, are authenticated along. A value
that was moved, changed or invented does not open.
"""

import os
import struct
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION: Final = 0xF1
HEADER: Final = struct.Struct(">BQ")
LENGTH: Final = struct.Struct(">I")
NONCE_BYTES: Final = 12
SHORTEST: Final = HEADER.size + NONCE_BYTES + 16


class SealError(Exception):
    """A value cannot be sealed or opened. Never carries the value, a key or the ciphertext."""


@dataclass(frozen=True, repr=False)
class LoadedKey:
    """A data key in memory, ready for use."""

    id: int
    cipher: AESGCM


def context(*parts: object) -> bytes:
    """Join what a value is bound to. Each part carries its length, so no two lists join to the same bytes."""
    encoded = map(_encoded, parts)
    return b"".join(LENGTH.pack(len(part)) + part for part in encoded)


def _encoded(part: object) -> bytes:
    if isinstance(part, UUID):
        return part.bytes
    return part if isinstance(part, bytes) else str(part).encode()


def encrypt(key: LoadedKey, plaintext: bytes, bound_to: bytes) -> bytes:
    """Seal ``plaintext`` under ``key`` for one context."""
    header, nonce = HEADER.pack(VERSION, key.id), os.urandom(NONCE_BYTES)
    return header + nonce + key.cipher.encrypt(nonce, plaintext, header + bound_to)


def decrypt(key: LoadedKey, sealed: bytes, bound_to: bytes) -> bytes:
    """Open what ``encrypt`` made. Raises ``SealError`` unless every byte and the context are as they were."""
    header, nonce = sealed[: HEADER.size], sealed[HEADER.size : HEADER.size + NONCE_BYTES]
    try:
        return key.cipher.decrypt(nonce, sealed[HEADER.size + NONCE_BYTES :], header + bound_to)
    except InvalidTag:
        raise SealError("A sealed value was changed, or does not belong where it stands.") from None


def key_id(sealed: bytes) -> int:
    """The id of the data key that sealed this. Raises ``SealError`` for bytes that are no sealed value."""
    if len(sealed) < SHORTEST:
        raise SealError("This is no sealed value.")
    version, identifier = HEADER.unpack_from(sealed)
    if version != VERSION:
        raise SealError("This is no sealed value.")
    return int(identifier)
