"""A user has one email address, and changes it with a code that is sent to the new one."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import code_from_email, is_signed_in, page_without_tokens, sign_in, sign_up, submit_email_code
from accounts.tests.totp import AuthenticatorApp, sign_in_with_code
from compliance.tests.threads import in_threads
from ui.tests.accessibility import list_violations

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cheap_hash")]

Trail = Callable[[UUID], list[str]]
NEW = "new@example.com"


def request_change(client: Client, email: str) -> HttpResponse:
    return client.post(reverse("account_email"), {"email": email, "action_add": ""}, follow=True)


def list_addresses() -> list[tuple[str, bool, bool]]:
    return [(address.email, address.verified, address.primary) for address in EmailAddress.objects.order_by("pk")]


@pytest.fixture
def signed_in(alice: User, authenticator_app: AuthenticatorApp) -> Client:
    """Alice, who has just signed in with a second factor."""
    client = Client()
    sign_in_with_code(client, alice, PASSWORD, authenticator_app)
    return client


def test_it_changes_the_address_with_the_code_sent_to_the_new_one(signed_in: Client, alice: User, trail: Trail) -> None:
    assert NEW in request_change(signed_in, "New@Example.com").content.decode()
    assert list_addresses() == [(alice.email, True, True)]
    assert submit_email_code(signed_in, code_from_email(mail.outbox[-1])).url == reverse("account_email")
    assert list_addresses() == [(NEW, True, True)]
    assert User.objects.get().email == NEW
    assert is_signed_in(signed_in)
    assert trail(alice.pk)[-2:] == ["email_confirmed", "email_changed"]
    # The code goes to the new address, the notice to the old one.
    assert [(message.to, message.subject) for message in mail.outbox] == [
        ([NEW], "Your Plumbline confirmation code"),
        ([alice.email], "Your Plumbline email address was changed"),
    ]
    # A reset link would be sent to the new address, which could be an attacker's.
    assert "reset your password" not in mail.outbox[-1].body
    assert f"from {alice.email} to {NEW}" in mail.outbox[-1].body


def test_it_accepts_only_the_new_address_at_sign_in(signed_in: Client, alice: User) -> None:
    request_change(signed_in, NEW)
    submit_email_code(signed_in, code_from_email(mail.outbox[0]))
    for email, status in ((alice.email, 200), (NEW, 302)):
        assert sign_in(Client(), email, PASSWORD).status_code == status


def test_it_requires_a_fresh_sign_in(signed_in: Client, alice: User) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        response = signed_in.post(reverse("account_email"), {"email": NEW, "action_add": ""})
    assert response.url.startswith(reverse("mfa_reauthenticate"))
    assert mail.outbox == []


def test_it_rejects_every_code_after_three_wrong_ones(signed_in: Client, alice: User) -> None:
    request_change(signed_in, NEW)
    for _ in range(3):
        submit_email_code(signed_in, "BBBB-BBBB")
    submit_email_code(signed_in, code_from_email(mail.outbox[0]))
    assert list_addresses() == [(alice.email, True, True)]
    assert is_signed_in(signed_in)


def test_it_changes_the_address_once_for_three_concurrent_requests(
    signed_in: Client, alice: User, trail: Trail
) -> None:
    request_change(signed_in, NEW)
    code = code_from_email(mail.outbox[0])

    def click() -> int:
        client = Client()
        client.cookies = signed_in.cookies
        return submit_email_code(client, code).status_code

    assert in_threads(3, click) == [302] * 3
    assert list_addresses() == [(NEW, True, True)]
    assert trail(alice.pk).count("email_changed") == 1


def test_it_does_not_take_an_address_that_another_user_has_registered_meanwhile(signed_in: Client) -> None:
    request_change(signed_in, NEW)
    owner = Client()
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        sign_up(owner, NEW, PASSWORD)
        submit_email_code(owner, code_from_email(mail.outbox[-1]))
        assert is_signed_in(owner)
        # Too late: another user has the address by now.
        submit_email_code(signed_in, code_from_email(mail.outbox[0]))
    assert User.objects.get(email=NEW).check_password(PASSWORD)
    assert list_addresses() == [("alice@example.com", True, True), (NEW, True, True)]


def test_it_shows_the_same_page_for_known_and_unknown_addresses(
    signed_in: Client, alice: User, make_user: Callable[..., User]
) -> None:
    make_user("bob", PASSWORD)
    pages = []
    for email in ("bob@example.com", "nobody@example.com"):
        response = request_change(signed_in, email)
        pages.append((response.redirect_chain, page_without_tokens(response).replace(email, "X")))
    assert pages[0] == pages[1]
    assert [message.to for message in mail.outbox] == [["bob@example.com"], ["nobody@example.com"]]


def test_it_does_not_take_another_users_address_even_with_its_code(
    signed_in: Client, alice: User, make_user: Callable[..., User]
) -> None:
    make_user("bob", PASSWORD)
    request_change(signed_in, "bob@example.com")
    response = submit_email_code(signed_in, code_from_email(mail.outbox[0]))
    assert response.status_code == 200
    assert User.objects.get(pk=alice.pk).email == alice.email


def test_it_tells_the_users_other_sessions(signed_in: Client, alice: User, authenticator_app: AuthenticatorApp) -> None:
    other_session = Client()
    with time_machine.travel(timezone.now() + timedelta(seconds=30)):
        sign_in_with_code(other_session, alice, PASSWORD, authenticator_app)
    request_change(signed_in, NEW)
    submit_email_code(signed_in, code_from_email(mail.outbox[-1]))
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        assert (
            "The email address of your account was changed." in other_session.get(reverse("security")).content.decode()
        )


@pytest.mark.parametrize("action", ["action_remove", "action_primary", "action_send"])
def test_it_ignores_actions_that_could_leave_no_address(signed_in: Client, alice: User, action: str) -> None:
    signed_in.post(reverse("account_email"), {"email": alice.email, action: ""})
    assert list_addresses() == [(alice.email, True, True)]


@pytest.mark.browser
def test_it_changes_an_address_in_the_browser(page: Page, live_server: LiveServer, alice: User) -> None:
    page.goto(live_server.url + reverse("account_login"))
    page.get_by_label("Email").fill(alice.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_title("Overview · Plumbline")
    page.goto(live_server.url + reverse("account_email"))
    assert list_violations(page) == []
    page.get_by_label("Email").fill(NEW)
    page.get_by_role("button", name="Send code").click()
    expect(page.get_by_role("main")).to_contain_text(NEW)
    page.get_by_label("Code").fill("BBBB-BBBB")
    page.get_by_role("button", name="Confirm email address").click()
    expect(page.get_by_role("alert")).to_contain_text("That code doesn't match")
    assert list_violations(page) == []
    page.get_by_label("Code").fill(code_from_email(mail.outbox[0]))
    page.get_by_role("button", name="Confirm email address").click()
    expect(page.get_by_role("main")).to_contain_text(f"You sign in with {NEW}")
