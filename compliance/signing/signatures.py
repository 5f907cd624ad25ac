"""Signs and verifies bytes. A signature is valid in one context only, so it cannot be used for another document."""

from typing import NamedTuple

from cryptography.exceptions import InvalidSignature

from compliance.signing.keys import find_signing_key, signing_keys


class Signature(NamedTuple):
    """An Ed25519 signature: the id of its key, and 64 bytes."""

    key_id: str
    value: bytes


def sign(context: str, payload: bytes) -> Signature:
    """Sign a payload with the first key. ``context`` says what it is, with a version: ``plumbline/anchor/v1``."""
    key_id, key = next(iter(signing_keys().items()))
    return Signature(key_id, key.sign(build_signed_bytes(context, payload)))


def verify(context: str, payload: bytes, signature: Signature) -> bool:
    """Return whether ``signature`` was made for this payload in this context.

    Raises ``SigningKeyMissing`` when SIGNING_KEYS lacks its key: then nobody can tell.
    """
    public_key = find_signing_key(signature.key_id).public_key()
    try:
        public_key.verify(signature.value, build_signed_bytes(context, payload))
    except InvalidSignature:
        return False
    return True


def build_signed_bytes(context: str, payload: bytes) -> bytes:
    """Return what is signed: the context's length in four bytes (big-endian), the context in UTF-8, the payload."""
    encoded = context.encode()
    return len(encoded).to_bytes(4, "big") + encoded + payload
