"""The home page, the URLs for machines, the error pages, and the headers of every response."""

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
def anonymous() -> Client:
    return Client(raise_request_exception=False)


# --- URLs for machines ------------------------------------------------------------------------------------


def test_it_responds_to_liveness_probes_without_a_query(as_alice: Client, settings, django_assert_num_queries) -> None:
    settings.SECURE_SSL_REDIRECT = True
    with django_assert_num_queries(0):
        response = as_alice.get("/health/live", headers={"host": "10.1.2.3:8000"})
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response.headers["Cache-Control"] == "no-store"


def test_it_is_live_and_ready(anonymous: Client) -> None:
    assert anonymous.get("/health/live").json() == {"status": "ok"}
    response = anonymous.get("/health/ready")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "database": True, "redis": True})


def test_it_is_live_but_not_ready_without_redis(anonymous: Client, settings, tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/missing.sock"
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": url}}
    response = anonymous.get("/health/ready")
    assert (response.status_code, response.json()) == (503, {"status": "degraded", "database": True, "redis": False})
    assert str(tmp_path) not in response.content.decode()
    assert anonymous.get("/health/live").status_code == 200


@pytest.fixture
def no_database(transactional_db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A database that is unreachable, at an address that no response may contain."""
    monkeypatch.setitem(connection.settings_dict, "HOST", str(tmp_path))
    connection.close()


def test_it_is_live_but_not_ready_without_a_database(anonymous: Client, no_database: None, tmp_path: Path) -> None:
    response = anonymous.get("/health/ready")
    assert (response.status_code, response.json()) == (503, {"status": "degraded", "database": False, "redis": True})
    assert str(tmp_path) not in response.content.decode()
    assert anonymous.get("/health/live").status_code == 200


def test_it_shows_an_error_page_without_a_database(as_alice: Client, no_database: None, tmp_path: Path) -> None:
    as_alice.raise_request_exception = False
    for url in ("/overview/", "/help/", "/no/such/place/"):
        response = as_alice.get(url)
        assert response.status_code == 503
        assert response.headers["X-Request-ID"] in response.content.decode()
        assert str(tmp_path) not in response.content.decode()


def test_it_sets_no_cookie_at_health_checks(anonymous: Client) -> None:
    for url in ("/health/live", "/health/ready"):
        assert anonymous.get(url).cookies == {}
        assert anonymous.post(url).status_code == 405


@pytest.mark.parametrize(
    ("email", "text"),
    [("help@plumbline.example", 'href="mailto:help@plumbline.example"'), ("", "Contact your administrator.")],
)
def test_it_shows_the_support_address(anonymous: Client, settings, email: str, text: str) -> None:
    settings.SUPPORT_EMAIL = email
    assert text in anonymous.get("/help/").content.decode()


# --- The home page and the theme --------------------------------------------------------------------------


def test_it_shows_the_home_page_or_redirects_to_the_overview(anonymous: Client, as_alice: Client) -> None:
    assert "Sign up" in anonymous.get("/").content.decode()
    assert as_alice.get("/").url == reverse("overview")


@pytest.mark.parametrize("theme", ["light", "dark", "system"])
def test_it_stores_the_theme_in_a_cookie(anonymous: Client, theme: str) -> None:
    response = anonymous.post("/appearance/", {"theme": theme, "next": "/help/"})
    assert response.url == "/help/"
    cookie = response.cookies["__Host-theme"]
    assert (cookie["path"], cookie["domain"]) == ("/", "")
    assert (cookie.value, cookie["secure"], cookie["httponly"], cookie["samesite"]) == (theme, True, True, "Lax")
    assert f'data-theme="{theme}"' in anonymous.get("/help/").content.decode()


@pytest.mark.parametrize("theme", ["", "pink", '"><script>', "dark\0", "x" * 9000])
def test_it_ignores_unknown_themes(anonymous: Client, theme: str) -> None:
    assert not anonymous.post("/appearance/", {"theme": theme}).cookies
    anonymous.cookies["__Host-theme"] = theme
    assert 'data-theme="system"' in anonymous.get("/help/").content.decode()


@pytest.mark.parametrize(
    "url",
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
def test_it_redirects_to_no_other_site(anonymous: Client, url: str) -> None:
    assert anonymous.post("/appearance/", {"theme": "dark", "next": url}).url == "/"


@pytest.mark.parametrize("url", ["overview", "account", "nothing", "?q=a", "x\r\nSet-Cookie: a=b", "\0", "é"])
def test_it_redirects_to_any_relative_url_of_the_form(anonymous: Client, url: str) -> None:
    response = anonymous.post("/appearance/", {"theme": "dark", "next": url})
    assert response.status_code == 302
    assert not set("\r\n\0") & set(response.url)
    assert list(response.cookies) == ["__Host-theme"]


# --- Error pages ------------------------------------------------------------------------------------------


def make_failing_view(error: Exception):
    def view(request: HttpRequest) -> None:
        raise error

    view.login_required = False
    return view


class BrokenSite:
    """The site with a URL for each kind of failure."""

    urlpatterns = (
        path("suspicious/", make_failing_view(SuspiciousOperation("secret detail"))),
        path("denied/", make_failing_view(PermissionDenied("secret detail"))),
        path("broken/", make_failing_view(ZeroDivisionError("secret detail"))),
        path("data/", make_failing_view(DatabaseError("secret detail"))),
        *site.urlpatterns,
    )
    handler400, handler403, handler404, handler500 = (
        site.handler400,
        site.handler403,
        site.handler404,
        site.handler500,
    )


@pytest.mark.parametrize(
    ("url", "status", "text"),
    [
        ("/suspicious/", 400, "couldn't read that request"),
        ("/denied/", 403, ""),
        ("/no/such/place/", 404, "Page not found"),
        ("/broken/", 500, "Something went wrong on our end"),
        ("/data/", 500, "Something went wrong on our end"),
    ],
)
@pytest.mark.parametrize("client_name", ["anonymous", "as_alice"])
def test_it_shows_an_error_page_without_details(
    request: pytest.FixtureRequest, settings, url: str, status: int, text: str, client_name: str
) -> None:
    settings.ROOT_URLCONF = BrokenSite
    client = request.getfixturevalue(client_name)
    client.raise_request_exception = False
    response = client.get(url)
    page = response.content.decode()
    assert response.status_code == status
    assert text in page
    assert response.headers["X-Request-ID"] in page
    assert "secret detail" not in page
    assert "Traceback" not in page
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_it_gives_each_request_its_own_id(anonymous: Client) -> None:
    ids = {anonymous.get("/health/live", headers={"X-Request-ID": "chosen"}).headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3
    assert "chosen" not in ids


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
def test_it_handles_odd_headers(anonymous: Client, headers: dict[str, str], status: int) -> None:
    assert anonymous.get("/help/", headers=headers).status_code == status


@pytest.mark.parametrize("size", [1_000_001, 5_000_000])
@pytest.mark.parametrize("kind", ["form", "file"])
def test_it_refuses_a_body_that_is_too_large(anonymous: Client, size: int, kind: str) -> None:
    field = "x" * size if kind == "form" else BytesIO(b"x" * size)
    response = anonymous.post("/appearance/", {"theme": field})
    assert response.status_code == 413
    assert "That request is too large" in response.content.decode()
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("length", "status"), [("", 302), ("-1", 302), ("many", 400), ("\u00b2", 400), ("9" * 30, 413)]
)
def test_it_handles_any_content_length(anonymous: Client, length: str, status: int) -> None:
    assert anonymous.post("/appearance/", b"theme=dark", FORM, CONTENT_LENGTH=length).status_code == status


# --- Headers of every response ----------------------------------------------------------------------------


def parse_policy(response) -> dict[str, list[str]]:
    parts = response.headers["Content-Security-Policy"].split(";")
    return {name: values for name, *values in (part.split() for part in parts)}


@pytest.fixture(params=["/", "/help/", "/overview/", "/connect/", "/transactions.csv"])
def response(request: pytest.FixtureRequest, as_alice: Client):
    return as_alice.get(request.param)


def test_it_allows_only_its_own_scripts_and_styles(response) -> None:
    policy = parse_policy(response)
    assert policy["default-src"] == policy["object-src"] == policy["base-uri"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert policy["style-src"] == policy["img-src"] == policy["connect-src"] == policy["form-action"] == ["'self'"]
    assert all(re.fullmatch(r"'nonce-[\w+/=-]{20,}'", source) for source in policy["script-src"])
    assert policy["require-trusted-types-for"] == ["'script'"]
    assert policy["trusted-types"] == ["default"]
    assert not [value for values in policy.values() for value in values if "unsafe" in value or "*" in value]


def test_it_requests_reports_of_policy_violations(response) -> None:
    policy, report_url = parse_policy(response), reverse("policy_reports")
    assert (policy["report-to"], policy["report-uri"]) == (["policy"], [report_url])
    assert response.headers["Reporting-Endpoints"] == f'policy="{report_url}"'


@pytest.mark.parametrize("environment", ["sandbox", "production"])
def test_it_allows_plaid_only_on_the_page_with_its_dialog(as_alice: Client, settings, environment: str) -> None:
    settings.PLAID_ENV = environment
    policy = parse_policy(as_alice.get("/connect/"))
    assert [source for source in policy["script-src"] if "nonce" not in source] == [
        "https://cdn.plaid.com/link/v2/stable/link-initialize.js"
    ]
    assert policy["frame-src"] == ["https://cdn.plaid.com/"]
    assert policy["connect-src"] == ["'self'", f"https://{environment}.plaid.com/"]
    assert policy["form-action"] == ["'self'"]
    assert "trusted-types" not in policy
    assert "style-src-attr" not in policy
    overview_policy = as_alice.get("/overview/").headers["Content-Security-Policy"]
    assert "plaid.com" not in overview_policy
    assert "trusted-types default" in overview_policy


def test_it_makes_a_new_nonce_for_each_response(as_alice: Client) -> None:
    policies = [parse_policy(as_alice.get("/overview/"))["script-src"] for _ in range(3)]
    assert len({tuple(policy) for policy in policies}) == 3


def test_it_sends_security_headers(response) -> None:
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


def test_it_allows_popups_only_on_the_page_with_the_dialog(as_alice: Client) -> None:
    assert as_alice.get("/connect/").headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert as_alice.get("/overview/").headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_it_requires_tls_for_two_years(anonymous: Client) -> None:
    response = anonymous.get("/help/", secure=True)
    assert response.headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains; preload"


def test_it_redirects_plain_requests_to_tls(anonymous: Client, settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = anonymous.get("/help/")
    assert (response.status_code, response.url) == (301, "https://testserver/help/")


def test_it_restricts_its_cookies(anonymous: Client) -> None:
    cookie = anonymous.get(reverse("account_login")).cookies["__Host-csrftoken"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (
        True,
        True,
        "Strict",
        "/",
        "",
    )


def test_it_keeps_public_pages_cacheable_and_without_personal_data(anonymous: Client) -> None:
    response = anonymous.get("/help/")
    assert "no-store" not in response.headers.get("Cache-Control", "")
    assert "@example.com" not in response.content.decode()


@pytest.mark.parametrize(("url", "status"), [("/static/icon.svg", 200), ("/no/such/place/", 404), ("/api/auth/", 404)])
def test_it_sends_the_same_headers_without_a_page(anonymous: Client, url: str, status: int) -> None:
    response = anonymous.get(url)
    # Reads a file to its end, which closes it.
    assert response.getvalue()
    assert response.status_code == status
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert "camera=()" in response.headers["Permissions-Policy"]


def test_it_forbids_caching_of_responses_with_a_session(anonymous: Client, as_alice: Client) -> None:
    assert as_alice.get("/no/such/place/").headers["Cache-Control"] == "no-store"
    assert as_alice.post(reverse("account_logout")).headers["Cache-Control"] == "no-store"
    half_signed_in = anonymous.session
    half_signed_in["account_login"] = {"state": "first of two steps"}
    half_signed_in.save()
    assert anonymous.get("/help/").headers["Cache-Control"] == "no-store"


def test_it_requires_a_sign_in_by_default() -> None:
    assert "django.contrib.auth.middleware.LoginRequiredMiddleware" in real_settings.MIDDLEWARE
    assert home.login_required is False
