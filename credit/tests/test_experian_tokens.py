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


def make_token_cache(bureau, **changes):
    """Return a token cache as of another process: only Redis is shared."""
    settings = replace(PROFILE, host=bureau.url, **changes)
    return TokenCache(settings, ExperianTransport(settings.host))


def grant_token(value, life=1800):
    return respond({"access_token": value, "expires_in": life})


def count_calls(bureau):
    return len(bureau.requests_to(TOKEN_PATH))


# --- Requests -------------------------------------------------------------------------------------------------


def test_it_sends_the_client_in_headers(bureau):
    make_token_cache(bureau).get()
    [request] = bureau.requests
    assert (request.headers["client_id"], request.headers["client_secret"]) == ("client", "CANARYSECRET")
    assert json.loads(request.body) == {"username": "CANARYUSER", "password": "CANARYPASSWORD"}


def test_it_sends_everything_in_the_body(bureau):
    make_token_cache(bureau, token_style="body").get()
    [request] = bureau.requests
    assert request.headers["grant_type"] == "password"
    assert json.loads(request.body) == {
        "username": "CANARYUSER",
        "password": "CANARYPASSWORD",
        "client_id": "client",
        "client_secret": "CANARYSECRET",
    }


def test_it_sends_a_form(bureau):
    make_token_cache(bureau, token_style="form", password="p&ss=w rd").get()
    [request] = bureau.requests
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["password"],
        "username": ["CANARYUSER"],
        "password": ["p&ss=w rd"],
        "client_id": ["client"],
        "client_secret": ["CANARYSECRET"],
    }


# --- Lifetime -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("life", "seconds"), [(1800, 1740), ("1800", 1740), ("10799", 10739), (300, 270), (10, 9)])
def test_it_caches_a_token_until_shortly_before_it_expires(bureau, life, seconds):
    bureau.script_tokens(grant_token("a", life))
    token_cache = make_token_cache(bureau)
    token_cache.get()
    assert cache.ttl(token_cache._cache_key) in (seconds, seconds - 1)
    assert seconds - 2 < token_cache._local.until - time.monotonic() <= seconds


def test_it_requests_a_new_token_after_expiry(bureau):
    bureau.script_tokens(grant_token("a"), grant_token("b"))
    token_cache = make_token_cache(bureau)
    token_cache.get()
    cache.delete(token_cache._cache_key)
    token_cache._local = Token("a", time.monotonic() - 1)
    assert token_cache.get() == "b"


@pytest.mark.parametrize("life", [None, "", "soon", -5, True, 1e3, 0, "0", "9" * 20])
def test_it_does_not_cache_a_token_of_unknown_lifetime(bureau, life):
    bureau.script_tokens(grant_token("a", life), grant_token("b", life))
    token_cache = make_token_cache(bureau)
    assert [token_cache.get(), token_cache.get()] == ["a", "b"]


def test_it_shares_a_token_between_processes(bureau):
    assert [make_token_cache(bureau).get() for _ in range(3)] == ["CANARYTOKEN"] * 3
    assert count_calls(bureau) == 1


def test_it_works_without_redis(bureau, monkeypatch):
    token_cache = make_token_cache(bureau)
    with monkeypatch.context() as patch:
        for method in ("get", "set", "add", "delete"):
            patch.setattr(cache, method, lambda *values, **options: None)
        assert [token_cache.get(), token_cache.get()] == ["CANARYTOKEN"] * 2
    assert count_calls(bureau) == 1


def test_it_stores_no_plain_token_and_no_secret_in_redis(bureau):
    token_cache = make_token_cache(bureau)
    token_cache.get()
    stored = cache.get(token_cache._cache_key)
    assert b"CANARY" not in stored
    assert not [secret for secret in ("CANARY", "client", "127.0.0.1") if secret in token_cache._cache_key]


@pytest.mark.parametrize("changes", [{"client_secret": "other"}, {"password": "other"}, {"username": "other"}])
def test_it_cannot_read_the_token_of_other_credentials(bureau, changes):
    make_token_cache(bureau).get()
    bureau.script_tokens(grant_token("mine"))
    assert make_token_cache(bureau, **changes).get() == "mine"


@pytest.mark.parametrize("stored", [b"", b"short", b"x" * 200, "text", 7])
def test_it_ignores_a_damaged_entry(bureau, stored):
    token_cache = make_token_cache(bureau)
    cache.set(token_cache._cache_key, stored)
    assert token_cache.get() == "CANARYTOKEN"


# --- Concurrency ----------------------------------------------------------------------------------------------


def run_at_once(number, work):
    """Run ``work`` in this many threads at once, and return their results."""
    barrier, results = threading.Barrier(number), []

    def run(index):
        barrier.wait()
        results.append(work(index))

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def delay(script):
    def respond_slowly(connection, closing):
        closing.wait(0.3)
        script(connection, closing)

    return respond_slowly


def test_it_requests_one_token_for_all_threads(bureau):
    bureau.script_tokens(delay(grant_token("one")), grant_token("two"))
    token_cache = make_token_cache(bureau)
    assert run_at_once(8, lambda _: token_cache.get()) == ["one"] * 8
    assert count_calls(bureau) == 1


def test_it_requests_one_token_for_all_processes(bureau):
    bureau.script_tokens(delay(grant_token("one")), grant_token("two"))
    token_caches = [make_token_cache(bureau) for _ in range(8)]
    assert run_at_once(8, lambda place: token_caches[place].get()) == ["one"] * 8
    assert count_calls(bureau) == 1


def test_it_renews_a_rejected_token_once_for_all_threads(bureau):
    bureau.script_tokens(grant_token("old"), delay(grant_token("new")), grant_token("newer"))
    token_cache = make_token_cache(bureau)
    token_cache.get()

    def renew(_):
        token_cache.invalidate("old")
        return token_cache.get()

    assert run_at_once(8, renew) == ["new"] * 8
    assert count_calls(bureau) == 2


def test_it_invalidates_only_the_rejected_token(bureau):
    bureau.script_tokens(grant_token("old"), grant_token("new"))
    first_cache, second_cache = make_token_cache(bureau), make_token_cache(bureau)
    assert (first_cache.get(), second_cache.get()) == ("old", "old")
    first_cache.invalidate("old")
    assert first_cache.get() == "new"
    second_cache.invalidate("old")
    assert second_cache.get() == "new"
    assert count_calls(bureau) == 2


def test_it_requests_again_after_a_failure(bureau):
    bureau.script_tokens(respond(b"", status=500), grant_token("a"))
    token_cache = make_token_cache(bureau)
    with pytest.raises(BureauUnavailable):
        token_cache.get()
    assert token_cache.get() == "a"


# --- Failures -------------------------------------------------------------------------------------------------


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
def test_it_raises_for_every_failure_without_content(bureau, monkeypatch, script, kind, code):
    monkeypatch.setattr("credit.experian.tokens.TOKEN_SECONDS", 0.3)
    bureau.script_tokens(script)
    with pytest.raises(BureauError) as error_info:
        make_token_cache(bureau).get()
    error = error_info.value
    assert (type(error), error.code, error.outcome) == (kind, code, Outcome.NOT_MADE)
    assert error.__context__ is None
    assert "CANARY" not in f"{error!r}{vars(error)}"


def test_it_prints_no_token():
    assert repr(Token("CANARY", 1.0)) == "<Token>"
