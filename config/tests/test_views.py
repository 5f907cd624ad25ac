"""The front door, the doors for machines, the error pages, and what every answer's head says."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings as real_settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import DatabaseError, connection
from django.http import HttpRequest
from django.test import Client
from django.urls import path, reverse

from config import urls as site
from config.views import home

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def nobody() -> Client:
    return Client(raise_request_exception=False)


# --- Doors for machines -----------------------------------------------------------------------------------


def test_it_says_that_it_lives_to_whoever_asks_without_asking_anybody(
    as_alice: Client, settings, django_assert_num_queries
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    with django_assert_num_queries(0):
        answer = as_alice.get("/health/live", headers={"host": "10.1.2.3:8000"})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


def test_it_lives_and_is_ready(nobody: Client) -> None:
    assert nobody.get("/health/live").json() == {"status": "ok"}
    answer = nobody.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "database": True, "redis": True})


def test_it_says_that_redis_is_away_and_lives_on(nobody: Client, settings, tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/nobody.sock"
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": address}}
    answer = nobody.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "degraded", "database": True, "redis": False})
    assert str(tmp_path) not in answer.content.decode()
    assert nobody.get("/health/live").status_code == 200


@pytest.fixture
def no_database(transactional_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A database that does not answer, at an address that nobody may read."""
    monkeypatch.setitem(connection.settings_dict, "HOST", str(tmp_path))
    connection.close()


def test_it_says_that_the_database_is_away_and_lives_on(nobody: Client, no_database: None, tmp_path: Path) -> None:
    answer = nobody.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "degraded", "database": False, "redis": True})
    assert str(tmp_path) not in answer.content.decode()
    assert nobody.get("/health/live").status_code == 200


def test_it_shows_a_page_when_the_database_is_away(as_alice: Client, no_database: None, tmp_path: Path) -> None:
    as_alice.raise_request_exception = False
    for place in ("/overview/", "/help/", "/no/such/place/"):
        answer = as_alice.get(place)
        assert answer.status_code == 503
        assert answer.headers["X-Request-ID"] in answer.content.decode()
        assert str(tmp_path) not in answer.content.decode()


def test_it_tells_machines_nothing_about_people(nobody: Client) -> None:
    for door in ("/health/live", "/health/ready"):
        assert nobody.get(door).cookies == {}
        assert nobody.post(door).status_code == 405


@pytest.mark.parametrize(
    ("email", "said"),
    [("help@plumbline.example", 'href="mailto:help@plumbline.example"'), ("", "Contact your administrator.")],
)
def test_it_says_whom_to_ask(nobody: Client, settings, email: str, said: str) -> None:
    settings.SUPPORT_EMAIL = email
    assert said in nobody.get("/help/").content.decode()


# --- The front door ---------------------------------------------------------------------------------------


def test_it_shows_strangers_the_front_page_and_alice_her_overview(nobody: Client, as_alice: Client) -> None:
    assert "Sign up" in nobody.get("/").content.decode()
    assert as_alice.get("/").url == reverse("overview")


@pytest.mark.parametrize("theme", ["light", "dark", "system"])
def test_it_remembers_how_the_site_should_look(nobody: Client, theme: str) -> None:
    answer = nobody.post("/appearance/", {"theme": theme, "next": "/help/"})
    assert answer.url == "/help/"
    cookie = answer.cookies["__Host-theme"]
    assert (cookie["path"], cookie["domain"]) == ("/", "")
    assert (cookie.value, cookie["secure"], cookie["httponly"], cookie["samesite"]) == (theme, True, True, "Lax")
    assert f'data-theme="{theme}"' in nobody.get("/help/").content.decode()


@pytest.mark.parametrize("theme", ["", "pink", '"><script>', "dark\0", "x" * 9000])
def test_it_knows_no_other_looks(nobody: Client, theme: str) -> None:
    assert not nobody.post("/appearance/", {"theme": theme}).cookies
    nobody.cookies["__Host-theme"] = theme
    assert 'data-theme="system"' in nobody.get("/help/").content.decode()


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "http:///evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        " https://evil.example",
        "https:evil.example",
        "http://testserver@evil.example/",
        "",
    ],
)
def test_it_leads_nobody_to_another_site(nobody: Client, place: str) -> None:
    assert nobody.post("/appearance/", {"theme": "dark", "next": place}).url == "/"


@pytest.mark.parametrize("place", ["overview", "account", "nothing", "?q=a", "x\r\nSet-Cookie: a=b", "\0", "é"])
def test_it_goes_back_to_whatever_stands_in_the_form(nobody: Client, place: str) -> None:
    answer = nobody.post("/appearance/", {"theme": "dark", "next": place})
    assert answer.status_code == 302
    assert not set("\r\n\0") & set(answer.url)
    assert list(answer.cookies) == ["__Host-theme"]


# --- When something is wrong ------------------------------------------------------------------------------


def raising(error: Exception):
    def view(request: HttpRequest) -> None:
        raise error

    view.login_required = False
    return view


class BrokenSite:
    """The site with addresses that fail in each way."""

    urlpatterns = (
        path("suspicious/", raising(SuspiciousOperation("secret detail"))),
        path("denied/", raising(PermissionDenied("secret detail"))),
        path("broken/", raising(ZeroDivisionError("secret detail"))),
        path("data/", raising(DatabaseError("secret detail"))),
        *site.urlpatterns,
    )
    handler400, handler403, handler404, handler500 = (
        site.handler400,
        site.handler403,
        site.handler404,
        site.handler500,
    )


@pytest.mark.parametrize(
    ("place", "status", "words"),
    [
        ("/suspicious/", 400, "couldn't read that request"),
        ("/denied/", 403, ""),
        ("/no/such/place/", 404, "Page not found"),
        ("/broken/", 500, "Something went wrong on our end"),
        ("/data/", 500, "Something went wrong on our end"),
    ],
)
@pytest.mark.parametrize("who", ["nobody", "as_alice"])
def test_it_says_what_went_wrong_without_saying_how(
    request: pytest.FixtureRequest, settings, place: str, status: int, words: str, who: str
) -> None:
    settings.ROOT_URLCONF = BrokenSite
    client = request.getfixturevalue(who)
    client.raise_request_exception = False
    answer = client.get(place)
    page = answer.content.decode()
    assert answer.status_code == status
    assert words in page
    assert answer.headers["X-Request-ID"] in page
    assert "secret detail" not in page
    assert "Traceback" not in page
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_it_gives_each_request_a_number_of_its_own(nobody: Client) -> None:
    numbers = {nobody.get("/health/live", headers={"X-Request-ID": "chosen"}).headers["X-Request-ID"] for _ in range(3)}
    assert len(numbers) == 3
    assert "chosen" not in numbers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 400),
        ({"Host": "testserver/evil"}, 400),
        ({"Host": ""}, 400),
        ({"Cookie": "__Host-sessionid=\xed\xa0\x80; theme=\0"}, 200),
        ({"X-Forwarded-For": "1.2.3.4, <script>"}, 200),
        ({"X-Forwarded-Host": "evil.example"}, 200),
        ({"Accept-Language": "x" * 9000}, 200),
    ],
)
def test_it_stands_what_clients_send(nobody: Client, headers: dict[str, str], status: int) -> None:
    assert nobody.get("/help/", headers=headers).status_code == status


@pytest.mark.parametrize("size", [1_000_001, 5_000_000])
@pytest.mark.parametrize("kind", ["form", "file"])
def test_it_refuses_a_body_that_is_too_large(nobody: Client, size: int, kind: str) -> None:
    field = "x" * size if kind == "form" else BytesIO(b"x" * size)
    answer = nobody.post("/appearance/", {"theme": field})
    assert answer.status_code == 413
    assert "That request is too large" in answer.content.decode()
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("length", "status"), [("", 302), ("-1", 302), ("many", 400), ("\u00b2", 400), ("9" * 30, 413)]
)
def test_it_reads_no_further_than_a_request_says(nobody: Client, length: str, status: int) -> None:
    assert nobody.post("/appearance/", b"theme=dark", FORM, CONTENT_LENGTH=length).status_code == status


# --- What every answer says -------------------------------------------------------------------------------


def directives(answer) -> dict[str, list[str]]:
    parts = answer.headers["Content-Security-Policy"].split(";")
    return {name: values for name, *values in (part.split() for part in parts)}


@pytest.fixture(params=["/", "/help/", "/overview/", "/connect/", "/transactions.csv"])
def response(request: pytest.FixtureRequest, as_alice: Client):
    return as_alice.get(request.param)


def test_it_lets_only_its_own_parts_run(response) -> None:
    policy = directives(response)
    assert policy["default-src"] == policy["object-src"] == policy["base-uri"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["style-src"] == policy["img-src"] == policy["connect-src"] == policy["form-action"] == ["'self'"]
    assert all(re.fullmatch(r"'nonce-[\w+/=-]{20,}'", source) for source in policy["script-src"])
    assert policy["require-trusted-types-for"] == ["'script'"]
    assert policy["trusted-types"] == ["default"]
    assert not [value for values in policy.values() for value in values if "unsafe" in value or "*" in value]


def test_it_asks_browsers_to_tell_it_what_they_refused(response) -> None:
    policy, here = directives(response), reverse("policy_reports")
    assert (policy["report-to"], policy["report-uri"]) == (["policy"], [here])
    assert response.headers["Reporting-Endpoints"] == f'policy="{here}"'


@pytest.mark.parametrize("environment", ["sandbox", "production"])
def test_it_lets_plaids_parts_in_on_the_page_that_opens_its_dialog_alone(
    as_alice: Client, settings, environment: str
) -> None:
    settings.PLAID_ENV = environment
    policy = directives(as_alice.get("/connect/"))
    assert [source for source in policy["script-src"] if "nonce" not in source] == [
        "https://cdn.plaid.com/link/v2/stable/link-initialize.js"
    ]
    assert policy["frame-src"] == ["https://cdn.plaid.com/"]
    assert policy["connect-src"] == ["'self'", f"https://{environment}.plaid.com/"]
    assert policy["form-action"] == ["'self'"]
    assert "trusted-types" not in policy
    assert "style-src-attr" not in policy
    elsewhere = as_alice.get("/overview/").headers["Content-Security-Policy"]
    assert "plaid.com" not in elsewhere
    assert "trusted-types default" in elsewhere


def test_it_makes_a_new_nonce_for_each_answer(as_alice: Client) -> None:
    policies = [directives(as_alice.get("/overview/"))["script-src"] for _ in range(3)]
    assert len({tuple(policy) for policy in policies}) == 3


def test_it_says_to_browsers_what_they_should_refuse(response) -> None:
    headers = response.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] in ("same-origin", "same-origin-allow-popups")
    assert headers["Cache-Control"] == "no-store"
    assert "publickey-credentials-get=(self)" in headers["Permissions-Policy"]
    assert all(f"{feature}=()" in headers["Permissions-Policy"] for feature in ("camera", "microphone", "geolocation"))
    assert not [name for name in headers if name.startswith("Access-Control-")]
    assert "Server" not in headers


def test_it_lets_only_the_dialogs_page_talk_to_a_window_it_opened(as_alice: Client) -> None:
    assert as_alice.get("/connect/").headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert as_alice.get("/overview/").headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_it_asks_browsers_for_tls_for_two_years(nobody: Client) -> None:
    answer = nobody.get("/help/", secure=True)
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains; preload"


def test_it_moves_plain_requests_to_tls(nobody: Client, settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = nobody.get("/help/")
    assert (answer.status_code, answer.url) == (301, "https://testserver/help/")


def test_it_keeps_its_cookies_to_itself(nobody: Client) -> None:
    cookie = nobody.get(reverse("account_login")).cookies["__Host-csrftoken"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (
        True,
        True,
        "Strict",
        "/",
        "",
    )


def test_it_keeps_public_pages_cacheable_and_free_of_people(nobody: Client) -> None:
    answer = nobody.get("/help/")
    assert "no-store" not in answer.headers.get("Cache-Control", "")
    assert "@example.com" not in answer.content.decode()


@pytest.mark.parametrize(
    ("place", "status"), [("/static/icon.svg", 200), ("/no/such/place/", 404), ("/api/auth/", 404)]
)
def test_it_says_the_same_on_what_is_no_page(nobody: Client, place: str, status: int) -> None:
    answer = nobody.get(place)
    # Reads a file to its end, which closes it.
    assert answer.getvalue()
    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "camera=()" in answer.headers["Permissions-Policy"]


def test_it_keeps_what_a_session_leads_to_out_of_caches(nobody: Client, as_alice: Client) -> None:
    assert as_alice.get("/no/such/place/").headers["Cache-Control"] == "no-store"
    assert as_alice.post(reverse("account_logout")).headers["Cache-Control"] == "no-store"
    half_signed_in = nobody.session
    half_signed_in["account_login"] = {"state": "first of two steps"}
    half_signed_in.save()
    assert nobody.get("/help/").headers["Cache-Control"] == "no-store"


def test_it_needs_a_sign_in_unless_a_view_says_otherwise() -> None:
    assert "django.contrib.auth.middleware.LoginRequiredMiddleware" in real_settings.MIDDLEWARE
    assert home.login_required is False
