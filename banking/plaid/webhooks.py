"""Verify that a webhook comes from Plaid. A verified webhook triggers a sync; its other content is not used.

Source: https://plaid.com/docs/api/webhooks/webhook-verification/
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from typing import Any

import jwt
from jwt.utils import base64url_decode

from banking.plaid import json_decoding
from banking.plaid.client import PlaidClient, connect
from banking.plaid.webhook_keys import KeyRefused
from banking.provider import WebhookEvent, WebhookRejected

HEADER = "Plaid-Verification"
MAX_SIGNATURE_LENGTH = 4096
MAX_BODY_BYTES = 1024 * 1024
COORDINATE_BYTES = 32
MAX_AGE_SECONDS = 5 * 60
CLOCK_SKEW_SECONDS = 60

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KEY_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def verify(
    signature: str,
    body: bytes,
    *,
    client: PlaidClient | None = None,
    is_known: Callable[[str], bool] = lambda item_id: False,
) -> WebhookEvent:
    """Check the ``HEADER`` value against the raw body and return the event.

    Everything that needs no key is checked before a key is looked up. ``is_known`` tells whether an Item id is one of
    this site's; it is called only for a webhook whose key is not cached. Raises ``WebhookRejected``, ``KeyUnavailable``
    (respond with 503: Plaid retries) and ``ProviderConfigurationError``.
    """
    if len(body) > MAX_BODY_BYTES:
        raise WebhookRejected("size")
    client = client or connect()
    key_id = _read_key_id(signature)
    claims = _decode_unverified(signature)
    _check_age(claims)
    _check_body(claims, body)
    message = _decode_message(body)
    if message.get("environment") != client.settings.token_environment:
        raise WebhookRejected("environment")
    item_id = _read_optional(message, "item_id")
    _check_signature(signature, client, key_id, lambda: bool(item_id) and is_known(item_id))
    return WebhookEvent(
        provider="plaid",
        provider_item_id=item_id,
        kind=_read_required(message, "webhook_type"),
        code=_read_required(message, "webhook_code"),
        fingerprint=_fingerprint(signature),
    )


def _fingerprint(signature: str) -> str:
    """Return the same hash for a delivery and its replays, and another one for every other delivery.

    Two webhooks of one second with the same content differ only in their signatures, and the second may announce what
    the first did not include. ES256 chooses a new ``r`` for each signature. Without the key, a replay can only replace
    ``s`` by the curve's order minus ``s``, which is valid as well: so the fingerprint contains ``r`` and not ``s``.
    """
    signing_input, _, encoded = signature.rpartition(".")
    r = base64url_decode(encoded)[:COORDINATE_BYTES]
    return hashlib.sha256(signing_input.encode() + b"." + r).hexdigest()


def _check_signature(signature: str, client: PlaidClient, key_id: str, is_expected: Callable[[], bool]) -> None:
    """Raise ``WebhookRejected`` unless one of Plaid's keys signed the claims."""
    try:
        key = client.keys.find(key_id, is_expected=is_expected)
    except KeyRefused:
        raise WebhookRejected("key") from None
    try:
        # PyJWT checks neither the age nor the clock skew: ``_check_age`` does.
        jwt.decode(signature, key, algorithms=["ES256"], options={"verify_iat": False})
    except jwt.PyJWTError:
        raise WebhookRejected("signature") from None


def _decode_unverified(signature: str) -> dict[str, Any]:
    """Return the claims without verifying the signature."""
    try:
        claims: dict[str, Any] = jwt.decode(signature, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise WebhookRejected("claims") from None
    return claims


def _read_key_id(signature: str) -> str:
    if not signature:
        raise WebhookRejected("missing")
    if len(signature) > MAX_SIGNATURE_LENGTH or not _COMPACT.fullmatch(signature):
        raise WebhookRejected("malformed")
    try:
        header = jwt.get_unverified_header(signature)
    except jwt.PyJWTError:
        raise WebhookRejected("malformed") from None
    if header.get("alg") != "ES256":
        raise WebhookRejected("algorithm")
    key_id = header.get("kid")
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise WebhookRejected("key")
    return key_id


def _check_age(claims: dict[str, Any]) -> None:
    issued_at = claims.get("iat")
    if type(issued_at) is not int:
        raise WebhookRejected("claims")
    age = int(time.time()) - issued_at
    if not -CLOCK_SKEW_SECONDS <= age <= MAX_AGE_SECONDS:
        raise WebhookRejected("age")


def _check_body(claims: dict[str, Any], body: bytes) -> None:
    """Compare the hash of the bytes as received; parsing and serializing them would change Plaid's whitespace."""
    claimed = claims.get("request_body_sha256")
    if not isinstance(claimed, str):
        raise WebhookRejected("claims")
    # ``compare_digest`` takes only ASCII text, and a claim may contain a lone surrogate: so bytes are compared.
    if not hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), claimed.encode(errors="replace")):
        raise WebhookRejected("body")


def _decode_message(body: bytes) -> dict[str, Any]:
    try:
        return json_decoding.decode(body)
    except ValueError:
        raise WebhookRejected("message") from None


def _read_required(message: dict[str, Any], field: str) -> str:
    value = _read_optional(message, field)
    if not value:
        raise WebhookRejected("message")
    return value


def _read_optional(message: dict[str, Any], field: str) -> str:
    """Return a field's text; empty if it is missing, as ``item_id`` is in webhooks of type LINK."""
    value = message.get(field)
    if value is None:
        return ""
    if not isinstance(value, str) or not value.isprintable():
        raise WebhookRejected("message")
    return value
