"""The signing keys of the settings, and their public halves."""

from base64 import b64decode, b64encode
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from compliance.vault.keyring import parse_keyring

SINGLE_KEY_ID: Final = "sig"


class PublicKey(NamedTuple):
    """A public key in base64, and the SHA-256 of its bytes, by which people recognize it."""

    key_id: str
    value: str
    fingerprint: str
    signs: bool


class SigningKeyMissing(LookupError):
    """A signature was made with a key that SIGNING_KEYS lacks; the message names that key."""


def parse_signing_keys(text: str) -> dict[str, bytes]:
    """Parse ``id:base64,id:base64`` of 32-byte seeds, in the form of FIELD_KEYS. Raises ``InvalidKeyring``."""
    return parse_keyring(text, setting="SIGNING_KEYS", single_id=SINGLE_KEY_ID)


def signing_keys() -> dict[str, Ed25519PrivateKey]:
    """Return the keys of the settings by id. The first one signs. Raises ``InvalidKeyring``."""
    return _build_signing_keys(settings.SIGNING_KEYS)


def find_signing_key(key_id: str) -> Ed25519PrivateKey:
    """Return the key with this id. Raises ``SigningKeyMissing``."""
    try:
        return signing_keys()[key_id]
    except KeyError:
        raise SigningKeyMissing(f"The key {key_id} is not in SIGNING_KEYS. Put it back, after the first.") from None


def public_keys() -> dict[str, str]:
    """Return the public keys by id: base64 of 32 bytes, as RFC 8032 defines them."""
    return {
        key_id: b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
        for key_id, key in signing_keys().items()
    }


def list_public_keys() -> list[PublicKey]:
    """List the public keys for people: the one that signs, then those whose signatures are still verified."""
    return [
        PublicKey(key_id, value, sha256(b64decode(value)).hexdigest(), signs=number == 0)
        for number, (key_id, value) in enumerate(public_keys().items())
    ]


def public_key_pem(key_id: str) -> str:
    """Return a public key as PEM, which ``openssl`` reads. Raises ``SigningKeyMissing``."""
    public_key = find_signing_key(key_id).public_key()
    return public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@lru_cache(maxsize=2)
def _build_signing_keys(text: str) -> dict[str, Ed25519PrivateKey]:
    return {key_id: Ed25519PrivateKey.from_private_bytes(seed) for key_id, seed in parse_signing_keys(text).items()}
