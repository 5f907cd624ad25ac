"""Webhooks as Plaid signs them, and the endpoint that returns the verification key."""

import base64
import hashlib
import json
import time
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

# As many as Plaid has.
ADDRESSES = 4


class Signer:
    """Signs webhooks with one key and returns that key; ``bench.harness.bank.serve_over_http`` can serve it."""

    def __init__(self) -> None:
        self.key_id = uuid4().hex
        self.private = ec.generate_private_key(ec.SECP256R1())

    def respond(self, path: str, fields: dict[str, Any]) -> bytes:
        """Return the response of ``/webhook_verification_key/get`` for every path and every key id."""
        point = self.private.public_key().public_numbers()
        key = {"kid": self.key_id, "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig"}
        coordinates = {"x": encode_coordinate(point.x), "y": encode_coordinate(point.y)}
        times = {"created_at": int(time.time()), "expired_at": None}
        return json.dumps({"key": key | coordinates | times, "request_id": "bench"}).encode()

    def build_request(self, path: str, item_id: str, *, number: int) -> bytes:
        """Build the HTTP request of a webhook that says that an Item has new data; no two have the same signature.

        The ``number`` chooses the address of Plaid that it comes from. Its connection stays open.
        """
        notification = {"webhook_type": "TRANSACTIONS", "webhook_code": "SYNC_UPDATES_AVAILABLE"}
        body = json.dumps(notification | {"environment": "sandbox", "item_id": item_id}).encode()
        claims = {"iat": int(time.time()), "request_body_sha256": hashlib.sha256(body).hexdigest()}
        signature = jwt.encode(claims, self.private, algorithm="ES256", headers={"kid": self.key_id})
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nPlaid-Verification: {signature}\r\n"
        head += f"X-Forwarded-For: 192.0.2.{number % ADDRESSES}\r\n"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def encode_coordinate(number: int) -> str:
    """Encode a coordinate of the public key for a JWK (RFC 7518, 6.2.1)."""
    return base64.urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()
