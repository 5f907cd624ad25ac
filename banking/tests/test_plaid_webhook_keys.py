"""Which key verifies a webhook, how long a key is cached, and how often unknown keys are looked up."""

import json
from datetime import timedelta

import pytest

from banking.plaid.webhook_keys import KeyUnavailable
from banking.plaid.webhooks import verify
from banking.provider import WebhookRejected
from banking.tests.scripted_server import http_response
from banking.tests.signed_webhooks import (
    BODY,
    MESSAGE,
    NOW,
    client,
    clock,
    make_client,
    private_key,
    public_jwk,
    rejection_reason,
    server,
    sign,
)

__all__ = ["client", "clock", "private_key", "server"]
pytestmark = pytest.mark.usefixtures("clock", "own_cache")


UNKNOWN = http_response(
    {"error_type": "INVALID_INPUT", "error_code": "INVALID_WEBHOOK_VERIFICATION_KEY_ID"}, status=400
)


def sign_later(private_key, seconds, **options):
    """Sign a webhook ``seconds`` after ``NOW``."""
    return sign(private_key, claims={"iat": int(NOW.timestamp()) + seconds}, **options)


def test_it_fetches_a_key_once_an_hour(private_key, client, server, clock):
    for minutes in (0, 1, 59):
        clock.move_to(NOW + timedelta(minutes=minutes))
        verify(sign_later(private_key, minutes * 60), BODY, client=client)
    assert len(server.requests) == 1
    clock.move_to(NOW + timedelta(minutes=60))
    verify(sign_later(private_key, 3600), BODY, client=client)
    assert len(server.requests) == 2


def test_it_rejects_an_expired_key(private_key, client, server):
    server.respond_with(http_response({"key": public_jwk(private_key, expired_at=int(NOW.timestamp()))}))
    assert rejection_reason(sign(private_key), client=client) == "key"


def test_it_rejects_a_cached_key_when_it_expires(private_key, client, server, clock):
    server.respond_with(http_response({"key": public_jwk(private_key, expired_at=int(NOW.timestamp()) + 60)}))
    assert verify(sign(private_key), BODY, client=client)
    clock.move_to(NOW + timedelta(seconds=60))
    assert rejection_reason(sign(private_key), client=client) == "key"
    assert len(server.requests) == 1


def test_it_rejects_a_retired_key_after_an_hour(private_key, client, server, clock):
    server.respond_with(
        http_response({"key": public_jwk(private_key)}),
        http_response({"key": public_jwk(private_key, expired_at=int(NOW.timestamp()) + 10)}),
    )
    assert verify(sign(private_key), BODY, client=client)
    clock.move_to(NOW + timedelta(hours=1))
    assert rejection_reason(sign_later(private_key, 3600), client=client) == "key"


def test_it_fetches_cached_keys_again_when_a_new_key_is_used(private_key, client, server):
    """Plaid retires a key when it introduces a new one, so the cached keys are fetched again."""
    retired = public_jwk(private_key, expired_at=int(NOW.timestamp()) - 1)
    server.respond_with(
        http_response({"key": public_jwk(private_key)}),
        http_response({"key": public_jwk(private_key, kid="new")}),
        http_response({"key": retired}),
    )
    assert verify(sign(private_key), BODY, client=client)
    assert verify(sign(private_key, header={"kid": "new"}), BODY, client=client)
    assert rejection_reason(sign(private_key), client=client) == "key"


def test_it_uses_a_cached_key_for_a_day_while_plaid_is_unavailable(private_key, client, server, clock):
    server.respond_with(
        http_response({"key": public_jwk(private_key)}), http_response(b"<h1>Bad gateway</h1>", status=502)
    )
    assert verify(sign(private_key), BODY, client=client)
    clock.move_to(NOW + timedelta(hours=23))
    assert verify(sign_later(private_key, 23 * 3600), BODY, client=client)
    clock.move_to(NOW + timedelta(hours=24))
    with pytest.raises(KeyUnavailable):
        verify(sign_later(private_key, 24 * 3600), BODY, client=client)


def test_it_rejects_a_key_that_plaid_has_deleted(private_key, client, server, clock):
    server.respond_with(http_response({"key": public_jwk(private_key)}), UNKNOWN)
    assert verify(sign(private_key), BODY, client=client)
    clock.move_to(NOW + timedelta(hours=1))
    assert rejection_reason(sign_later(private_key, 3600), client=client) == "key"


def test_it_caches_for_a_minute_that_a_key_is_unknown(private_key, client, server, clock):
    server.respond_with(UNKNOWN, http_response({"key": public_jwk(private_key)}))
    assert rejection_reason(sign(private_key), client=client) == "key"
    clock.move_to(NOW + timedelta(seconds=59))
    assert rejection_reason(sign(private_key), client=client) == "key"
    assert len(server.requests) == 1
    clock.move_to(NOW + timedelta(seconds=60))
    assert verify(sign(private_key), BODY, client=client)


@pytest.mark.parametrize(
    "response",
    [
        http_response(b"<h1>Bad gateway</h1>", status=502),
        http_response({"error_type": "RATE_LIMIT_EXCEEDED", "error_code": "RATE_LIMIT"}, status=429),
        http_response({"error_type": "INVALID_INPUT", "error_code": "INVALID_API_KEYS"}, status=400),
        http_response({"key": None}),
    ],
)
def test_it_raises_key_unavailable_if_the_lookup_fails(private_key, client, server, response):
    server.respond_with(response, http_response({"key": public_jwk(private_key)}))
    with pytest.raises(KeyUnavailable):
        verify(sign(private_key), BODY, client=client)
    assert verify(sign(private_key), BODY, client=client)


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
def test_it_accepts_only_the_requested_key(private_key, client, server, changes):
    server.respond_with(http_response({"key": public_jwk(private_key, **changes)}))
    with pytest.raises(KeyUnavailable):
        verify(sign(private_key), BODY, client=client)


# --- A flood of invented keys -----------------------------------------------------------------------------


def flood(private_key, *clients, count=300):
    """Verify ``count`` webhooks with invented key ids. Return how many were rejected and how many must be resent."""
    rejected = resend = 0
    for number in range(count):
        try:
            verify(sign(private_key, header={"kid": f"made-up-{number}"}), BODY, client=clients[number % len(clients)])
        except WebhookRejected:
            rejected += 1
        except KeyUnavailable:
            resend += 1
    return rejected, resend


def test_it_looks_up_five_unknown_keys_a_minute(private_key, client, server, clock):
    server.respond_with(UNKNOWN)
    assert flood(private_key, client) == (5, 295)
    assert len(server.requests) == 5
    clock.move_to(NOW + timedelta(seconds=60))
    assert rejection_reason(sign_later(private_key, 60, header={"kid": "made-up-again"}), client=client) == "key"


def test_it_counts_lookups_of_all_processes(private_key, server):
    server.respond_with(UNKNOWN)
    assert flood(private_key, make_client(server.url), make_client(server.url), make_client(server.url)) == (5, 295)
    assert len(server.requests) == 5


def test_it_shares_unknown_keys_with_other_processes(private_key, server):
    server.respond_with(UNKNOWN)
    for _ in range(9):
        assert rejection_reason(sign(private_key), client=make_client(server.url)) == "key"
    assert len(server.requests) == 1


def test_it_counts_per_process_while_redis_is_unavailable(private_key, client, server, settings):
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    server.respond_with(UNKNOWN)
    assert flood(private_key, client, count=20) == (5, 15)


def test_it_caches_unknown_keys_per_process_while_redis_is_unavailable(private_key, client, server, settings):
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    server.respond_with(UNKNOWN)
    assert [rejection_reason(sign(private_key), client=client) for _ in range(9)] == ["key"] * 9
    assert len(server.requests) == 1


def test_it_accepts_a_cached_key_during_a_flood(private_key, client, server, clock):
    assert verify(sign(private_key), BODY, client=client)
    server.respond_with(UNKNOWN)
    flood(private_key, client, count=20)
    assert verify(sign(private_key), BODY, client=client)
    server.respond_with(http_response({"key": public_jwk(private_key)}))
    clock.move_to(NOW + timedelta(hours=2))
    flood(private_key, client, count=20)
    assert verify(sign_later(private_key, 7200), BODY, client=client)


def test_it_looks_up_a_new_key_for_a_known_item_during_a_flood(private_key, client, server):
    server.respond_with(UNKNOWN)
    flood(private_key, client)
    server.respond_with(http_response({"key": public_jwk(private_key)}))
    item_ids = []
    assert verify(sign(private_key), BODY, client=client, is_known=lambda item_id: item_ids.append(item_id) or True)
    assert item_ids == [MESSAGE["item_id"]]


def test_it_looks_up_no_key_for_webhooks_that_are_invalid_anyway(private_key, client, server):
    other_environment = json.dumps(MESSAGE | {"environment": "production"}).encode()
    for token, body in (
        (sign(private_key), BODY + b" "),
        (sign(private_key, claims={"iat": 1}), BODY),
        (sign(private_key, other_environment), other_environment),
        (sign(private_key, b"[]"), b"[]"),
    ):
        rejection_reason(token, body, client=client)
    assert server.requests == []
