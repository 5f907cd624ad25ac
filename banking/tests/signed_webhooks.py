"""Webhooks signed as Plaid signs them, and a server that returns the verification key."""

import base64
import hashlib
import json
from datetime import UTC, datetime

import pytest
import time_machine
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from banking.plaid.client import PlaidClient
from banking.plaid.settings import PlaidSettings
from banking.plaid.transport import PlaidTransport
from banking.plaid.webhooks import verify
from banking.provider import WebhookRejected
from banking.tests.scripted_server import http_response, scripted_server

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KID = "6c5516e1-92dc-479e-a8ff-5a51992e0001"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
MESSAGE = {
    "environment": "sandbox",
    "error": None,
    "historical_update_complete": False,
    "initial_update_complete": True,
    "item_id": "wz666MBjYWTp2PDzzggYhM6oWWmBb",
    "webhook_code": "SYNC_UPDATES_AVAILABLE",
    "webhook_type": "TRANSACTIONS",
}
# Plaid indents by two spaces, and its hash is over exactly these bytes.
BODY = json.dumps(MESSAGE, indent=2).encode()


@pytest.fixture(scope="module")
def private_key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def server(private_key):
    with scripted_server() as server:
        server.respond_with(http_response({"key": public_jwk(private_key), "request_id": "r"}))
        yield server


@pytest.fixture
def client(server):
    return make_client(server.url)


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as time_travel:
        yield time_travel


def make_client(url, environment="embedded"):
    settings = PlaidSettings(environment, url, "client", "secret", "Plumbline", "en", ("US",), "", 730)
    return PlaidClient(settings, PlaidTransport(host=url, client_id="client", secret="secret"))


def base64url(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def public_jwk(private_key, **changes):
    """The public key as /webhook_verification_key/get returns it."""
    point = private_key.public_key().public_numbers()
    key = {"alg": "ES256", "crv": "P-256", "kid": KID, "kty": "EC", "use": "sig", "created_at": 1560466143}
    key |= {"x": base64url(point.x.to_bytes(32)), "y": base64url(point.y.to_bytes(32)), "expired_at": None}
    return key | changes


def sign(private_key, body=BODY, *, header=None, claims=None):
    """Sign a webhook by hand (RFC 7515, RFC 7518)."""
    header = {"alg": "ES256", "kid": KID, "typ": "JWT"} | (header or {})
    claims = {"iat": int(NOW.timestamp()), "request_body_sha256": hashlib.sha256(body).hexdigest()} | (claims or {})
    signing_input = f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}"
    r, s = decode_dss_signature(private_key.sign(signing_input.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signing_input}.{base64url(r.to_bytes(32) + s.to_bytes(32))}"


def mirror_signature(token):
    """Replace ``s`` of an ECDSA signature by the curve's order minus ``s``, which is valid as well."""
    signing_input, _, encoded = token.rpartition(".")
    signature = base64.urlsafe_b64decode(encoded + "==")
    s = ORDER - int.from_bytes(signature[32:])
    return f"{signing_input}.{base64url(signature[:32] + s.to_bytes(32))}"


def change_padding(token):
    """Change the four unused bits in the last character of the base64; the decoded bytes stay the same."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) | 1]


def rejection_reason(token, body=BODY, *, client):
    with pytest.raises(WebhookRejected) as error:
        verify(token, body, client=client)
    return error.value.reason
