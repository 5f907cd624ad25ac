"""Cookies belong to this host only, and a browser clears its cache when its session ends."""

import re
from collections.abc import Callable
from datetime import timedelta
from http.cookies import Morsel

import pytest
import time_machine
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.sessions import active_sessions
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import sign_in
from accounts.tests.totp import AuthenticatorApp, submit_code

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cheap_hash")]

CLEARED = '"cache", "storage"'
SET_COOKIE = re.compile(r"(?:set|delete)_cookie\(\s*([\w.\"']+)")


def is_host_only(cookie: "Morsel[str]") -> bool:
    attributes = (bool(cookie["secure"]), cookie["path"], cookie["domain"])
    return cookie.key.startswith("__Host-") and attributes == (True, "/", "")


def test_it_sets_only_host_cookies(alice: User, authenticator_app: AuthenticatorApp) -> None:
    client = Client()
    responses = [
        client.post("/appearance/", {"theme": "dark"}),
        client.get(reverse("account_login")),
        sign_in(client, alice.email, PASSWORD),
        submit_code(client, authenticator_app.code()),
        client.post(reverse("mfa_trust"), {"action": "trust"}),
        client.post(reverse("end_other_sessions")),
        client.get(reverse("security")),
        client.post(reverse("account_logout")),
    ]
    cookies = [cookie for response in responses for cookie in response.cookies.values()]
    assert {cookie.key for cookie in cookies} == {
        f"__Host-{name}" for name in ("theme", "csrftoken", "sessionid", "trusted", "browser", "messages")
    }
    assert [cookie.key for cookie in cookies if not is_host_only(cookie)] == []


def test_it_names_every_cookie_by_a_setting_with_the_host_prefix() -> None:
    files = [file for file in settings.BASE_DIR.glob("*/**/*.py") if "tests" not in file.parts]
    own_files = [
        file for file in files if file.relative_to(settings.BASE_DIR).parts[0] not in {"sandbox", "bench", ".venv"}
    ]
    names = {name for file in own_files for name in SET_COOKIE.findall(file.read_text())}
    assert names == {"name", "settings.KNOWN_BROWSER_COOKIE_NAME"}
    assert all(
        getattr(settings, name).startswith("__Host-")
        for name in dir(settings)
        if re.search("(?<!LANGUAGE)_COOKIE_NAME", name)
    )


def get_clear_site_data(response: HttpResponse) -> str:
    return response.headers.get("Clear-Site-Data", "")


@pytest.fixture
def client(alice: User) -> Client:
    browser = Client()
    assert get_clear_site_data(sign_in(browser, alice.email, PASSWORD)) == ""
    assert get_clear_site_data(browser.get(reverse("overview"))) == ""
    return browser


def end_from_another_session(client: Client, user: User) -> HttpResponse:
    active_sessions.end_all_sessions(user, actor=None, reason="test")
    return client.get(reverse("overview"))


def time_out(client: Client, _: User) -> HttpResponse:
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        return client.get(reverse("overview"))


def change_password(client: Client, _: User) -> HttpResponse:
    new_password = "a brand new passphrase"
    fields = {"oldpassword": PASSWORD, "password1": new_password, "password2": new_password}
    return client.post(reverse("account_change_password"), fields)


@pytest.mark.parametrize(
    "end",
    [lambda client, _: client.post(reverse("account_logout")), end_from_another_session, time_out, change_password],
    ids=["signed out", "from elsewhere", "too late", "password"],
)
def test_it_clears_the_browsers_cache_when_the_session_ends(
    client: Client, alice: User, end: Callable[[Client, User], HttpResponse]
) -> None:
    assert get_clear_site_data(end(client, alice)) == CLEARED
    assert get_clear_site_data(client.get(reverse("account_login"))) == ""


def test_it_clears_nothing_for_anonymous_users(anonymous: Client) -> None:
    for name in ("home", "account_login", "help", "live"):
        assert get_clear_site_data(anonymous.get(reverse(name))) == ""
    assert get_clear_site_data(sign_in(anonymous, "nobody@example.com", "wrong")) == ""
