"""What is heard as a webhook of Plaid's, and what is not."""

import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from banking.plaid.webhooks import verify
from banking.provider import WebhookRejected
from banking.tests.signed_webhooks import (
    BODY,
    KID,
    MESSAGE,
    NOW,
    client,
    clock,
    mirrored,
    padded_otherwise,
    plaid_at,
    private,
    reason,
    server,
    signed,
)

__all__ = ["client", "clock", "private", "server"]
pytestmark = pytest.mark.usefixtures("clock", "own_cache")


# --- What passes ------------------------------------------------------------------------------------------


def test_it_hears_a_webhook_of_plaid(private, client, server):
    event = verify(signed(private), BODY, client=client)
    assert (event.provider_item_id, event.kind, event.code) == (
        "wz666MBjYWTp2PDzzggYhM6oWWmBb",
        "TRANSACTIONS",
        "SYNC_UPDATES_AVAILABLE",
    )
    assert [asked.fields for asked in server.asked] == [{"key_id": KID}]


def test_it_hears_a_webhook_that_names_no_item(private, client):
    body = json.dumps({"environment": "sandbox", "webhook_type": "LINK", "webhook_code": "EVENTS"}).encode()
    assert verify(signed(private, body), body, client=client).provider_item_id == ""


def test_it_hears_codes_of_tomorrow(private, client):
    body = json.dumps(MESSAGE | {"webhook_type": "NEW", "webhook_code": "NEWER", "more": [1]}).encode()
    event = verify(signed(private, body), body, client=client)
    assert (event.kind, event.code) == ("NEW", "NEWER")


@pytest.mark.parametrize(
    ("age", "heard"),
    [(0, True), (299, True), (300, True), (301, False), (-60, True), (-61, False), (86400, False)],
)
def test_it_hears_five_minutes_back_and_one_minute_ahead(private, client, age, heard):
    token = signed(private, claims={"iat": int(NOW.timestamp()) - age})
    if heard:
        assert verify(token, BODY, client=client)
    else:
        assert reason(token, client=client) == "age"


def test_it_knows_a_copy_whose_signature_was_rewritten(private, client):
    token = signed(private)
    copy = mirrored(token)
    assert copy != token
    assert verify(copy, BODY, client=client).fingerprint == verify(token, BODY, client=client).fingerprint


def test_it_takes_no_other_spelling_of_a_signature(private, client):
    assert reason(padded_otherwise(signed(private)), client=client) == "malformed"


def test_it_tells_two_webhooks_of_one_second_with_the_same_words_apart(private, client):
    first, second = (verify(signed(private), BODY, client=client) for _ in range(2))
    assert first.fingerprint != second.fingerprint


def test_it_tells_two_deliveries_apart(private, client):
    first = verify(signed(private), BODY, client=client)
    second = verify(signed(private, claims={"iat": int(NOW.timestamp()) - 30}), BODY, client=client)
    assert first.fingerprint != second.fingerprint
    assert len(first.fingerprint) == 64


# --- What does not ----------------------------------------------------------------------------------------


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
def test_it_refuses_what_is_no_token_without_asking_plaid(client, server, token, expected):
    assert reason(token, client=client) == expected
    assert server.asked == []


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256", "ES384", "es256", None, 256, ["ES256"]])
def test_it_refuses_every_algorithm_but_es256(private, client, server, algorithm):
    assert reason(signed(private, header={"alg": algorithm}), client=client) in ("algorithm", "malformed")
    assert server.asked == []


@pytest.mark.parametrize("kid", ["", "x" * 65, None, 7, ["a"], "a b", "a\nb", "é"])
def test_it_refuses_a_key_id_that_is_none(private, client, server, kid):
    assert reason(signed(private, header={"kid": kid}), client=client) in ("key", "malformed")
    assert server.asked == []


def test_it_refuses_another_body(private, client):
    assert reason(signed(private), BODY.replace(b"true", b"false"), client=client) == "body"


def test_it_refuses_the_same_message_spelled_otherwise(private, client):
    assert reason(signed(private), json.dumps(MESSAGE).encode(), client=client) == "body"


def test_it_refuses_a_signature_of_another_key(client):
    stranger = ec.generate_private_key(ec.SECP256R1())
    assert reason(signed(stranger), client=client) == "signature"


@pytest.mark.parametrize("position", [0, 1])
def test_it_refuses_a_token_that_was_changed(private, client, position):
    parts = signed(private, claims={"iat": int(NOW.timestamp()) - 100}).split(".")
    other = signed(private, header={"typ": "jwt"}).split(".")
    parts[position] = other[position]
    assert reason(".".join(parts), client=client) == "signature"


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
def test_it_refuses_claims_of_another_type(private, client, claims):
    assert reason(signed(private, claims=claims), client=client) == "claims"


@pytest.mark.parametrize("claimed", ["", "é" * 64, hashlib.sha256(BODY).hexdigest().upper(), "0" * 64])
def test_it_refuses_any_other_hash(private, client, claimed):
    assert reason(signed(private, claims={"request_body_sha256": claimed}), client=client) == "body"


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
    ],
)
def test_it_refuses_a_signed_message_of_another_shape(private, client, body):
    assert reason(signed(private, body), body, client=client) in ("message", "environment")


@pytest.mark.parametrize("environment", ["production", "embedded", None, 1])
def test_it_refuses_a_webhook_of_another_environment(private, client, environment):
    body = json.dumps(MESSAGE | {"environment": environment}).encode()
    assert reason(signed(private, body), body, client=client) == "environment"


def test_it_hears_production_in_production_only(private, server):
    client = plaid_at(server.url, "production")
    body = json.dumps(MESSAGE | {"environment": "production"}).encode()
    assert verify(signed(private, body), body, client=client)
    assert reason(signed(private), client=client) == "environment"


def test_it_refuses_a_body_beyond_all_measure(private, client, server):
    body = b" " * (1024 * 1024 + 1)
    assert reason(signed(private, body), body, client=client) == "size"
    assert server.asked == []


@given(token=st.text(st.characters(max_codepoint=127), max_size=80), body=st.binary(max_size=40))
def test_it_refuses_noise_and_never_crashes(token, body):
    with pytest.raises(WebhookRejected):
        verify(token, body, client=plaid_at("http://127.0.0.1:1"))
