"""The key-encryption keys: they wrap data keys and encrypt no other data.

A key management service would replace this class with the same two methods, ``wrap`` and ``unwrap``.
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

from compliance.vault.errors import KeyMissing, SealError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
SINGLE_KEY_ID: Final = "kek"
KEY_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")


class InvalidKeyring(ImproperlyConfigured):
    """A setting with keys cannot be used; the message says why and shows no key."""


class Keyring:
    """Named 256-bit keys. The first one is the primary key, which wraps new data keys."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self.primary = next(iter(keys))
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}

    def __contains__(self, name: object) -> bool:
        return name in self._ciphers

    def wrap(self, key: bytes, aad: bytes) -> tuple[str, bytes]:
        """Wrap a data key under the primary key; returns that key's name and the wrapped bytes."""
        nonce = os.urandom(NONCE_BYTES)
        return self.primary, nonce + self._ciphers[self.primary].encrypt(nonce, key, aad)

    def unwrap(self, name: str, wrapped: bytes, aad: bytes) -> bytes:
        """Unwrap a data key.

        Raises ``KeyMissing`` if FIELD_KEYS lacks the named key, ``SealError`` if the data key was changed.
        """
        if name not in self._ciphers:
            raise KeyMissing(f"The key {name} is not in FIELD_KEYS. Put it back, after the primary key.")
        try:
            return self._ciphers[name].decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], aad)
        except (InvalidTag, ValueError):
            # ValueError: a value that was cut off has no complete nonce.
            raise SealError("A data key was changed, or belongs to another owner.") from None


def keyring() -> Keyring:
    """Return the keyring of the settings. Raises ``InvalidKeyring``."""
    return _build_keyring(settings.FIELD_KEYS)


def parse_keyring(text: str, *, setting: str = "FIELD_KEYS", single_id: str = SINGLE_KEY_ID) -> dict[str, bytes]:
    """Parse ``id:base64,id:base64``, or one base64 key without an id, which gets ``single_id``.

    Raises ``InvalidKeyring``, with the name of the setting.
    """
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    if not entries:
        raise InvalidKeyring(f"{setting} is empty. It has to hold at least one key, id:base64 of 32 random bytes.")
    if len(entries) == 1 and ":" not in entries[0]:
        return {single_id: _decode_key(single_id, entries[0], setting)}
    keys: dict[str, bytes] = {}
    for entry in entries:
        name, _, encoded = entry.partition(":")
        if not KEY_ID.fullmatch(name):
            raise InvalidKeyring(f"{setting}: a key id is lower-case letters, digits and hyphens, then a colon.")
        key = _decode_key(name, encoded, setting)
        if name in keys or key in keys.values():
            raise InvalidKeyring(f"{setting}: {name} appears twice, as an id or as a key.")
        keys[name] = key
    return keys


def _decode_key(name: str, encoded: str, setting: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise InvalidKeyring(f"{setting}: {name} is not base64.") from None
    if len(key) != KEY_BYTES:
        raise InvalidKeyring(f"{setting}: {name} has {len(key) * 8} bits. It has to have 256.")
    return key


@lru_cache(maxsize=2)
def _build_keyring(text: str) -> Keyring:
    return Keyring(parse_keyring(text))
