"""What browsers never send and people with other tools do, at every door that is open to strangers.

Whatever comes, the answer is a page or a refusal of the site's own. A door that is new is tried by itself.
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
# The sandbox's door hands everything on to a program that is not running here.
PUBLIC = {route.name for route in list_routes() if not getattr(route.pattern.callback, "login_required", True)}
DOORS = sorted(PUBLIC - {"sandbox"})
ARGUMENTS: dict[str, list[str]] = {
    "unlock": ["forged"],
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
KINDS = (FORM, "multipart/form-data; boundary=x", "application/json", "text/plain")
CHARSETS = ("utf-16", "utf-32", "idna", "hex", "rot13", "unheard-of", "latin-1", "")
REFUSED = (400, 403, 404, 405, 413, 415, 422, 429)
ANSWERED = (200, 204, 302)


@pytest.fixture(autouse=True)
def _no_limits(own_cache: None, settings) -> None:
    """Let every try through to the view, whatever was tried before."""
    settings.ACCOUNT_RATE_LIMITS = settings.MFA_RATE_LIMITS = False
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def stranger() -> Client:
    return Client()


class AsServed(ClientHandler):
    """Reads requests as the web server's process does."""

    def __call__(self, environ: dict[str, Any]) -> HttpResponse:
        with patch("django.test.client.WSGIRequest", LenientRequest):
            return super().__call__(environ)


def address(name: str) -> str:
    return reverse(name, args=ARGUMENTS.get(name, []))


def is_ours(answer: HttpResponse) -> bool:
    """Whether an answer is one that the site meant to give, and leads to no other site."""
    # Browsers read a backslash as a slash.
    target = urljoin("http://testserver/here/", answer.headers.get("Location", "/").replace("\\", "/"))
    stays = target.startswith("http://testserver/")
    return answer.status_code in ANSWERED + REFUSED and stays and "X-Evil" not in answer.headers


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("name", DOORS)
def test_it_answers_any_text_in_any_field(stranger: Client, name: str, text: str) -> None:
    body = "&".join(f"{field}={text}" for field in FIELDS)
    assert is_ours(stranger.post(address(name), body, FORM))
    assert is_ours(stranger.post(f"{address(name)}?{body}", b"", FORM))
    answer = stranger.get(f"{address(name)}?{body}")
    assert is_ours(answer)
    assert b"<script>alert" not in answer.getvalue()


@pytest.mark.parametrize("text", [text for text in TEXTS.values() if len(text) < 100])
@pytest.mark.parametrize("name", [name for name in DOORS if ARGUMENTS.get(name)])
def test_it_answers_any_text_in_an_address(stranger: Client, name: str, text: str) -> None:
    path = address(name).replace(str(ARGUMENTS[name][-1]), text)
    assert path != address(name)
    assert is_ours(stranger.get(path))
    assert is_ours(stranger.post(path))


@pytest.mark.parametrize("name", DOORS)
def test_it_refuses_five_megabytes(stranger: Client, name: str) -> None:
    for kind in (FORM, "application/json", "multipart/form-data; boundary=x", "application/csp-report"):
        answer = stranger.post(address(name), b"login=" + b"x" * 5_000_000, kind)
        assert answer.status_code == 413


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="login"\r\n\r\ncut'),
        ("multipart/form-data; boundary=\x00", b"--x--"),
        (f"{FORM}; charset=utf-7", b"login=+AGE-"),
        (f"{FORM}; charset=none", b"login=a"),
        *((f"{kind}; charset={charset}", b"login=a") for kind in KINDS for charset in CHARSETS),
        (FORM, b"&".join(b"a%d=1" % number for number in range(5_000))),
        ("application/json", b"[" * 100_000),
        ("\xff", b"login=a"),
    ],
    ids=range(8 + len(KINDS) * len(CHARSETS)),
)
@pytest.mark.parametrize("name", DOORS)
def test_it_refuses_what_no_form_looks_like(stranger: Client, name: str, kind: str, body: bytes) -> None:
    assert is_ours(stranger.generic("POST", address(name), body, kind))


@pytest.mark.parametrize("there", ["//elsewhere.example/", "https://elsewhere.example", "/\\elsewhere.example", "\x00"])
@pytest.mark.parametrize("name", DOORS)
def test_it_leads_nobody_elsewhere(stranger: Client, name: str, there: str) -> None:
    for answer in (
        stranger.get(address(name), {"next": there}),
        stranger.post(
            address(name), {"next": there, "theme": "dark", "email": "new@example.com", "password1": "x" * 20}
        ),
    ):
        assert is_ours(answer)
        assert f'href="{there}' not in answer.getvalue().decode()


def test_it_leads_nobody_elsewhere_who_has_just_signed_in(stranger: Client, make_user: Callable[..., object]) -> None:
    make_user("alice", "correct horse battery staple")
    form = {"login": "alice@example.com", "password": "correct horse battery staple", "next": "//elsewhere.example/"}
    answer = stranger.post(reverse("account_login"), form)
    assert (answer.status_code, answer.url) == (302, reverse("overview"))


# Whoever watches whether the process lives knows the address of its machine and no name.
@pytest.mark.parametrize("host", ["elsewhere.example", "testserver:80@elsewhere.example", "testserver\x00", "a b", ""])
@pytest.mark.parametrize("name", sorted(set(DOORS) - {"live"}))
def test_it_answers_to_no_other_name(stranger: Client, name: str, host: str) -> None:
    for answer in (
        stranger.get(address(name), headers={"Host": host}),
        stranger.post(address(name), {"email": "alice@example.com"}, headers={"Host": host}),
    ):
        assert answer.status_code == 400
        assert b"elsewhere.example" not in answer.getvalue()


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
@pytest.mark.parametrize("name", DOORS)
def test_it_answers_any_cookie(name: str, cookie: str) -> None:
    # A client with an empty jar sends the header as it stands.
    client = Client(HTTP_COOKIE=cookie)
    assert is_ours(client.get(address(name)))
    assert is_ours(client.post(address(name), {"login": "alice@example.com", "password": "wrong"}))


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_takes_utf_8_alone(stranger: Client, kind: str, charset: str) -> None:
    for name in ("account_login", "policy_reports", "webhook-plaid"):
        body = "login=a".encode("utf-16")
        assert stranger.generic("POST", address(name), body, f"{kind}; charset={charset}").status_code == 400
        usual = stranger.generic("POST", address(name), b"login=a", f'{FORM}; charset="UTF-8"')
        assert usual.status_code != 400 or name == "webhook-plaid"


UNREADABLE = [
    (f"{FORM}; charset*=unheard-of''x", b"login=a"),
    (f"{FORM}; 0*1; 0*", b"login=a"),
    (
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Disposition: form-data; name; 0*1; 0*\r\n\r\nb\r\n--x--\r\n",
    ),
]


@pytest.mark.parametrize(("kind", "body"), UNREADABLE, ids=range(len(UNREADABLE)))
def test_it_refuses_heads_that_cannot_be_taken_apart(kind: str, body: bytes) -> None:
    client = Client()
    client.handler = AsServed(enforce_csrf_checks=False)
    assert client.generic("POST", address("appearance"), body, kind).status_code == 400


def test_it_tries_the_doors_that_there_are() -> None:
    assert {"home", "account_login", "account_signup", "policy_reports", "webhook-plaid"} <= set(DOORS)
    assert "overview" not in DOORS
