"""Nobody learns from an answer who has an account. ``bench/sign_in.py`` measures that no time tells either."""

import json
from collections.abc import Callable

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

pytestmark = pytest.mark.django_db(transaction=True)

NOBODY = "nobody@example.com"


def observable(answer: HttpResponse, *names: str) -> tuple[object, ...]:
    """What an answer tells anybody who looks: status, place, page, cookies."""
    said = page_without_tokens(answer)
    for name in names:
        said = said.replace(name, "X")
    return answer.status_code, answer.headers.get("Location"), said, tuple(sorted(answer.cookies))


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


def test_it_says_the_same_of_every_address_at_sign_in(emails: list[str]) -> None:
    assert len({observable(sign_in(Client(), email, "wrong"), email) for email in emails}) == 1


def test_it_says_the_same_of_every_address_when_a_password_is_forgotten(emails: list[str]) -> None:
    place = reverse("account_reset_password")
    assert len({observable(Client().post(place, {"email": email}), email) for email in emails}) == 1
    # One mail each, so that the time of sending tells nothing; what it says is for the mailbox's owner alone.
    assert sorted(message.to[0] for message in mail.outbox) == sorted(emails)


def test_it_says_the_same_of_every_address_at_sign_up(emails: list[str]) -> None:
    assert len({observable(sign_up(Client(), email, PASSWORD), email) for email in emails}) == 1


def test_it_hashes_the_password_of_a_known_address_too(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    monkeypatch.setattr(forms, "make_password", lambda password: hashed.append(password) or make_password(password))
    sign_up(Client(), alice.email, "another long password")
    assert hashed == ["another long password"]
    sign_up(Client(), NOBODY, "another long password")
    assert len(hashed) == 1
    assert User.objects.get(email=NOBODY).check_password("another long password")


def test_it_asks_every_browser_for_any_passkey(alice: User, authenticator_app: AuthenticatorApp) -> None:
    def question(client: Client) -> object:
        asked = json.loads(client.get(reverse("mfa_login_webauthn"), headers={"Accept": "application/json"}).content)
        asked["request_options"]["publicKey"].pop("challenge")
        return asked

    known = Client()
    known.cookies[site.KNOWN_BROWSER_COOKIE_NAME] = "x"
    sign_in(known, alice.email, "wrong")
    asked = question(known)
    assert asked == question(Client())
    assert asked["request_options"]["publicKey"]["allowCredentials"] == []
    assert asked["request_options"]["publicKey"]["userVerification"] == "required"
