import json
import threading
import time
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
from django.core.cache import cache

from credit.experian.tokens import Token, TokenCache
from credit.experian.transport import ExperianTransport
from credit.provider import BureauAuthError, BureauError, BureauUnavailable, Outcome
from credit.tests.client_samples import PROFILE
from credit.tests.scripted_bureau import TOKEN_PATH, hang, respond, send_bytes


def keeper(bureau, **changes):
    """A keeper as another process would have it: nothing is shared but the cache."""
    settings = replace(PROFILE, host=bureau.url, **changes)
    return TokenCache(settings, ExperianTransport(settings.host))


def granting(value, life=1800):
    return respond({"access_token": value, "expires_in": life})


def calls(bureau):
    return len(bureau.requests_to(TOKEN_PATH))


# --- How to ask -----------------------------------------------------------------------------------------------


def test_it_asks_with_the_client_in_headers(bureau):
    keeper(bureau).get()
    [request] = bureau.requests
    assert (request.headers["client_id"], request.headers["client_secret"]) == ("client", "CANARYSECRET")
    assert json.loads(request.body) == {"username": "CANARYUSER", "password": "CANARYPASSWORD"}


def test_it_asks_with_everything_in_the_body(bureau):
    keeper(bureau, token_style="body").get()
    [request] = bureau.requests
    assert request.headers["grant_type"] == "password"
    assert json.loads(request.body) == {
        "username": "CANARYUSER",
        "password": "CANARYPASSWORD",
        "client_id": "client",
        "client_secret": "CANARYSECRET",
    }


def test_it_asks_with_a_form(bureau):
    keeper(bureau, token_style="form", password="p&ss=w rd").get()
    [request] = bureau.requests
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["password"],
        "username": ["CANARYUSER"],
        "password": ["p&ss=w rd"],
        "client_id": ["client"],
        "client_secret": ["CANARYSECRET"],
    }


# --- How long to keep it --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("life", "seconds"), [(1800, 1740), ("1800", 1740), ("10799", 10739), (300, 270), (10, 9)])
def test_it_keeps_a_token_until_shortly_before_its_end(bureau, life, seconds):
    bureau.script_tokens(granting("a", life))
    made = keeper(bureau)
    made.get()
    assert cache.ttl(made._cache_key) in (seconds, seconds - 1)
    assert seconds - 2 < made._local.until - time.monotonic() <= seconds


def test_it_asks_again_when_a_token_has_ended(bureau):
    bureau.script_tokens(granting("a"), granting("b"))
    made = keeper(bureau)
    made.get()
    cache.delete(made._cache_key)
    made._local = Token("a", time.monotonic() - 1)
    assert made.get() == "b"


@pytest.mark.parametrize("life", [None, "", "soon", -5, True, 1e3, 0, "0", "9" * 20])
def test_it_keeps_no_token_of_unknown_life(bureau, life):
    bureau.script_tokens(granting("a", life), granting("b", life))
    made = keeper(bureau)
    assert [made.get(), made.get()] == ["a", "b"]


def test_it_shares_a_token_between_processes(bureau):
    assert [keeper(bureau).get() for _ in range(3)] == ["CANARYTOKEN"] * 3
    assert calls(bureau) == 1


def test_it_needs_no_cache(bureau, monkeypatch):
    made = keeper(bureau)
    with monkeypatch.context() as patch:
        for method in ("get", "set", "add", "delete"):
            patch.setattr(cache, method, lambda *values, **options: None)
        assert [made.get(), made.get()] == ["CANARYTOKEN"] * 2
    assert calls(bureau) == 1


def test_it_leaves_no_token_and_no_secret_in_the_cache(bureau):
    made = keeper(bureau)
    made.get()
    stored = cache.get(made._cache_key)
    assert b"CANARY" not in stored
    assert not [secret for secret in ("CANARY", "client", "127.0.0.1") if secret in made._cache_key]


@pytest.mark.parametrize("changes", [{"client_secret": "other"}, {"password": "other"}, {"username": "other"}])
def test_it_cannot_open_the_token_of_other_credentials(bureau, changes):
    keeper(bureau).get()
    bureau.script_tokens(granting("mine"))
    assert keeper(bureau, **changes).get() == "mine"


@pytest.mark.parametrize("stored", [b"", b"short", b"x" * 200, "text", 7])
def test_it_takes_a_spoilt_entry_for_none(bureau, stored):
    made = keeper(bureau)
    cache.set(made._cache_key, stored)
    assert made.get() == "CANARYTOKEN"


# --- One at a time --------------------------------------------------------------------------------------------


def at_once(number, work):
    """Let so many threads begin together; returns what each one got."""
    barrier, got = threading.Barrier(number), []

    def run(place):
        barrier.wait()
        got.append(work(place))

    threads = [threading.Thread(target=run, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def slowly(script):
    def answer(connection, closing):
        closing.wait(0.3)
        script(connection, closing)

    return answer


def test_it_lets_one_thread_ask_for_all(bureau):
    bureau.script_tokens(slowly(granting("one")), granting("two"))
    made = keeper(bureau)
    assert at_once(8, lambda _: made.get()) == ["one"] * 8
    assert calls(bureau) == 1


def test_it_lets_one_process_ask_for_all(bureau):
    bureau.script_tokens(slowly(granting("one")), granting("two"))
    keepers = [keeper(bureau) for _ in range(8)]
    assert at_once(8, lambda place: keepers[place].get()) == ["one"] * 8
    assert calls(bureau) == 1


def test_it_renews_a_refused_token_once_for_all(bureau):
    bureau.script_tokens(granting("old"), slowly(granting("new")), granting("newer"))
    made = keeper(bureau)
    made.get()

    def renew(_):
        made.invalidate("old")
        return made.get()

    assert at_once(8, renew) == ["new"] * 8
    assert calls(bureau) == 2


def test_it_forgets_only_the_token_that_was_refused(bureau):
    bureau.script_tokens(granting("old"), granting("new"))
    mine, theirs = keeper(bureau), keeper(bureau)
    assert (mine.get(), theirs.get()) == ("old", "old")
    mine.invalidate("old")
    assert mine.get() == "new"
    theirs.invalidate("old")
    assert theirs.get() == "new"
    assert calls(bureau) == 2


def test_it_lets_the_next_one_ask_when_asking_failed(bureau):
    bureau.script_tokens(respond(b"", status=500), granting("a"))
    made = keeper(bureau)
    with pytest.raises(BureauUnavailable):
        made.get()
    assert made.get() == "a"


# --- What can go wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        (respond({"errors": [{"message": "CANARY"}]}, status=401), BureauAuthError, "TOKEN_HTTP_401"),
        (respond({"error_description": "CANARY"}, status=400), BureauAuthError, "TOKEN_HTTP_400"),
        (respond(b"<html>", status=302, Location="/expired"), BureauAuthError, "TOKEN_HTTP_302"),
        (respond(b"", status=500), BureauUnavailable, "TOKEN_HTTP_500"),
        (respond(b"", status=429), BureauUnavailable, "TOKEN_HTTP_429"),
        (respond(b"<html>CANARY"), BureauUnavailable, "TOKEN_NOT_JSON"),
        (respond(b'{"access_token": "CANARY'), BureauUnavailable, "TOKEN_NOT_JSON"),
        (respond(b"[]"), BureauUnavailable, "TOKEN_NOT_JSON"),
        (respond({"access_token": None}), BureauUnavailable, "TOKEN_MALFORMED"),
        (respond({"access_token": ""}), BureauUnavailable, "TOKEN_MALFORMED"),
        (respond({"access_token": "CANARY\r\nX: y"}), BureauUnavailable, "TOKEN_MALFORMED"),
        (respond({"access_token": "CANARY " * 9}), BureauUnavailable, "TOKEN_MALFORMED"),
        (respond({"access_token": "x" * 20_000}), BureauUnavailable, "TOKEN_MALFORMED"),
        (send_bytes(b""), BureauUnavailable, "TOKEN_CONNECTION_LOST"),
        (hang, BureauUnavailable, "TOKEN_TIMEOUT"),
    ],
)
def test_it_names_what_went_wrong_and_shows_nothing_of_it(bureau, monkeypatch, script, kind, code):
    monkeypatch.setattr("credit.experian.tokens.TOKEN_SECONDS", 0.3)
    bureau.script_tokens(script)
    with pytest.raises(BureauError) as caught:
        keeper(bureau).get()
    error = caught.value
    assert (type(error), error.code, error.outcome) == (kind, code, Outcome.NOT_MADE)
    assert error.__context__ is None
    assert "CANARY" not in f"{error!r}{vars(error)}"


def test_it_shows_no_token():
    assert repr(Token("CANARY", 1.0)) == "<Token>"
