"""Input that browsers never send, but other tools may, at every URL that is open to anonymous users.

The response is always a page or a refusal of the site's own. New public URLs are tested without a change here.
"""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from urllib.parse import urljoin

import pytest
from django.conf import settings as real_settings
from django.http import HttpResponse
from django.test import Client
from django.test.client import ClientHandler
from django.urls import reverse

from config.http.handler import LenientRequest
from config.tests.routes import list_routes

pytestmark = [pytest.mark.django_db(transaction=True)]

FORM = "application/x-www-form-urlencoded"
# The sandbox's URL forwards everything to a program that is not running here.
PUBLIC = {route.name for route in list_routes() if not getattr(route.pattern.callback, "login_required", True)}
PUBLIC_ROUTES = sorted(PUBLIC - {"sandbox"})
ARGUMENTS: dict[str, list[str]] = {
    "unlock": ["forged"],
    "cancel_deletion_by_link": ["forged"],
    "legal_text": ["terms", "2026-11-30"],
    "account_confirm_email": ["MTIz:1abc:forged"],
    "account_reset_password_from_key": ["1", "set-password"],
}
FIELDS = ("login", "email", "password", "password1", "code", "credential", "key", "action", "next", "theme")
TEXTS = {
    "NUL": "%00",
    "NUL in an address": "a%00b%40example.com",
    "half a character": "%ED%A0%80",
    "no UTF-8": "%FF%FE",
    "10,000 characters": "a" * 10_000 + "%40example.com",
    "a new header": "%0D%0AX-Evil: 1",
    "markup": "%3Cscript%3Ealert(1)%3C/script%3E",
}
CONTENT_TYPES = (FORM, "multipart/form-data; boundary=x", "application/json", "text/plain")
CHARSETS = ("utf-16", "utf-32", "idna", "hex", "rot13", "unheard-of", "latin-1", "")
REFUSED = (400, 403, 404, 405, 413, 415, 422, 429)
ACCEPTED = (200, 204, 302)


@pytest.fixture(autouse=True)
def _no_limits(own_cache: None, settings) -> None:
    """Let every request reach its view."""
    settings.ACCOUNT_RATE_LIMITS = settings.MFA_RATE_LIMITS = False
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def anonymous() -> Client:
    return Client()


class WebProcessHandler(ClientHandler):
    """Reads requests as the web process does."""

    def __call__(self, environ: dict[str, Any]) -> HttpResponse:
        with patch("django.test.client.WSGIRequest", LenientRequest):
            return super().__call__(environ)


def get_url(name: str) -> str:
    return reverse(name, args=ARGUMENTS.get(name, []))


def is_expected(response: HttpResponse) -> bool:
    """Whether a response has an expected status and redirects to no other site."""
    # Browsers read a backslash as a slash.
    target = urljoin("http://testserver/here/", response.headers.get("Location", "/").replace("\\", "/"))
    is_own_site = target.startswith("http://testserver/")
    return response.status_code in ACCEPTED + REFUSED and is_own_site and "X-Evil" not in response.headers


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("name", PUBLIC_ROUTES)
def test_it_handles_any_text_in_any_field(anonymous: Client, name: str, text: str) -> None:
    body = "&".join(f"{field}={text}" for field in FIELDS)
    assert is_expected(anonymous.post(get_url(name), body, FORM))
    assert is_expected(anonymous.post(f"{get_url(name)}?{body}", b"", FORM))
    response = anonymous.get(f"{get_url(name)}?{body}")
    assert is_expected(response)
    assert b"<script>alert" not in response.getvalue()


@pytest.mark.parametrize("text", [text for text in TEXTS.values() if len(text) < 100])
@pytest.mark.parametrize("name", [name for name in PUBLIC_ROUTES if ARGUMENTS.get(name)])
def test_it_handles_any_text_in_a_url(anonymous: Client, name: str, text: str) -> None:
    path = get_url(name).replace(str(ARGUMENTS[name][-1]), text)
    assert path != get_url(name)
    assert is_expected(anonymous.get(path))
    assert is_expected(anonymous.post(path))


@pytest.mark.parametrize("name", PUBLIC_ROUTES)
def test_it_refuses_a_body_of_five_megabytes(anonymous: Client, name: str) -> None:
    for kind in (FORM, "application/json", "multipart/form-data; boundary=x", "application/csp-report"):
        response = anonymous.post(get_url(name), b"login=" + b"x" * 5_000_000, kind)
        assert response.status_code == 413


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="login"\r\n\r\ncut'),
        ("multipart/form-data; boundary=\x00", b"--x--"),
        (f"{FORM}; charset=utf-7", b"login=+AGE-"),
        (f"{FORM}; charset=none", b"login=a"),
        *((f"{kind}; charset={charset}", b"login=a") for kind in CONTENT_TYPES for charset in CHARSETS),
        (FORM, b"&".join(b"a%d=1" % number for number in range(5_000))),
        ("application/json", b"[" * 100_000),
        ("\xff", b"login=a"),
    ],
    ids=range(8 + len(CONTENT_TYPES) * len(CHARSETS)),
)
@pytest.mark.parametrize("name", PUBLIC_ROUTES)
def test_it_handles_malformed_bodies(anonymous: Client, name: str, kind: str, body: bytes) -> None:
    assert is_expected(anonymous.generic("POST", get_url(name), body, kind))


@pytest.mark.parametrize("url", ["//elsewhere.example/", "https://elsewhere.example", "/\\elsewhere.example", "\x00"])
@pytest.mark.parametrize("name", PUBLIC_ROUTES)
def test_it_redirects_to_no_other_site(anonymous: Client, name: str, url: str) -> None:
    for response in (
        anonymous.get(get_url(name), {"next": url}),
        anonymous.post(
            get_url(name), {"next": url, "theme": "dark", "email": "new@example.com", "password1": "x" * 20}
        ),
    ):
        assert is_expected(response)
        assert f'href="{url}' not in response.getvalue().decode()


def test_it_redirects_to_no_other_site_after_signing_in(anonymous: Client, make_user: Callable[..., object]) -> None:
    make_user("alice", "correct horse battery staple")
    form = {"login": "alice@example.com", "password": "correct horse battery staple", "next": "//elsewhere.example/"}
    response = anonymous.post(reverse("account_login"), form)
    assert (response.status_code, response.url) == (302, reverse("overview"))


# Liveness probes use the IP address of the machine as host.
@pytest.mark.parametrize("host", ["elsewhere.example", "testserver:80@elsewhere.example", "testserver\x00", "a b", ""])
@pytest.mark.parametrize("name", sorted(set(PUBLIC_ROUTES) - {"live"}))
def test_it_refuses_other_host_names(anonymous: Client, name: str, host: str) -> None:
    for response in (
        anonymous.get(get_url(name), headers={"Host": host}),
        anonymous.post(get_url(name), {"email": "alice@example.com"}, headers={"Host": host}),
    ):
        assert response.status_code == 400
        assert b"elsewhere.example" not in response.getvalue()


COOKIES = [
    f'{real_settings.SESSION_COOKIE_NAME}="aaaaaaaaaaaaaaaaaaaa\\000aaaaaaaaaaa"',
    f"{real_settings.SESSION_COOKIE_NAME}={'a' * 9_000}",
    f"{real_settings.SESSION_COOKIE_NAME}=\xed\xa0\x80aaaaaaaa",
    f'{real_settings.CSRF_COOKIE_NAME}="\\000"; {real_settings.CSRF_COOKIE_NAME}=x',
    f'{real_settings.MFA_TRUST_COOKIE_NAME}="a:b:c\\000"; {real_settings.KNOWN_BROWSER_COOKIE_NAME}="\\000:\\000"',
    f"{real_settings.MFA_TRUST_COOKIE_NAME}=\xff:\xff; {real_settings.KNOWN_BROWSER_COOKIE_NAME}={'x' * 9_000}",
    'messages="\\000"; theme="\\000"; sessionid',
    "=;;=;" * 1_000,
]


@pytest.mark.parametrize("cookie", COOKIES, ids=range(len(COOKIES)))
@pytest.mark.parametrize("name", PUBLIC_ROUTES)
def test_it_handles_any_cookie(name: str, cookie: str) -> None:
    # A client without cookies of its own sends the header unchanged.
    client = Client(HTTP_COOKIE=cookie)
    assert is_expected(client.get(get_url(name)))
    assert is_expected(client.post(get_url(name), {"login": "alice@example.com", "password": "wrong"}))


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("kind", CONTENT_TYPES)
def test_it_accepts_only_utf_8(anonymous: Client, kind: str, charset: str) -> None:
    for name in ("account_login", "policy_reports", "webhook-plaid"):
        body = "login=a".encode("utf-16")
        assert anonymous.generic("POST", get_url(name), body, f"{kind}; charset={charset}").status_code == 400
        response = anonymous.generic("POST", get_url(name), b"login=a", f'{FORM}; charset="UTF-8"')
        assert response.status_code != 400 or name == "webhook-plaid"


UNREADABLE = [
    (f"{FORM}; charset*=unheard-of''x", b"login=a"),
    (f"{FORM}; 0*1; 0*", b"login=a"),
    (
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Disposition: form-data; name; 0*1; 0*\r\n\r\nb\r\n--x--\r\n",
    ),
]


@pytest.mark.parametrize(("kind", "body"), UNREADABLE, ids=range(len(UNREADABLE)))
def test_it_refuses_unparsable_headers(kind: str, body: bytes) -> None:
    client = Client()
    client.handler = WebProcessHandler(enforce_csrf_checks=False)
    assert client.generic("POST", get_url("appearance"), body, kind).status_code == 400


def test_it_tests_all_public_routes() -> None:
    assert {"home", "account_login", "account_signup", "policy_reports", "webhook-plaid"} <= set(PUBLIC_ROUTES)
    assert "overview" not in PUBLIC_ROUTES
