"""Responses do not reveal who has an account. ``bench/sign_in.py`` measures that their timing does not either."""

import json
from collections.abc import Callable
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings as site
from django.contrib.auth.hashers import make_password
from django.core import mail
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.sign_in import forms
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import page_without_tokens, sign_in, sign_up
from accounts.tests.totp import AuthenticatorApp
from compliance.audit import Action, record

pytestmark = pytest.mark.django_db(transaction=True)

NOBODY = "nobody@example.com"


def get_observable(response: HttpResponse, *names: str) -> tuple[object, ...]:
    """Return all that a client can compare: status, location, page and names of cookies."""
    page = page_without_tokens(response)
    for name in names:
        page = page.replace(name, "X")
    return response.status_code, response.headers.get("Location"), page, tuple(sorted(response.cookies))


@pytest.fixture
def emails(alice: User, make_user: Callable[..., User]) -> list[str]:
    """One address of each kind: known, with a second factor, unconfirmed, without password, closed, unknown."""
    make_user("factor", PASSWORD)
    Authenticator.objects.create(user=User.objects.get(email="factor@example.com"), type="totp", data={})
    make_user("unconfirmed", PASSWORD)
    EmailAddress.objects.filter(email="unconfirmed@example.com").update(verified=False)
    make_user("nopassword")
    make_user("closed", PASSWORD)
    User.objects.filter(email="closed@example.com").update(is_active=False)
    names = ("alice", "factor", "unconfirmed", "nopassword", "closed", "nobody")
    return [f"{name}@example.com" for name in names]


def test_it_responds_the_same_for_every_address_at_sign_in(emails: list[str]) -> None:
    assert len({get_observable(sign_in(Client(), email, "wrong"), email) for email in emails}) == 1


def test_it_responds_the_same_for_every_address_at_password_reset(emails: list[str]) -> None:
    url = reverse("account_reset_password")
    assert len({get_observable(Client().post(url, {"email": email}), email) for email in emails}) == 1
    # One email each, so that the time of sending reveals nothing. Only the mailbox's owner reads its text.
    assert sorted(message.to[0] for message in mail.outbox) == sorted(emails)


def test_it_responds_the_same_for_every_address_at_sign_up(emails: list[str]) -> None:
    assert len({get_observable(sign_up(Client(), email, PASSWORD), email) for email in emails}) == 1


@pytest.mark.django_db(transaction=True, databases=["default", "ops"])
def test_it_responds_the_same_at_sign_up_for_an_address_whose_data_key_is_damaged(
    alice: User, damage_keys: Callable[[UUID], None]
) -> None:
    record(Action.SYNC, subject=alice)
    damage_keys(alice.pk)
    emails = (alice.email, NOBODY)
    assert len({get_observable(sign_up(Client(), email, PASSWORD), email) for email in emails}) == 1


def test_it_hashes_the_password_also_for_a_known_address(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    monkeypatch.setattr(forms, "make_password", lambda password: hashed.append(password) or make_password(password))
    sign_up(Client(), alice.email, "another long password")
    assert hashed == ["another long password"]
    sign_up(Client(), NOBODY, "another long password")
    assert len(hashed) == 1
    assert User.objects.get(email=NOBODY).check_password("another long password")


def test_it_requests_any_passkey_from_every_browser(alice: User, authenticator_app: AuthenticatorApp) -> None:
    def get_options(client: Client) -> object:
        options = json.loads(client.get(reverse("mfa_login_webauthn"), headers={"Accept": "application/json"}).content)
        options["request_options"]["publicKey"].pop("challenge")
        return options

    known_browser = Client()
    known_browser.cookies[site.KNOWN_BROWSER_COOKIE_NAME] = "x"
    sign_in(known_browser, alice.email, "wrong")
    options = get_options(known_browser)
    assert options == get_options(Client())
    assert options["request_options"]["publicKey"]["allowCredentials"] == []
    assert options["request_options"]["publicKey"]["userVerification"] == "required"
