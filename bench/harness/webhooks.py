"""Webhooks as Plaid signs them, and the answer by which it hands out the key."""

import base64
import hashlib
import json
import time
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec


class Signer:
    """Signs with one key, and answers whoever asks for it; ``bench.harness.bank.over_http`` takes it for a bank."""

    def __init__(self) -> None:
        self.key_id = uuid4().hex
        self.private = ec.generate_private_key(ec.SECP256R1())

    def respond(self, path: str, fields: dict[str, Any]) -> bytes:
        """What ``/webhook_verification_key/get`` gives, whatever is asked."""
        point = self.private.public_key().public_numbers()
        key = {"kid": self.key_id, "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig"}
        place = {"x": encode_coordinate(point.x), "y": encode_coordinate(point.y)}
        times = {"created_at": int(time.time()), "expired_at": None}
        return json.dumps({"key": key | place | times, "request_id": "bench"}).encode()

    def request(self, path: str, item_id: str) -> bytes:
        """A whole request that says that an Item has news; no two are the same."""
        news = {"webhook_type": "TRANSACTIONS", "webhook_code": "SYNC_UPDATES_AVAILABLE"}
        body = json.dumps(news | {"environment": "sandbox", "item_id": item_id}).encode()
        claims = {"iat": int(time.time()), "request_body_sha256": hashlib.sha256(body).hexdigest()}
        signed = jwt.encode(claims, self.private, algorithm="ES256", headers={"kid": self.key_id})
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nPlaid-Verification: {signed}\r\n"
        head += "Connection: close\r\n"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def encode_coordinate(number: int) -> str:
    """A coordinate as a JWK writes it."""
    return base64.urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()
