"""Every form of accounts responds with a page of the site, even to input that browsers never send."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import is_signed_in, sign_in
from accounts.tests.totp import AuthenticatorApp

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cheap_hash")]

FORM = "application/x-www-form-urlencoded"
LONG_EMAIL = "a" * 10_000 + "%40example.com"
TEXTS = ["%00", "a%00b%40example.com", "%ED%A0%80", "%FF%FE", LONG_EMAIL, "%F0%9F%94%91", "%0d%0aX: y"]
CREDENTIALS: list[Any] = [
    None,
    5,
    "x",
    [],
    {},
    {"id": "a"},
    {"id": "\ud800", "rawId": "é", "response": {}, "type": "public-key"},
    {"id": "AA", "rawId": "AA", "type": "public-key", "response": []},
    {"id": "AA", "rawId": "AA", "type": "public-key", "response": {"userHandle": 5}},
    {"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "e30", "attestationObject": "AA"}},
    {
        "id": "AA",
        "rawId": "AA",
        "type": "public-key",
        "response": {
            "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiQUEiLCJvcmlnaW4iOiJodHRwczovL3gifQ",
            "authenticatorData": "A" * 60,
            "signature": "AA",
            "userHandle": "AAAA",
        },
    },
]


@pytest.fixture(autouse=True)
def _no_limits(settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "10000/m/ip"}
    settings.MFA_RATE_LIMITS = {"webauthn_login": "10000/m/ip"}


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("account_login", "login"),
        ("account_login", "password"),
        ("account_signup", "email"),
        ("account_signup", "password1"),
        ("account_signup", "first_name"),
        ("account_reset_password", "email"),
        ("mfa_login_webauthn", "credential"),
    ],
)
def test_it_responds_with_a_page_to_anonymous_users(anonymous: Client, name: str, field: str, text: str) -> None:
    fields = {"login": "a%40example.com", "email": "a%40example.com", "password": "x", "password1": "x" * 20}
    body = "&".join(f"{key}={value}" for key, value in {**fields, field: text}.items())
    response = anonymous.post(reverse(name), body, content_type=FORM)
    assert response.status_code in (200, 302, 400)
    assert not is_signed_in(anonymous)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize("name", ["mfa_authenticate", "mfa_trust"])
def test_it_responds_with_a_page_in_the_second_step(
    alice: User, authenticator_app: AuthenticatorApp, name: str, text: str
) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    for field in ("code", "credential", "action"):
        assert client.post(reverse(name), f"{field}={text}", content_type=FORM).status_code in (200, 302, 400)
    assert not is_signed_in(client)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_it_responds_with_a_page_at_a_change_of_address(alice: User, text: str) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    body = f"email={text}&action_add="
    assert client.post(reverse("account_email"), body, content_type=FORM).status_code in (200, 302, 400)
    client.post(reverse("account_email"), {"email": "new@example.com", "action_add": ""})
    response = client.post(reverse("account_email_verification_sent"), f"code={text}", content_type=FORM)
    assert response.status_code in (200, 302)
    assert User.objects.get().email == alice.email


@pytest.mark.parametrize(
    "name", ["mfa_login_webauthn", "mfa_authenticate", "mfa_reauthenticate_webauthn", "mfa_add_webauthn"]
)
@pytest.mark.parametrize("credential", CREDENTIALS, ids=range(len(CREDENTIALS)))
def test_it_rejects_invalid_passkeys(alice: User, request: Any, name: str, credential: Any) -> None:
    client = Client()
    if name != "mfa_add_webauthn":
        request.getfixturevalue("authenticator_app")
    if name == "mfa_reauthenticate_webauthn":
        client.force_login(alice)
    elif name != "mfa_login_webauthn":
        sign_in(client, alice.email, PASSWORD)
    headers = {"Accept": "application/json"} if name == "mfa_login_webauthn" else {}
    client.get(reverse(name), headers=headers)
    response = client.post(reverse(name), {"credential": json.dumps(credential), "name": "x"})
    assert response.status_code in (200, 302)
    assert alice.authenticator_set.filter(type="webauthn").count() == 0


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 5_000, '{"id": "\\u0000"}', "NaN", "9" * 5_000, "\u00e9"])
def test_it_rejects_deep_and_huge_json(anonymous: Client, text: str) -> None:
    assert anonymous.post(reverse("mfa_login_webauthn"), {"credential": text}).status_code == 302


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "testserver@evil.org", "", "a" * 5_000])
def test_it_rejects_other_host_names(anonymous: Client, host: str) -> None:
    for name in ("account_login", "account_reset_password", "mfa_login_webauthn"):
        response = anonymous.post(reverse(name), {"email": "alice@example.com"}, headers={"Host": host})
        assert response.status_code == 400


@pytest.mark.parametrize("header", ["", "junk", "1.2.3.4, junk", "::1%eth0", "9" * 10_000, "\u00e9"])
def test_it_accepts_any_forwarded_address(alice: User, settings, header: str) -> None:
    settings.TRUSTED_PROXY_COUNT = 2
    client = Client(headers={"X-Forwarded-For": header}, REMOTE_ADDR="")
    sign_in(client, alice.email, PASSWORD)
    assert client.get(reverse("security")).status_code == 200


@pytest.mark.parametrize("agent", ["", "\u00e9" * 400, "x" * 100_000, "<b>x</b>"])
def test_it_accepts_any_user_agent(alice: User, agent: str) -> None:
    client = Client(headers={"User-Agent": agent})
    sign_in(client, alice.email, PASSWORD)
    page = client.get(reverse("security"))
    assert page.status_code == 200
    assert "<b>" not in page.content.decode()
