"""The keys that sign webhooks, and the JWT of each webhook.

A signature is a compact ES256 JWT whose claims are ``iat`` and the SHA-256 of the exact body.
Source: https://plaid.com/docs/api/webhooks/webhook-verification/
"""

import hashlib
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from sandbox.clock import parse_stamp, stamp
from sandbox.context import AppContext
from sandbox.errors import PlaidError

SCHEMA = """
CREATE TABLE IF NOT EXISTS signing_keys (
    kid TEXT PRIMARY KEY, pem TEXT NOT NULL, created_at TEXT NOT NULL, expired_at TEXT
);
"""
TAMPERINGS = ("body", "sig", "iat", "kid", "alg")


def rotate(context: AppContext) -> str:
    """Create a new signing key and return its kid; older keys stay valid until ``expire``."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    kid = str(uuid.uuid4())
    context.store.execute(
        "INSERT INTO signing_keys VALUES (?, ?, ?, NULL)", kid, pem.decode(), stamp(context.clock.real())
    )
    return kid


def expire(context: AppContext, kid: str = "") -> int:
    """Mark this key as expired, or every key but the newest; return how many were marked."""
    now = stamp(context.clock.real())
    if kid:
        return context.store.execute("UPDATE signing_keys SET expired_at = ? WHERE kid = ?", now, kid)
    newest, _ = _newest(context)
    return context.store.execute("UPDATE signing_keys SET expired_at = ? WHERE kid != ?", now, newest)


def sign(context: AppContext, body: bytes, tamper: str = "") -> str:
    """Return the ``Plaid-Verification`` header of this body. ``tamper`` makes it invalid in one of ``TAMPERINGS``."""
    kid, pem = _newest(context)
    issued = int(context.clock.real().timestamp()) - (3600 if tamper == "iat" else 0)
    claims = {"iat": issued, "request_body_sha256": hashlib.sha256(body).hexdigest()}
    if tamper == "alg":
        return jwt.encode(claims, "0" * 32, algorithm="HS256", headers={"kid": kid})
    signed = jwt.encode(claims, pem, algorithm="ES256", headers={"kid": str(uuid.uuid4()) if tamper == "kid" else kid})
    return _tamper_signature(signed) if tamper == "sig" else signed


def public_key(context: AppContext, kid: str) -> dict[str, Any]:
    """Return the public JWK of a key with Plaid's two additional members. Raises PlaidError for an unknown kid."""
    row = context.store.one("SELECT * FROM signing_keys WHERE kid = ?", kid)
    if row is None:
        raise PlaidError("INVALID_WEBHOOK_VERIFICATION_KEY_ID")
    private = serialization.load_pem_private_key(row["pem"].encode(), None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise TypeError("a signing key must be of an elliptic curve")
    jwk = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    times = {"created_at": _seconds(row["created_at"]), "expired_at": _seconds(row["expired_at"])}
    return {
        "alg": "ES256",
        "crv": jwk["crv"],
        "kid": kid,
        "kty": jwk["kty"],
        "use": "sig",
        "x": jwk["x"],
        "y": jwk["y"],
        **times,
    }


def _newest(context: AppContext) -> tuple[str, str]:
    newest = "SELECT kid, pem FROM signing_keys ORDER BY rowid DESC LIMIT 1"
    with context.store.transaction():
        row = context.store.one(newest) or (rotate(context) and context.store.one(newest))
    if not row:
        raise LookupError("no signing key could be made")
    return row["kid"], row["pem"]


def _seconds(text: str | None) -> int | None:
    return int(parse_stamp(text).timestamp()) if text else None


def _tamper_signature(signed: str) -> str:
    """Change one character of a JWT's signature."""
    place = signed.rindex(".") + 10
    return signed[:place] + ("A" if signed[place] != "A" else "B") + signed[place + 1 :]
