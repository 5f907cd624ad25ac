"""Rate limits per user and per IP address, with the real Redis and without it."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.pages import AGREED
from accounts.tests.totp import add_authenticator_app
from banking.models import Item
from banking.tests.received_webhooks import list_events
from banking.tests.scripted_server import ScriptedServer, http_response, scripted_server
from banking.tests.test_views_webhooks import deliver, make_public_key, make_webhook_body, sign
from banking.webhooks import inbox
from config.http.limits import LIMITS
from config.tests.routes import EXPECTED_RESPONSES, ROUTE_NAMES, list_routes
from config.views import describe_wait

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_cache")]

BANK = next(limit.routes for limit in LIMITS if limit.name == "bank")
ROUTES_WITH_ID = {
    "choose_accounts", "finish_link", "close_link", "hosted_link", "hosted_return", "refresh", "reconnect",
    "disconnect", "remove_account", "add_account_again",
}  # fmt: skip
API = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def frozen_clock() -> Iterator[time_machine.Traveller]:
    """Stop the clock, so that no rate limit's window ends during a test."""
    with time_machine.travel(time.time(), tick=False) as clock:
        yield clock


@pytest.fixture
def anonymous() -> Client:
    return Client()


def get_statuses(request: Callable[[], HttpResponse], times: int) -> list[int]:
    return [request().status_code for _ in range(times)]


# --- The limits -------------------------------------------------------------------------------------------


def test_it_limits_only_existing_routes() -> None:
    assert {name for limit in LIMITS for name in limit.routes} <= set(ROUTE_NAMES)


def test_it_limits_all_routes_that_call_a_bank() -> None:
    stored_data = {"accounts", "item", "transactions", "importing"}
    banking = {"connect", "oauth_return", "finish_link", "close_link", "refresh_all", "refresh", "reconnect"}
    hosted = {"hosted_link", "hosted_return"}
    account = {"remove_account", "add_account_again"}
    assert banking | hosted | account | {"choose_accounts", "disconnect", "transactions-csv", "activity_csv"} == BANK
    assert not BANK & stored_data


PRIVACY_VIEWS = ("accounts.privacy.", "accounts.deletion.", "accounts.agreements.", "banking.views.bank_data_consent")
DOWNLOADS = {"activity_csv", "download_export", "send_export"}
UNLIMITED = {
    "agree": "It stores each version once, and every page leads to it until the user has agreed.",
}


def test_it_limits_all_privacy_routes_that_change_something_or_send_a_file() -> None:
    """By the responses to POST in the permission matrix, which has every route."""
    names = {route.name for route in list_routes() if route.pattern.callback.__module__.startswith(PRIVACY_VIEWS)}
    posted = {name for name in names if any(not is_refused(answer) for answer in EXPECTED_RESPONSES[name].values())}
    assert names > DOWNLOADS
    assert {"change_retention", "erase_account", "withdraw_bank_data", "verify_activity"} < posted
    limited = {name for limit in LIMITS for name in limit.routes}
    assert (posted | DOWNLOADS) - limited == set(UNLIMITED)


def is_refused(responses: str) -> bool:
    """Whether a view takes no POST, by its responses to a GET and a POST."""
    return responses.split("/")[1] in ("405", "in", "2fa")


def test_it_allows_thirty_privacy_forms_an_hour(as_alice: Client, anonymous: Client) -> None:
    assert get_statuses(lambda: as_alice.post("/privacy/do-not-sell/"), 31) == [422] * 30 + [429]
    # Reading the pages is never refused.
    assert as_alice.get("/privacy/do-not-sell/").status_code == 200
    assert as_alice.post(reverse("delete_account")).status_code == 429
    url = reverse("cancel_deletion_by_link", args=["guess"])
    assert get_statuses(lambda: anonymous.post(url), 31) == [200] * 30 + [429]


def test_it_takes_privacy_forms_without_redis(as_alice: Client, redis_unavailable: None) -> None:
    assert as_alice.post("/privacy/do-not-sell/").status_code == 422


def test_it_allows_sixty_previews_of_a_period_an_hour(as_alice: Client) -> None:
    url = reverse("change_retention", args=["transactions"])
    assert get_statuses(lambda: as_alice.get(url), 61) == [200] * 60 + [429]


# --- Banks: 20 a minute for each user ---------------------------------------------------------------------


def test_it_allows_twenty_requests_to_banks_a_minute(
    as_alice: Client, as_mallory: Client, frozen_clock: time_machine.Traveller
) -> None:
    assert get_statuses(lambda: as_alice.post("/connections/refresh/"), 21) == [302] * 20 + [429]
    # All routes to banks share one limit, and pages with stored data do not count.
    assert as_alice.get("/transactions.csv").status_code == 429
    assert as_alice.get("/transactions/").status_code == 200
    assert as_mallory.post("/connections/refresh/").status_code == 302
    wait = int(as_alice.post("/connections/refresh/").headers["Retry-After"])
    assert 1 <= wait <= 61
    frozen_clock.shift(wait)
    assert as_alice.post("/connections/refresh/").status_code == 302


@pytest.mark.parametrize("name", sorted(BANK))
def test_it_limits_each_view_that_calls_a_bank(as_alice: Client, name: str) -> None:
    url = reverse(name, args=[uuid4()] if name in ROUTES_WITH_ID else [])
    get_statuses(lambda: as_alice.get("/connect/"), 20)
    # Even before the view that would return 404.
    assert as_alice.get(url).status_code == as_alice.post(url).status_code == 429


def test_it_does_not_count_requests_that_redirect_to_the_sign_in(anonymous: Client, as_alice: Client) -> None:
    assert get_statuses(lambda: anonymous.post("/connections/refresh/"), 25) == [302] * 25
    assert as_alice.post("/connections/refresh/").status_code == 302


def test_it_shows_users_how_long_to_wait(as_alice: Client) -> None:
    get_statuses(lambda: as_alice.get("/connect/"), 20)
    refused = as_alice.get("/connect/")
    page, wait = refused.content.decode(), int(refused.headers["Retry-After"])
    assert describe_wait(wait) in page
    assert refused.headers["X-Request-ID"] in page
    assert refused.headers["Cache-Control"] == "no-store"
    assert "Transactions" in page


def test_it_tells_programs_how_long_to_wait(as_alice: Client) -> None:
    get_statuses(lambda: as_alice.get("/connect/"), 20)
    refused = as_alice.get("/connect/", headers=API)
    assert refused.headers["Content-Type"] == "application/json"
    assert refused.json()["retry_after"] == int(refused.headers["Retry-After"])
    assert "Too many requests. Try again in " in refused.json()["error"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (61, "2 minutes"), (120, "2 minutes"), (900, "15 minutes")],
)
def test_it_rounds_the_waiting_time_up(seconds: int, words: str) -> None:
    assert describe_wait(seconds) == f"Too many requests. Try again in {words}."


# --- Signing in by programs: 10 a minute for each IP address ----------------------------------------------


@pytest.mark.parametrize("path", ["/api/auth/", "/api/auth/login", "/api/auth/v1/session/../x", "/api/auth/%00"])
def test_it_allows_ten_requests_a_minute_below_api_auth(anonymous: Client, as_alice: Client, path: str) -> None:
    assert get_statuses(lambda: anonymous.post(path), 10) == [404] * 10
    refused = anonymous.get("/api/auth/elsewhere")
    assert refused.status_code == 429
    assert refused.json() == {"error": refused.json()["error"], "retry_after": int(refused.headers["Retry-After"])}
    assert as_alice.get(path).status_code == 429
    assert anonymous.get(reverse("account_login")).status_code == 200


def test_it_counts_each_ip_address_separately(anonymous: Client) -> None:
    get_statuses(lambda: anonymous.get("/api/auth/", REMOTE_ADDR="192.0.2.1"), 10)
    assert anonymous.get("/api/auth/", REMOTE_ADDR="192.0.2.1").status_code == 429
    assert anonymous.get("/api/auth/", REMOTE_ADDR="192.0.2.2").status_code == 404


def test_it_counts_an_ipv6_network_as_one_address(anonymous: Client) -> None:
    statuses = [
        anonymous.get("/api/auth/", REMOTE_ADDR=f"2001:db8:1:2:{number:x}::1").status_code for number in range(1, 12)
    ]
    assert statuses == [404] * 10 + [429]
    assert anonymous.get("/api/auth/", REMOTE_ADDR="2001:db8:1:3::1").status_code == 404


def test_it_ignores_forwarded_addresses_without_a_proxy(anonymous: Client, settings) -> None:
    settings.TRUSTED_PROXY_COUNT = 0
    statuses = [
        anonymous.get("/api/auth/", headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code
        for number in range(11)
    ]
    assert statuses == [404] * 10 + [429]


@pytest.mark.parametrize(("proxies", "forged"), [(1, "{0}"), (2, "{0}, 203.0.113.9, 10.0.0.1")])
def test_it_trusts_as_many_proxies_as_configured(anonymous: Client, settings, proxies: int, forged: str) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies

    def get_status(number: int) -> int:
        hops = forged.format(f"198.51.100.{number}")
        if proxies == 1:
            hops += ", 203.0.113.9"
        return anonymous.get("/api/auth/", headers={"X-Forwarded-For": hops}).status_code

    assert [get_status(number) for number in range(11)] == [404] * 10 + [429]


@pytest.mark.parametrize("address", ["", "unix:", "\u00e9"])
def test_it_counts_requests_without_a_valid_address_together(anonymous: Client, address: str) -> None:
    assert get_statuses(lambda: anonymous.get("/api/auth/", REMOTE_ADDR=address), 11) == [404] * 10 + [429]


# --- The coach: 30 a minute for each user -----------------------------------------------------------------


def test_it_allows_thirty_requests_a_minute_to_the_coach(
    as_alice: Client, as_mallory: Client, anonymous: Client
) -> None:
    assert get_statuses(lambda: as_alice.get("/coach/anything"), 31) == [404] * 30 + [429]
    assert as_mallory.get("/coach/anything").status_code == 404
    assert get_statuses(lambda: anonymous.get("/coach/anything"), 31) == [404] * 30 + [429]


# --- URLs for machines ------------------------------------------------------------------------------------


@pytest.fixture
def plaid(settings) -> Iterator[ScriptedServer]:
    """A server that returns the key of signed webhooks."""
    with scripted_server() as server:
        settings.PLAID_URL = server.url
        server.respond_with(http_response({"key": make_public_key(), "request_id": "r"}))
        yield server


def test_it_limits_webhooks_that_cannot_be_verified(anonymous: Client) -> None:
    def send(address: str) -> int:
        return anonymous.post("/webhooks/plaid/", b"{}", "application/json", REMOTE_ADDR=address).status_code

    assert [send("192.0.2.1") for _ in range(121)] == [400] * 120 + [429]
    assert send("192.0.2.2") == 400


def test_it_counts_webhooks_whose_key_is_unknown(anonymous: Client, item: Item, plaid: ScriptedServer) -> None:
    """Plaid is asked for a few unknown keys a minute; webhooks with the others get 503, so that Plaid repeats them."""
    unknown = {"error_type": "INVALID_INPUT", "error_code": "INVALID_WEBHOOK_VERIFICATION_KEY_ID"}
    plaid.respond_with(http_response(unknown, status=400))
    body = make_webhook_body(item, item_id="nobody-knows-me")
    statuses = [deliver(anonymous, body, sign(body, f"made-up-{number}")).status_code for number in range(121)]
    assert (statuses.count(400), statuses[5:120], statuses[120]) == (5, [503] * 115, 429)


def test_it_takes_any_number_of_verified_webhooks(anonymous: Client, item: Item, plaid: ScriptedServer) -> None:
    """Between them some that cannot be verified, fewer than the limit."""
    body = make_webhook_body(item)
    statuses = [deliver(anonymous, body, sign(body, number=number)).status_code for number in range(250)]
    assert statuses == [200] * 250
    assert {deliver(anonymous, body, "x").status_code for _ in range(119)} == {400}
    assert deliver(anonymous, body, sign(body, number=250)).status_code == 200
    assert len(list_events()) == 251


def test_it_goes_on_with_webhooks_that_cannot_be_stored(
    anonymous: Client, item: Item, plaid: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were verified. Plaid repeats them, and the site takes them as soon as it has its database again."""
    body = make_webhook_body(item)
    anonymous.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr(inbox, "add_event", lose_the_database)
        statuses = {deliver(anonymous, body, sign(body, number=number)).status_code for number in range(121)}
    assert statuses == {503}
    assert deliver(anonymous, body).status_code == 200


def lose_the_database(_: object) -> bool:
    raise OperationalError("the database is shutting down")


def test_it_limits_policy_reports(anonymous: Client) -> None:
    assert get_statuses(lambda: anonymous.post("/policy-reports/"), 31) == [415] * 30 + [429]


# --- Without Redis ----------------------------------------------------------------------------------------


@pytest.fixture
def silent_redis(settings) -> Iterator[socket.socket]:
    """Replace Redis by a server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": url}}
        yield listener


@pytest.fixture(params=["missing", "silent"])
def redis_unavailable(request: pytest.FixtureRequest, settings, tmp_path: Path) -> None:
    """Redis does not run, or does not respond."""
    if request.param == "silent":
        request.getfixturevalue("silent_redis")
    else:
        missing = {"LOCATION": f"unix://{tmp_path}/missing.sock"}
        settings.CACHES = {"default": settings.CACHES["default"] | missing}


def count_connections(listener: socket.socket) -> int:
    """The number of connections, one for each call, because a connection that timed out is not used again."""
    listener.setblocking(False)
    count = 0
    with suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()
            count += 1
    return count


def test_it_refuses_requests_to_banks_without_redis(as_alice: Client, redis_unavailable: None) -> None:
    refused = as_alice.post("/connections/refresh/")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert as_alice.get("/connect/").status_code == 200
    assert as_alice.get("/transactions.csv").status_code == 200


def test_it_refuses_programs_without_redis(anonymous: Client, redis_unavailable: None) -> None:
    assert anonymous.get("/api/auth/session").status_code == 429
    assert anonymous.post("/policy-reports/").status_code == 429


def test_it_accepts_webhooks_without_redis(anonymous: Client, redis_unavailable: None) -> None:
    assert anonymous.post("/webhooks/plaid/", b"{}", "application/json").status_code == 400


SIGN_IN_FORMS = {
    "account_login": {"login": "alice@example.com", "password": "correct horse battery staple"},
    "account_signup": {"email": "new@example.com", "password1": "correct horse battery staple", **AGREED},
    "account_reset_password": {"email": "alice@example.com"},
    "mfa_login_webauthn": {"credential": "{}"},
}


@pytest.mark.parametrize("name", sorted(SIGN_IN_FORMS))
def test_it_refuses_sign_ins_without_redis(anonymous: Client, redis_unavailable: None, name: str) -> None:
    refused = anonymous.post(reverse(name), SIGN_IN_FORMS[name])
    assert refused.status_code == 429
    assert "Try again in 1 minute." in refused.content.decode()
    assert "__Host-sessionid" not in refused.cookies


@pytest.mark.parametrize("name", sorted(SIGN_IN_FORMS))
def test_it_waits_less_than_two_seconds_for_redis(
    anonymous: Client, silent_redis: socket.socket, settings, name: str
) -> None:
    assert anonymous.post(reverse(name), SIGN_IN_FORMS[name]).status_code == 429
    timeout = settings.CACHES["default"]["OPTIONS"]["SOCKET_TIMEOUT"]
    assert 0 < count_connections(silent_redis) * timeout < 2


def test_it_checks_no_code_without_redis(
    alice: User, anonymous: Client, settings, request: pytest.FixtureRequest
) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    authenticator_app = add_authenticator_app(alice)
    alice.set_password(SIGN_IN_FORMS["account_login"]["password"])
    alice.save()
    assert anonymous.post(reverse("account_login"), SIGN_IN_FORMS["account_login"]).url == reverse("mfa_authenticate")
    silent_redis = request.getfixturevalue("silent_redis")
    refused = anonymous.post(reverse("mfa_authenticate"), {"code": authenticator_app.code()})
    assert refused.status_code == 429
    assert 0 < count_connections(silent_redis) * settings.CACHES["default"]["OPTIONS"]["SOCKET_TIMEOUT"] < 2
