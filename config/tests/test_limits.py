"""How often people and addresses may ask, through the real Redis; and what happens while it is away."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.totp import add_authenticator_app
from config.http.limits import LIMITS
from config.tests.routes import ROUTE_NAMES
from config.views import describe_wait

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_cache")]

BANK = next(limit.routes for limit in LIMITS if limit.name == "bank")
NAME_SOMETHING = {"finish_link", "close_link", "refresh", "reconnect", "disconnect"}
API = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def still() -> Iterator[time_machine.Traveller]:
    """A clock that stands, so that no window ends in the middle of a test."""
    with time_machine.travel(time.time(), tick=False) as clock:
        yield clock


@pytest.fixture
def nobody() -> Client:
    return Client()


def statuses(ask: Callable[[], HttpResponse], times: int) -> list[int]:
    return [ask().status_code for _ in range(times)]


# --- The table --------------------------------------------------------------------------------------------


def test_it_limits_routes_that_there_are() -> None:
    assert {name for limit in LIMITS for name in limit.routes} <= set(ROUTE_NAMES)


def test_it_limits_whatever_asks_a_bank() -> None:
    looked_at = {"accounts", "item", "transactions", "importing"}
    banking = {"connect", "oauth_return", "finish_link", "close_link", "refresh_all", "refresh", "reconnect"}
    assert banking | {"disconnect", "transactions-csv"} == BANK
    assert not BANK & looked_at


# --- Banks: 20 a minute for each person -------------------------------------------------------------------


def test_it_lets_a_person_ask_banks_twenty_times_a_minute(
    as_alice: Client, as_mallory: Client, still: time_machine.Traveller
) -> None:
    assert statuses(lambda: as_alice.post("/connections/refresh/"), 21) == [302] * 20 + [429]
    # One budget for all that asks a bank; looking at what is stored costs none of it.
    assert as_alice.get("/transactions.csv").status_code == 429
    assert as_alice.get("/transactions/").status_code == 200
    assert as_mallory.post("/connections/refresh/").status_code == 302
    wait = int(as_alice.post("/connections/refresh/").headers["Retry-After"])
    assert 1 <= wait <= 61
    still.shift(wait)
    assert as_alice.post("/connections/refresh/").status_code == 302


@pytest.mark.parametrize("name", sorted(BANK))
def test_it_stands_before_each_of_the_views_that_ask_banks(as_alice: Client, name: str) -> None:
    place = reverse(name, args=[uuid4()] if name in NAME_SOMETHING else [])
    statuses(lambda: as_alice.get("/connect/"), 20)
    # Even before the view that would say that there is no such thing.
    assert as_alice.get(place).status_code == as_alice.post(place).status_code == 429


def test_it_counts_nothing_of_strangers_who_are_led_to_the_sign_in(nobody: Client, as_alice: Client) -> None:
    assert statuses(lambda: nobody.post("/connections/refresh/"), 25) == [302] * 25
    assert as_alice.post("/connections/refresh/").status_code == 302


def test_it_says_to_people_how_long_to_wait(as_alice: Client) -> None:
    statuses(lambda: as_alice.get("/connect/"), 20)
    refused = as_alice.get("/connect/")
    page, wait = refused.content.decode(), int(refused.headers["Retry-After"])
    assert describe_wait(wait) in page
    assert refused.headers["X-Request-ID"] in page
    assert refused.headers["Cache-Control"] == "no-store"
    assert "Transactions" in page


def test_it_says_to_programs_how_long_to_wait(as_alice: Client) -> None:
    statuses(lambda: as_alice.get("/connect/"), 20)
    refused = as_alice.get("/connect/", headers=API)
    assert refused.headers["Content-Type"] == "application/json"
    assert refused.json()["retry_after"] == int(refused.headers["Retry-After"])
    assert "Too many requests. Try again in " in refused.json()["error"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (61, "2 minutes"), (120, "2 minutes"), (900, "15 minutes")],
)
def test_it_never_names_a_time_that_is_too_short(seconds: int, words: str) -> None:
    assert describe_wait(seconds) == f"Too many requests. Try again in {words}."


# --- Signing in by programs: 10 a minute for each address -------------------------------------------------


@pytest.mark.parametrize("place", ["/api/auth/", "/api/auth/login", "/api/auth/v1/session/../x", "/api/auth/%00"])
def test_it_takes_ten_a_minute_below_api_auth(nobody: Client, as_alice: Client, place: str) -> None:
    assert statuses(lambda: nobody.post(place), 10) == [404] * 10
    refused = nobody.get("/api/auth/elsewhere")
    assert refused.status_code == 429
    assert refused.json() == {"error": refused.json()["error"], "retry_after": int(refused.headers["Retry-After"])}
    assert as_alice.get(place).status_code == 429
    assert nobody.get(reverse("account_login")).status_code == 200


def test_it_counts_each_address_by_itself(nobody: Client) -> None:
    statuses(lambda: nobody.get("/api/auth/", REMOTE_ADDR="192.0.2.1"), 10)
    assert nobody.get("/api/auth/", REMOTE_ADDR="192.0.2.1").status_code == 429
    assert nobody.get("/api/auth/", REMOTE_ADDR="192.0.2.2").status_code == 404


def test_it_counts_a_network_of_ipv6_as_one_address(nobody: Client) -> None:
    answers = [
        nobody.get("/api/auth/", REMOTE_ADDR=f"2001:db8:1:2:{number:x}::1").status_code for number in range(1, 12)
    ]
    assert answers == [404] * 10 + [429]
    assert nobody.get("/api/auth/", REMOTE_ADDR="2001:db8:1:3::1").status_code == 404


def test_it_believes_no_forwarded_address_without_a_proxy(nobody: Client, settings) -> None:
    settings.TRUSTED_PROXY_COUNT = 0
    answers = [
        nobody.get("/api/auth/", headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code
        for number in range(11)
    ]
    assert answers == [404] * 10 + [429]


@pytest.mark.parametrize(("proxies", "forged"), [(1, "{0}"), (2, "{0}, 203.0.113.9, 10.0.0.1")])
def test_it_believes_as_many_proxies_as_there_are(nobody: Client, settings, proxies: int, forged: str) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies

    def ask(number: int) -> int:
        hops = forged.format(f"198.51.100.{number}")
        if proxies == 1:
            hops += ", 203.0.113.9"
        return nobody.get("/api/auth/", headers={"X-Forwarded-For": hops}).status_code

    assert [ask(number) for number in range(11)] == [404] * 10 + [429]


@pytest.mark.parametrize("address", ["", "unix:", "\u00e9"])
def test_it_counts_those_together_whose_address_nobody_knows(nobody: Client, address: str) -> None:
    assert statuses(lambda: nobody.get("/api/auth/", REMOTE_ADDR=address), 11) == [404] * 10 + [429]


# --- What is reserved for the coach: 30 a minute for each person ------------------------------------------


def test_it_takes_thirty_a_minute_for_the_coach(as_alice: Client, as_mallory: Client, nobody: Client) -> None:
    assert statuses(lambda: as_alice.get("/coach/anything"), 31) == [404] * 30 + [429]
    assert as_mallory.get("/coach/anything").status_code == 404
    assert statuses(lambda: nobody.get("/coach/anything"), 31) == [404] * 30 + [429]


# --- Doors for machines -----------------------------------------------------------------------------------


def test_it_has_a_ceiling_for_webhooks(nobody: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert statuses(lambda: nobody.post("/webhooks/plaid/", b"{}", "application/json"), 1200) == [400] * 1200
    assert nobody.post("/webhooks/plaid/", b"{}", "application/json").status_code == 429
    assert nobody.post("/webhooks/plaid/", b"{}", "application/json", REMOTE_ADDR="192.0.2.2").status_code == 400


def test_it_has_a_ceiling_for_reports(nobody: Client) -> None:
    assert statuses(lambda: nobody.post("/policy-reports/"), 31) == [415] * 30 + [429]


# --- Without Redis ----------------------------------------------------------------------------------------


@pytest.fixture
def silence(settings) -> Iterator[socket.socket]:
    """Redis takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": place}}
        yield listener


@pytest.fixture(params=["gone", "silent"])
def away(request: pytest.FixtureRequest, settings, tmp_path: Path) -> None:
    """Redis is not there at all, or does not answer."""
    if request.param == "silent":
        request.getfixturevalue("silence")
    else:
        gone = {"LOCATION": f"unix://{tmp_path}/nobody.sock"}
        settings.CACHES = {"default": settings.CACHES["default"] | gone}


def calls_taken(listener: socket.socket) -> int:
    """How many connections were made; one that waited in vain is given up and never used again."""
    listener.setblocking(False)
    calls = 0
    with suppress(BlockingIOError):
        while True:
            listener.accept()[0].close()
            calls += 1
    return calls


def test_it_lets_nobody_ask_a_bank_uncounted(as_alice: Client, away: None) -> None:
    refused = as_alice.post("/connections/refresh/")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert as_alice.get("/connect/").status_code == 200
    assert as_alice.get("/transactions.csv").status_code == 200


def test_it_lets_no_program_sign_in_uncounted(nobody: Client, away: None) -> None:
    assert nobody.get("/api/auth/session").status_code == 429
    assert nobody.post("/policy-reports/").status_code == 429


def test_it_still_reads_webhooks_that_their_signature_guards(nobody: Client, away: None) -> None:
    assert nobody.post("/webhooks/plaid/", b"{}", "application/json").status_code == 400


SIGN_IN_FORMS = {
    "account_login": {"login": "alice@example.com", "password": "correct horse battery staple"},
    "account_signup": {"email": "new@example.com", "password1": "correct horse battery staple"},
    "account_reset_password": {"email": "alice@example.com"},
    "mfa_login_webauthn": {"credential": "{}"},
}


@pytest.mark.parametrize("name", sorted(SIGN_IN_FORMS))
def test_it_lets_nobody_sign_in_uncounted(nobody: Client, away: None, name: str) -> None:
    refused = nobody.post(reverse(name), SIGN_IN_FORMS[name])
    assert refused.status_code == 429
    assert "Try again in 1 minute." in refused.content.decode()
    assert "__Host-sessionid" not in refused.cookies


@pytest.mark.parametrize("name", sorted(SIGN_IN_FORMS))
def test_it_waits_less_than_two_seconds_for_an_answer(
    nobody: Client, silence: socket.socket, settings, name: str
) -> None:
    assert nobody.post(reverse(name), SIGN_IN_FORMS[name]).status_code == 429
    patience = settings.CACHES["default"]["OPTIONS"]["SOCKET_TIMEOUT"]
    assert 0 < calls_taken(silence) * patience < 2


def test_it_checks_no_code_and_waits_no_longer(
    alice: User, nobody: Client, settings, request: pytest.FixtureRequest
) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    authenticator_app = add_authenticator_app(alice)
    alice.set_password(SIGN_IN_FORMS["account_login"]["password"])
    alice.save()
    assert nobody.post(reverse("account_login"), SIGN_IN_FORMS["account_login"]).url == reverse("mfa_authenticate")
    silence = request.getfixturevalue("silence")
    refused = nobody.post(reverse("mfa_authenticate"), {"code": authenticator_app.code()})
    assert refused.status_code == 429
    assert 0 < calls_taken(silence) * settings.CACHES["default"]["OPTIONS"]["SOCKET_TIMEOUT"] < 2
