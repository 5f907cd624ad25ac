"""Which key a webhook is verified by, for how long, and who may make us look one up."""

import json
from datetime import timedelta

import pytest

from banking.plaid.webhook_keys import KeyUnavailable
from banking.plaid.webhooks import verify
from banking.provider import WebhookRejected
from banking.tests.scripted_server import say
from banking.tests.signed_webhooks import (
    BODY,
    MESSAGE,
    NOW,
    client,
    clock,
    jwk,
    plaid_at,
    private,
    reason,
    server,
    signed,
)

__all__ = ["client", "clock", "private", "server"]
pytestmark = pytest.mark.usefixtures("clock", "own_cache")


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
        except WebhookRejected:
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


def test_it_remembers_an_unknown_key_by_itself_while_redis_is_away(private, client, server, settings):
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    server.play(UNKNOWN)
    assert [reason(signed(private), client=client) for _ in range(9)] == ["key"] * 9
    assert len(server.asked) == 1


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
