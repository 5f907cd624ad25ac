import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from banking.plaid.client import PlaidClient
from banking.plaid.keys import KeyUnavailable
from banking.plaid.profile import Profile
from banking.plaid.transport import Transport
from banking.plaid.webhooks import WebhookRefused, verify
from banking.tests.scripted_server import say, scripted_server

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
def private():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def server(private):
    with scripted_server() as running:
        running.play(say({"key": jwk(private), "request_id": "r"}))
        yield running


@pytest.fixture
def client(server):
    return plaid_at(server.url)


@pytest.fixture(autouse=True)
def _own_cache(settings):
    """What processes remember together is this test's alone."""
    settings.CACHES = {"default": settings.CACHES["default"] | {"KEY_PREFIX": uuid4().hex}}


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def plaid_at(url, environment="embedded"):
    profile = Profile(environment, url, "client", "secret", "Plumbline", "en", ("US",), "", 730)
    return PlaidClient(profile, Transport(host=url, client_id="client", secret="secret"))


def base64url(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def jwk(private, **changes):
    """The key as /webhook_verification_key/get gives it."""
    point = private.public_key().public_numbers()
    key = {"alg": "ES256", "crv": "P-256", "kid": KID, "kty": "EC", "use": "sig", "created_at": 1560466143}
    key |= {"x": base64url(point.x.to_bytes(32)), "y": base64url(point.y.to_bytes(32)), "expired_at": None}
    return key | changes


def signed(private, body=BODY, *, header=None, claims=None):
    """Sign a webhook by hand (RFC 7515, RFC 7518)."""
    header = {"alg": "ES256", "kid": KID, "typ": "JWT"} | (header or {})
    claims = {"iat": int(NOW.timestamp()), "request_body_sha256": hashlib.sha256(body).hexdigest()} | (claims or {})
    signing_input = f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}"
    r, s = decode_dss_signature(private.sign(signing_input.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signing_input}.{base64url(r.to_bytes(32) + s.to_bytes(32))}"


def mirrored(token):
    """The same signature with s mirrored, which holds as well."""
    signing_input, _, encoded = token.rpartition(".")
    drawn = base64.urlsafe_b64decode(encoded + "==")
    s = ORDER - int.from_bytes(drawn[32:])
    return f"{signing_input}.{base64url(drawn[:32] + s.to_bytes(32))}"


def padded_otherwise(token):
    """The same bytes with other bits after their end, where base64 has room for four."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) | 1]


def reason(token, body=BODY, *, client):
    with pytest.raises(WebhookRefused) as caught:
        verify(token, body, client=client)
    return caught.value.reason


# --- What passes ------------------------------------------------------------------------------------------


def test_it_hears_a_webhook_of_plaid(private, client, server):
    ring = verify(signed(private), BODY, client=client)
    assert (ring.provider_item_id, ring.kind, ring.code) == (
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
    ring = verify(signed(private, body), body, client=client)
    assert (ring.kind, ring.code) == ("NEW", "NEWER")


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
    with pytest.raises(WebhookRefused):
        verify(token, body, client=plaid_at("http://127.0.0.1:1"))


# --- Keys -------------------------------------------------------------------------------------------------

UNKNOWN = say({"error_type": "INVALID_INPUT", "error_code": "INVALID_WEBHOOK_VERIFICATION_KEY_ID"}, status=400)


def later(private, seconds, **options):
    """A webhook that is signed so many seconds after the first."""
    return signed(private, claims={"iat": int(NOW.timestamp()) + seconds}, **options)


def test_it_asks_for_a_key_once_an_hour(private, client, server, clock):
    for minutes in (0, 1, 59):
        clock.move_to(NOW + timedelta(minutes=minutes))
        verify(later(private, minutes * 60), BODY, client=client)
    assert len(server.asked) == 1
    clock.move_to(NOW + timedelta(minutes=60))
    verify(later(private, 3600), BODY, client=client)
    assert len(server.asked) == 2


def test_it_refuses_a_key_that_has_expired(private, client, server):
    server.play(say({"key": jwk(private, expired_at=int(NOW.timestamp()))}))
    assert reason(signed(private), client=client) == "key"


def test_it_lets_a_key_go_when_its_time_comes(private, client, server, clock):
    server.play(say({"key": jwk(private, expired_at=int(NOW.timestamp()) + 60)}))
    assert verify(signed(private), BODY, client=client)
    clock.move_to(NOW + timedelta(seconds=60))
    assert reason(signed(private), client=client) == "key"
    assert len(server.asked) == 1


def test_it_notices_within_an_hour_that_plaid_retired_a_key(private, client, server, clock):
    server.play(say({"key": jwk(private)}), say({"key": jwk(private, expired_at=int(NOW.timestamp()) + 10)}))
    assert verify(signed(private), BODY, client=client)
    clock.move_to(NOW + timedelta(hours=1))
    assert reason(later(private, 3600), client=client) == "key"


def test_it_notices_at_once_when_a_new_key_comes(private, client, server):
    """Plaid retires a key when it brings a new one, so the others are asked about again."""
    retired = jwk(private, expired_at=int(NOW.timestamp()) - 1)
    server.play(say({"key": jwk(private)}), say({"key": jwk(private, kid="new")}), say({"key": retired}))
    assert verify(signed(private), BODY, client=client)
    assert verify(signed(private, header={"kid": "new"}), BODY, client=client)
    assert reason(signed(private), client=client) == "key"


def test_it_goes_on_with_a_key_for_a_day_while_plaid_is_away(private, client, server, clock):
    server.play(say({"key": jwk(private)}), say(b"<h1>Bad gateway</h1>", status=502))
    assert verify(signed(private), BODY, client=client)
    clock.move_to(NOW + timedelta(hours=23))
    assert verify(later(private, 23 * 3600), BODY, client=client)
    clock.move_to(NOW + timedelta(hours=24))
    with pytest.raises(KeyUnavailable):
        verify(later(private, 24 * 3600), BODY, client=client)


def test_it_forgets_a_key_that_plaid_no_longer_knows(private, client, server, clock):
    server.play(say({"key": jwk(private)}), UNKNOWN)
    assert verify(signed(private), BODY, client=client)
    clock.move_to(NOW + timedelta(hours=1))
    assert reason(later(private, 3600), client=client) == "key"


def test_it_remembers_for_a_minute_that_a_key_is_unknown(private, client, server, clock):
    server.play(UNKNOWN, say({"key": jwk(private)}))
    assert reason(signed(private), client=client) == "key"
    clock.move_to(NOW + timedelta(seconds=59))
    assert reason(signed(private), client=client) == "key"
    assert len(server.asked) == 1
    clock.move_to(NOW + timedelta(seconds=60))
    assert verify(signed(private), BODY, client=client)


@pytest.mark.parametrize(
    "answer",
    [
        say(b"<h1>Bad gateway</h1>", status=502),
        say({"error_type": "RATE_LIMIT_EXCEEDED", "error_code": "RATE_LIMIT"}, status=429),
        say({"error_type": "INVALID_INPUT", "error_code": "INVALID_API_KEYS"}, status=400),
        say({"key": None}),
    ],
)
def test_it_asks_plaid_to_come_again_when_a_key_cannot_be_had(private, client, server, answer):
    server.play(answer, say({"key": jwk(private)}))
    with pytest.raises(KeyUnavailable):
        verify(signed(private), BODY, client=client)
    assert verify(signed(private), BODY, client=client)


@pytest.mark.parametrize(
    "changes",
    [
        {"kid": "another"},
        {"kty": "RSA"},
        {"crv": "P-384"},
        {"alg": "ES384"},
        {"use": "enc"},
        {"x": "AAAA"},
        {"x": None},
        {"expired_at": "soon"},
    ],
)
def test_it_takes_no_other_key_than_it_asked_for(private, client, server, changes):
    server.play(say({"key": jwk(private, **changes)}))
    with pytest.raises(KeyUnavailable):
        verify(signed(private), BODY, client=client)


# --- A flood of made-up keys ------------------------------------------------------------------------------


def flood(private, *clients, count=300):
    """Post webhooks under so many made-up key ids; gives how many were refused and how many put off."""
    refused = put_off = 0
    for number in range(count):
        try:
            verify(signed(private, header={"kid": f"made-up-{number}"}), BODY, client=clients[number % len(clients)])
        except WebhookRefused:
            refused += 1
        except KeyUnavailable:
            put_off += 1
    return refused, put_off


def test_it_asks_for_five_unknown_keys_a_minute_and_no_more(private, client, server, clock):
    server.play(UNKNOWN)
    assert flood(private, client) == (5, 295)
    assert len(server.asked) == 5
    clock.move_to(NOW + timedelta(seconds=60))
    assert reason(later(private, 60, header={"kid": "made-up-again"}), client=client) == "key"


def test_it_counts_them_for_all_processes_together(private, server):
    server.play(UNKNOWN)
    assert flood(private, plaid_at(server.url), plaid_at(server.url), plaid_at(server.url)) == (5, 295)
    assert len(server.asked) == 5


def test_it_tells_other_processes_that_a_key_is_unknown(private, server):
    server.play(UNKNOWN)
    for _ in range(9):
        assert reason(signed(private), client=plaid_at(server.url)) == "key"
    assert len(server.asked) == 1


def test_it_counts_for_itself_while_redis_is_away(private, client, server, settings):
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    server.play(UNKNOWN)
    assert flood(private, client, count=20) == (5, 15)


def test_it_hears_a_key_that_it_holds_in_the_middle_of_a_flood(private, client, server, clock):
    assert verify(signed(private), BODY, client=client)
    server.play(UNKNOWN)
    flood(private, client, count=20)
    assert verify(signed(private), BODY, client=client)
    server.play(say({"key": jwk(private)}))
    clock.move_to(NOW + timedelta(hours=2))
    flood(private, client, count=20)
    assert verify(later(private, 7200), BODY, client=client)


def test_it_hears_a_new_key_that_speaks_of_an_item_of_ours_in_the_middle_of_a_flood(private, client, server):
    server.play(UNKNOWN)
    flood(private, client)
    server.play(say({"key": jwk(private)}))
    asked = []
    assert verify(signed(private), BODY, client=client, is_known=lambda item_id: asked.append(item_id) or True)
    assert asked == [MESSAGE["item_id"]]


def test_it_looks_up_no_key_for_what_can_be_refused_without_one(private, client, server):
    foreign = json.dumps(MESSAGE | {"environment": "production"}).encode()
    for token, body in (
        (signed(private), BODY + b" "),
        (signed(private, claims={"iat": 1}), BODY),
        (signed(private, foreign), foreign),
        (signed(private, b"[]"), b"[]"),
    ):
        reason(token, body, client=client)
    assert server.asked == []
