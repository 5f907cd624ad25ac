"""Verify that a webhook comes from Plaid, and classify it. It is a hint to read the Item; little of it is stored.

Sources: https://plaid.com/docs/api/webhooks/webhook-verification/ and https://plaid.com/docs/api/webhooks/
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import jwt
from jwt.utils import base64url_decode

from banking.plaid import json_decoding
from banking.plaid.client import PlaidClient, connect
from banking.plaid.errors import safe_code
from banking.plaid.fields import optional_time
from banking.plaid.webhook_keys import KeyRefused
from banking.provider import VerifiedWebhook, WebhookKind, WebhookRejected

HEADER = "Plaid-Verification"
MAX_SIGNATURE_LENGTH = 4096
MAX_BODY_BYTES = 1024 * 1024
COORDINATE_BYTES = 32
MAX_AGE_SECONDS = 5 * 60
CLOCK_SKEW_SECONDS = 60
# Plaid's ids and codes have at most 40 characters.
MAX_TEXT_LENGTH = 100

# A type or code that is not here is stored, and nothing follows from it: Plaid adds codes without notice.
KINDS: Final = {
    ("TRANSACTIONS", "SYNC_UPDATES_AVAILABLE"): WebhookKind.TRANSACTIONS_CHANGED,
    # Plaid still sends these four for the older /transactions/get, next to the first.
    ("TRANSACTIONS", "INITIAL_UPDATE"): WebhookKind.TRANSACTIONS_CHANGED,
    ("TRANSACTIONS", "HISTORICAL_UPDATE"): WebhookKind.TRANSACTIONS_CHANGED,
    ("TRANSACTIONS", "DEFAULT_UPDATE"): WebhookKind.TRANSACTIONS_CHANGED,
    ("TRANSACTIONS", "TRANSACTIONS_REMOVED"): WebhookKind.TRANSACTIONS_CHANGED,
    ("TRANSACTIONS", "RECURRING_TRANSACTIONS_UPDATE"): WebhookKind.RECURRING_CHANGED,
    ("ITEM", "ERROR"): WebhookKind.ITEM_ERROR,
    ("ITEM", "LOGIN_REPAIRED"): WebhookKind.LOGIN_REPAIRED,
    ("ITEM", "PENDING_DISCONNECT"): WebhookKind.ACCESS_ENDING,
    ("ITEM", "PENDING_EXPIRATION"): WebhookKind.ACCESS_ENDING,
    ("ITEM", "USER_PERMISSION_REVOKED"): WebhookKind.ACCESS_REVOKED,
    ("ITEM", "USER_ACCOUNT_REVOKED"): WebhookKind.ACCOUNT_REVOKED,
    ("ITEM", "NEW_ACCOUNTS_AVAILABLE"): WebhookKind.NEW_ACCOUNTS,
    ("ITEM", "WEBHOOK_UPDATE_ACKNOWLEDGED"): WebhookKind.WEBHOOK_UPDATED,
    ("HOLDINGS", "DEFAULT_UPDATE"): WebhookKind.HOLDINGS_CHANGED,
    ("INVESTMENTS_TRANSACTIONS", "HISTORICAL_UPDATE"): WebhookKind.INVESTMENTS_CHANGED,
    ("INVESTMENTS_TRANSACTIONS", "DEFAULT_UPDATE"): WebhookKind.INVESTMENTS_CHANGED,
    ("LIABILITIES", "DEFAULT_UPDATE"): WebhookKind.LIABILITIES_CHANGED,
    ("LINK", "SESSION_FINISHED"): WebhookKind.LINK,
    ("LINK", "ITEM_ADD_RESULT"): WebhookKind.LINK,
    ("LINK", "EVENTS"): WebhookKind.LINK,
}
# Why the access ends (``ExpiryReason``), by the webhook's reason or, if it has none that is known, by its code.
EXPIRY_REASONS: Final = {
    "INSTITUTION_MIGRATION": "migration",
    "INSTITUTION_TOKEN_EXPIRATION": "bank_access",
    "PENDING_DISCONNECT": "bank_access",
    "PENDING_EXPIRATION": "consent",
}
# The only fields that are stored, besides the id of an account that is no longer shared. They name no person, and no
# token or amount.
FLAGS: Final = ("initial_update_complete", "historical_update_complete")
TIMES: Final = ("consent_expiration_time", "disconnect_time")

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KEY_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def verify(
    signature: str,
    body: bytes,
    *,
    client: PlaidClient | None = None,
    is_known: Callable[[str], bool] = lambda item_id: False,
) -> VerifiedWebhook:
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
    type_, code = _read_required(message, "webhook_type"), _read_required(message, "webhook_code")
    return VerifiedWebhook(
        provider="plaid",
        environment=client.settings.environment,
        provider_item_id=item_id,
        kind=KINDS.get((type_, code), WebhookKind.OTHER),
        type=type_,
        code=code,
        fingerprint=_fingerprint(signature),
        issued_at=datetime.fromtimestamp(claims["iat"], UTC),
        summary=summarize(message),
        link_token_hash=_hash_link_token(message) if type_ == "LINK" else "",
    )


def _hash_link_token(message: dict[str, Any]) -> str:
    """The hash under which a link session is stored; empty if the webhook names no link token."""
    token = _read_optional(message, "link_token")
    return hashlib.sha256(token.encode()).hexdigest() if token else ""


def summarize(message: dict[str, Any]) -> dict[str, str | bool]:
    """Return the few fields of a webhook that explain it to operators; any other value of a field is left out."""
    summary: dict[str, str | bool] = {name: message[name] for name in FLAGS if type(message.get(name)) is bool}
    summary |= {name: message[name] for name in TIMES if _is_time(message.get(name))}
    error = message.get("error")
    codes = {
        "reason": message.get("reason"),
        "error_code": error.get("error_code") if isinstance(error, dict) else None,
    }
    summary |= {name: code for name, value in codes.items() if (code := safe_code(value))}
    return summary | _summarize_ending(message) | _summarize_revoked_account(message)


def _summarize_ending(message: dict[str, Any]) -> dict[str, str]:
    """Why, and if it is known when, the access ends; empty for another webhook."""
    reason, code = safe_code(message.get("reason")), safe_code(message.get("webhook_code"))
    if KINDS.get(("ITEM", code)) is not WebhookKind.ACCESS_ENDING:
        return {}
    expires_at = next((_with_zone(message[name]) for name in TIMES if _is_time(message.get(name))), "")
    expiry_reason = EXPIRY_REASONS.get(reason, EXPIRY_REASONS[code])
    return {"expiry_reason": expiry_reason} | ({"expires_at": expires_at} if expires_at else {})


def _summarize_revoked_account(message: dict[str, Any]) -> dict[str, str]:
    """The account that the user no longer shares; empty for another webhook."""
    account_id = safe_code(message.get("account_id"))
    return {"account_id": account_id} if account_id and message.get("webhook_code") == "USER_ACCOUNT_REVOKED" else {}


def _with_zone(text: str) -> str:
    """A time of Plaid, which is UTC if it has no zone."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _is_time(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT_LENGTH and optional_time(value) is not None


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
    if not isinstance(value, str) or not value.isprintable() or len(value) > MAX_TEXT_LENGTH:
        raise WebhookRejected("message")
    return value
