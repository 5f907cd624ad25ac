"""The ring of key-encryption keys: they wrap data keys and touch no data themselves.

A key-management service would take this class's place with the same two methods, ``wrap`` and ``unwrap``.
"""

import base64
import binascii
import os
import re
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from compliance.vault.sealing import NONCE_BYTES, SealError

KEY_BYTES: Final = 32
LONE_KEY: Final = "kek"
KEY_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")


class KeyMissing(SealError):
    """A data key is wrapped under a key that FIELD_KEYS lacks; the message names it."""


class BadKeyring(ImproperlyConfigured):
    """FIELD_KEYS cannot be used; the message says why and shows no key."""


class Keyring:
    """Named 256-bit keys. The first one is primary: it wraps whatever is wrapped from now on."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self.primary = next(iter(keys))
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}

    def __contains__(self, name: object) -> bool:
        return name in self._ciphers

    def wrap(self, key: bytes, context: bytes) -> tuple[str, bytes]:
        """Encrypt a data key under the primary key; returns that key's name and the wrapped bytes."""
        nonce = os.urandom(NONCE_BYTES)
        return self.primary, nonce + self._ciphers[self.primary].encrypt(nonce, key, context)

    def unwrap(self, name: str, wrapped: bytes, context: bytes) -> bytes:
        """Decrypt a data key. Raises ``KeyMissing`` if its key is not on the ring, ``SealError`` if it was changed."""
        if name not in self._ciphers:
            raise KeyMissing(f"The key {name} is not in FIELD_KEYS. Put it back, after the primary key.")
        try:
            return self._ciphers[name].decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            # A value that was cut off has no nonce, which is no question of the tag any more.
            raise SealError("A data key was changed, or belongs to another owner.") from None


def keyring() -> Keyring:
    """The ring that the settings describe. Raises ``BadKeyring``."""
    return _ring_of(settings.FIELD_KEYS)


def parse(text: str) -> dict[str, bytes]:
    """Read ``id:base64,id:base64``, or one bare base64 key under the id ``kek``. Raises ``BadKeyring``."""
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    if not entries:
        raise BadKeyring("FIELD_KEYS is empty. It has to hold at least one key, id:base64 of 32 random bytes.")
    if len(entries) == 1 and ":" not in entries[0]:
        return {LONE_KEY: _decoded(LONE_KEY, entries[0])}
    keys: dict[str, bytes] = {}
    for entry in entries:
        name, _, encoded = entry.partition(":")
        if not KEY_ID.fullmatch(name):
            raise BadKeyring("FIELD_KEYS: a key id is lower-case letters, digits and hyphens, then a colon.")
        key = _decoded(name, encoded)
        if name in keys or key in keys.values():
            raise BadKeyring(f"FIELD_KEYS: {name} stands there twice, as an id or as a key.")
        keys[name] = key
    return keys


def _decoded(name: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise BadKeyring(f"FIELD_KEYS: {name} is not base64.") from None
    if len(key) != KEY_BYTES:
        raise BadKeyring(f"FIELD_KEYS: {name} has {len(key) * 8} bits. It has to have 256.")
    return key


@lru_cache(maxsize=2)
def _ring_of(text: str) -> Keyring:
    return Keyring(parse(text))
