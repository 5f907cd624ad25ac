"""Cookies that no neighbouring host can write, and what a browser forgets with its session."""

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

FORGOTTEN = '"cache", "storage"'
SETTING = re.compile(r"(?:set|delete)_cookie\(\s*([\w.\"']+)")


def is_of_this_host_alone(cookie: "Morsel[str]") -> bool:
    attributes = (bool(cookie["secure"]), cookie["path"], cookie["domain"])
    return cookie.key.startswith("__Host-") and attributes == (True, "/", "")


def test_it_sets_cookies_of_this_host_alone(alice: User, authenticator_app: AuthenticatorApp) -> None:
    client = Client()
    answers = [
        client.post("/appearance/", {"theme": "dark"}),
        client.get(reverse("account_login")),
        sign_in(client, alice.email, PASSWORD),
        submit_code(client, authenticator_app.code()),
        client.post(reverse("mfa_trust"), {"action": "trust"}),
        client.post(reverse("end_other_sessions")),
        client.get(reverse("security")),
        client.post(reverse("account_logout")),
    ]
    cookies = [cookie for answer in answers for cookie in answer.cookies.values()]
    assert {cookie.key for cookie in cookies} == {
        f"__Host-{name}" for name in ("theme", "csrftoken", "sessionid", "trusted", "browser", "messages")
    }
    assert [cookie.key for cookie in cookies if not is_of_this_host_alone(cookie)] == []


def test_it_names_every_cookie_in_the_settings() -> None:
    files = [file for file in settings.BASE_DIR.glob("*/**/*.py") if "tests" not in file.parts]
    ours = [file for file in files if file.relative_to(settings.BASE_DIR).parts[0] not in {"sandbox", "bench", ".venv"}]
    named = {name for file in ours for name in SETTING.findall(file.read_text())}
    assert named == {"name", "settings.KNOWN_BROWSER_COOKIE_NAME"}
    assert all(
        getattr(settings, name).startswith("__Host-")
        for name in dir(settings)
        if re.search("(?<!LANGUAGE)_COOKIE_NAME", name)
    )


def clear_site_data(answer: HttpResponse) -> str:
    return answer.headers.get("Clear-Site-Data", "")


@pytest.fixture
def client(alice: User) -> Client:
    browser = Client()
    assert clear_site_data(sign_in(browser, alice.email, PASSWORD)) == ""
    assert clear_site_data(browser.get(reverse("overview"))) == ""
    return browser


def elsewhere(client: Client, user: User) -> HttpResponse:
    active_sessions.end_all_sessions(user, actor=None, reason="test")
    return client.get(reverse("overview"))


def later(client: Client, _: User) -> HttpResponse:
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        return client.get(reverse("overview"))


def with_another_password(client: Client, _: User) -> HttpResponse:
    new = "a brand new passphrase"
    fields = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    return client.post(reverse("account_change_password"), fields)


@pytest.mark.parametrize(
    "end",
    [lambda client, _: client.post(reverse("account_logout")), elsewhere, later, with_another_password],
    ids=["signed out", "from elsewhere", "too late", "password"],
)
def test_it_has_the_browser_forget_with_the_session(
    client: Client, alice: User, end: Callable[[Client, User], HttpResponse]
) -> None:
    assert clear_site_data(end(client, alice)) == FORGOTTEN
    assert clear_site_data(client.get(reverse("account_login"))) == ""


def test_it_has_strangers_forget_nothing(stranger: Client) -> None:
    for name in ("home", "account_login", "help", "live"):
        assert clear_site_data(stranger.get(reverse(name))) == ""
    assert clear_site_data(sign_in(stranger, "nobody@example.com", "wrong")) == ""
