"""Which webhooks are accepted as Plaid's, and which are rejected."""

import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from banking.plaid.webhooks import summarize, verify
from banking.provider import WebhookKind, WebhookRejected
from banking.tests.signed_webhooks import (
    BODY,
    KID,
    MESSAGE,
    NOW,
    change_padding,
    client,
    clock,
    make_client,
    mirror_signature,
    private_key,
    rejection_reason,
    server,
    sign,
)

__all__ = ["client", "clock", "private_key", "server"]
pytestmark = pytest.mark.usefixtures("clock", "own_cache")


# --- Accepted ---------------------------------------------------------------------------------------------


def test_it_accepts_a_webhook_of_plaid(private_key, client, server):
    webhook = verify(sign(private_key), BODY, client=client)
    assert (webhook.environment, webhook.provider_item_id) == ("embedded", "wz666MBjYWTp2PDzzggYhM6oWWmBb")
    assert (webhook.kind, webhook.type) == (WebhookKind.TRANSACTIONS_CHANGED, "TRANSACTIONS")
    assert (webhook.code, webhook.issued_at) == ("SYNC_UPDATES_AVAILABLE", NOW)
    assert webhook.summary == {"initial_update_complete": True, "historical_update_complete": False}
    assert [request.fields for request in server.requests] == [{"key_id": KID}]


def test_it_accepts_a_webhook_without_an_item(private_key, client):
    body = json.dumps({"environment": "sandbox", "webhook_type": "LINK", "webhook_code": "EVENTS"}).encode()
    assert verify(sign(private_key, body), body, client=client).provider_item_id == ""


def test_it_names_a_link_session_by_the_hash_of_its_token(private_key, client):
    fields = {"environment": "sandbox", "webhook_type": "LINK", "webhook_code": "SESSION_FINISHED"}
    body = json.dumps(fields | {"link_token": "link-sandbox-CANARY", "public_tokens": ["public-CANARY"]}).encode()
    event = verify(sign(private_key, body), body, client=client)
    assert event.link_token_hash == hashlib.sha256(b"link-sandbox-CANARY").hexdigest()
    assert "CANARY" not in repr(event)


def test_it_takes_no_link_token_from_a_webhook_about_an_item(private_key, client):
    body = json.dumps(MESSAGE | {"link_token": "link-sandbox-1"}).encode()
    assert verify(sign(private_key, body), body, client=client).link_token_hash == ""


def test_it_accepts_unknown_types_and_codes(private_key, client):
    body = json.dumps(MESSAGE | {"webhook_type": "NEW", "webhook_code": "NEWER", "more": [1]}).encode()
    event = verify(sign(private_key, body), body, client=client)
    assert (event.kind, event.type, event.code) == (WebhookKind.OTHER, "NEW", "NEWER")


def test_it_summarizes_only_flags_codes_and_times():
    time_ = "2026-12-01T00:00:00Z"
    kept = {"historical_update_complete": False, "reason": "INSTITUTION_MIGRATION", "disconnect_time": time_}
    error = {"error_code": "ITEM_LOGIN_REQUIRED", "error_message": "canary", "display_message": "canary"}
    private = {"public_token": "public-sandbox-canary", "public_tokens": ["canary"], "link_token": "link-canary"}
    private |= {"account_id": "canary", "new_transactions": 7, "amount": 12.5, "new_webhook_url": "https://canary"}
    odd = {"initial_update_complete": "canary", "consent_expiration_time": "canary", "item_id": "canary"}
    assert summarize(kept | private | odd | {"error": error}) == kept | {"error_code": "ITEM_LOGIN_REQUIRED"}


@pytest.mark.parametrize("value", [None, 7, [], {}, "canary canary", "x" * 1000])
def test_it_leaves_out_a_field_with_an_unexpected_value(value):
    names = ("initial_update_complete", "reason", "consent_expiration_time", "disconnect_time", "error")
    assert summarize(dict.fromkeys(names, value)) == {}
    assert summarize({"error": {"error_code": value}}) == {}


@pytest.mark.parametrize(
    ("age", "is_accepted"),
    [(0, True), (299, True), (300, True), (301, False), (-60, True), (-61, False), (86400, False)],
)
def test_it_accepts_webhooks_up_to_five_minutes_old_or_one_minute_early(private_key, client, age, is_accepted):
    token = sign(private_key, claims={"iat": int(NOW.timestamp()) - age})
    if is_accepted:
        assert verify(token, BODY, client=client)
    else:
        assert rejection_reason(token, client=client) == "age"


def test_it_gives_a_copy_with_a_mirrored_signature_the_same_fingerprint(private_key, client):
    token = sign(private_key)
    copy = mirror_signature(token)
    assert copy != token
    assert verify(copy, BODY, client=client).fingerprint == verify(token, BODY, client=client).fingerprint


def test_it_rejects_another_encoding_of_a_signature(private_key, client):
    assert rejection_reason(change_padding(sign(private_key)), client=client) == "malformed"


def test_it_gives_equal_webhooks_of_one_second_different_fingerprints(private_key, client):
    first, second = (verify(sign(private_key), BODY, client=client) for _ in range(2))
    assert first.fingerprint != second.fingerprint


def test_it_gives_two_deliveries_different_fingerprints(private_key, client):
    first = verify(sign(private_key), BODY, client=client)
    second = verify(sign(private_key, claims={"iat": int(NOW.timestamp()) - 30}), BODY, client=client)
    assert first.fingerprint != second.fingerprint
    assert len(first.fingerprint) == 64


# --- Rejected ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("", "missing"),
        ("x" * 4097, "malformed"),
        ("not a token", "malformed"),
        ("a.b", "malformed"),
        ("a.b.c.d", "malformed"),
        ("a.b.c, a.b.c", "malformed"),
        ("e30.e30.", "malformed"),
        ("AAAA.AAAA.AAAA", "malformed"),
        ("W10.e30.AAAA", "malformed"),
        ("é.é.é", "malformed"),
        ("a.b.c\n", "malformed"),
    ],
)
def test_it_rejects_malformed_tokens_without_calling_plaid(client, server, token, expected):
    assert rejection_reason(token, client=client) == expected
    assert server.requests == []


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256", "ES384", "es256", None, 256, ["ES256"]])
def test_it_rejects_every_algorithm_but_es256(private_key, client, server, algorithm):
    assert rejection_reason(sign(private_key, header={"alg": algorithm}), client=client) in ("algorithm", "malformed")
    assert server.requests == []


@pytest.mark.parametrize("kid", ["", "x" * 65, None, 7, ["a"], "a b", "a\nb", "é"])
def test_it_rejects_invalid_key_ids(private_key, client, server, kid):
    assert rejection_reason(sign(private_key, header={"kid": kid}), client=client) in ("key", "malformed")
    assert server.requests == []


def test_it_rejects_another_body(private_key, client):
    assert rejection_reason(sign(private_key), BODY.replace(b"true", b"false"), client=client) == "body"


def test_it_rejects_the_same_message_in_another_encoding(private_key, client):
    assert rejection_reason(sign(private_key), json.dumps(MESSAGE).encode(), client=client) == "body"


def test_it_rejects_a_signature_of_another_key(client):
    other_key = ec.generate_private_key(ec.SECP256R1())
    assert rejection_reason(sign(other_key), client=client) == "signature"


@pytest.mark.parametrize("position", [0, 1])
def test_it_rejects_a_modified_token(private_key, client, position):
    parts = sign(private_key, claims={"iat": int(NOW.timestamp()) - 100}).split(".")
    other_parts = sign(private_key, header={"typ": "jwt"}).split(".")
    parts[position] = other_parts[position]
    assert rejection_reason(".".join(parts), client=client) == "signature"


@pytest.mark.parametrize(
    "claims",
    [
        {"iat": None},
        {"iat": "1700000000"},
        {"iat": True},
        {"iat": NOW.timestamp() + 0.5},
        {"request_body_sha256": None},
        {"request_body_sha256": 7},
        {"request_body_sha256": [hashlib.sha256(BODY).hexdigest()]},
    ],
)
def test_it_rejects_claims_of_another_type(private_key, client, claims):
    assert rejection_reason(sign(private_key, claims=claims), client=client) == "claims"


@pytest.mark.parametrize("hash_", ["", "é" * 64, hashlib.sha256(BODY).hexdigest().upper(), "0" * 64])
def test_it_rejects_any_other_hash(private_key, client, hash_):
    assert rejection_reason(sign(private_key, claims={"request_body_sha256": hash_}), client=client) == "body"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"environment": "sandbox", "webhook_type": "ITEM", "webhook_code": NaN}',
        json.dumps(MESSAGE | {"webhook_type": None}).encode(),
        json.dumps(MESSAGE | {"webhook_type": ""}).encode(),
        json.dumps(MESSAGE | {"webhook_code": 7}).encode(),
        json.dumps(MESSAGE | {"item_id": {"a": 1}}).encode(),
        json.dumps(MESSAGE | {"item_id": "a\0b"}).encode(),
        json.dumps(MESSAGE | {"item_id": "x" * 101}).encode(),
    ],
)
def test_it_rejects_a_signed_message_with_invalid_fields(private_key, client, body):
    assert rejection_reason(sign(private_key, body), body, client=client) in ("message", "environment")


@pytest.mark.parametrize("environment", ["production", "embedded", None, 1])
def test_it_rejects_a_webhook_of_another_environment(private_key, client, environment):
    body = json.dumps(MESSAGE | {"environment": environment}).encode()
    assert rejection_reason(sign(private_key, body), body, client=client) == "environment"


def test_it_accepts_production_webhooks_only_in_production(private_key, server):
    client = make_client(server.url, "production")
    body = json.dumps(MESSAGE | {"environment": "production"}).encode()
    assert verify(sign(private_key, body), body, client=client)
    assert rejection_reason(sign(private_key), client=client) == "environment"


def test_it_rejects_a_body_that_is_too_large(private_key, client, server):
    body = b" " * (1024 * 1024 + 1)
    assert rejection_reason(sign(private_key, body), body, client=client) == "size"
    assert server.requests == []


@given(token=st.text(st.characters(max_codepoint=127), max_size=80), body=st.binary(max_size=40))
def test_it_rejects_random_input(token, body):
    with pytest.raises(WebhookRejected):
        verify(token, body, client=make_client("http://127.0.0.1:1"))
