import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from django.core import mail
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.sign_in.validators import MaximumLengthValidator
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import is_signed_in, link_from_email, page_without_tokens, sign_in

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "a brand new passphrase"
Trail = Callable[[UUID], list[str]]


def request_link(client: Client, email: str):
    return client.post(reverse("account_reset_password"), {"email": email}, follow=True)


def set_password(client: Client, link: str, password: str = NEW):
    """Open a reset link, which redirects to a page without the secret in its URL, and send the form there."""
    page = client.get(link, follow=True)
    if not page.redirect_chain:
        return page
    return client.post(page.redirect_chain[-1][0], {"password1": password, "password2": password}, follow=True)


# --- The hash ---------------------------------------------------------------------------------------------


def test_it_hashes_with_argon2id_and_our_cost() -> None:
    encoded = make_password(PASSWORD)
    assert re.match(r"argon2\$argon2id\$v=19\$m=47104,t=3,p=1\$", encoded)
    assert identify_hasher(encoded).__class__.__name__ == "Argon2id"
    assert check_password(PASSWORD, encoded)
    assert make_password(PASSWORD) != encoded


def test_it_hashes_new_passwords_with_argon2id() -> None:
    assert settings.PASSWORD_HASHERS[0] == "accounts.sign_in.hashers.Argon2id"


def test_it_limits_the_length_of_a_password() -> None:
    validator = MaximumLengthValidator()
    validator.validate("x" * 256)
    with pytest.raises(ValidationError, match="256"):
        validator.validate("x" * 257)


# --- Resetting --------------------------------------------------------------------------------------------


def test_it_sets_a_new_password_with_a_link_and_ends_other_sessions(
    anonymous: Client, as_alice: Client, alice: User, trail: Trail
) -> None:
    request_link(anonymous, "ALICE@example.com")
    (message,) = mail.outbox
    assert message.to == [alice.email]
    set_password(anonymous, link_from_email(message))
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert not is_signed_in(as_alice)
    assert "password_reset" in trail(alice.pk)
    sign_in(anonymous, alice.email, NEW)
    assert is_signed_in(anonymous)


def test_it_accepts_a_link_once(anonymous: Client, alice: User) -> None:
    request_link(anonymous, alice.email)
    link = link_from_email(mail.outbox[0])
    set_password(anonymous, link)
    page = set_password(Client(), link, "yet another passphrase")
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert "no longer works" in page.content.decode()


def test_it_rejects_expired_and_forged_links(anonymous: Client, alice: User) -> None:
    request_link(anonymous, alice.email)
    link = link_from_email(mail.outbox[0])
    with time_machine.travel(timezone.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT + 1)):
        assert "no longer works" in set_password(Client(), link).content.decode()
    head, _, tail = link.rpartition("-")
    assert "no longer works" in set_password(Client(), f"{head}-{tail[::-1]}").content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_it_shows_the_same_page_with_and_without_an_account(alice: User) -> None:
    known, unknown = request_link(Client(), alice.email), request_link(Client(), "nobody@example.com")
    assert known.redirect_chain == unknown.redirect_chain
    assert page_without_tokens(known) == page_without_tokens(unknown)
    assert [message.to for message in mail.outbox] == [[alice.email], ["nobody@example.com"]]


@pytest.mark.parametrize("password", ["short", "password1234", "alice@example.com", "x" * 257])
def test_it_rejects_a_weak_new_password(anonymous: Client, alice: User, password: str) -> None:
    request_link(anonymous, alice.email)
    page = set_password(anonymous, link_from_email(mail.outbox[0]), password)
    assert "There's a problem" in page.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


# --- Changing ---------------------------------------------------------------------------------------------


def change_password(client: Client, old: str, new: str = NEW):
    fields = {"oldpassword": old, "password1": new, "password2": new}
    return client.post(reverse("account_change_password"), fields)


@pytest.fixture
def signed_in(alice: User) -> Client:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    return client


def test_it_changes_the_password_and_ends_all_sessions(signed_in: Client, alice: User, trail: Trail) -> None:
    other_client = Client()
    sign_in(other_client, alice.email, PASSWORD)
    change_password(signed_in, PASSWORD)
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert (is_signed_in(signed_in), is_signed_in(other_client)) == (False, False)
    assert "password_changed" in trail(alice.pk)


def test_it_confirms_the_change_on_the_next_page(signed_in: Client) -> None:
    change_password(signed_in, PASSWORD)
    assert "Your password was changed." in signed_in.get(reverse("account_login")).content.decode()


def test_it_allows_pasting_and_password_managers(anonymous: Client) -> None:
    for name, kind in (("account_login", "current-password"), ("account_signup", "new-password")):
        page = anonymous.get(reverse(name)).content.decode()
        (field,) = re.findall(r'<input type="password"[^>]*>', page)
        assert f'autocomplete="{kind}"' in field
        assert "onpaste" not in field
        assert "maxlength" not in field


def test_it_emails_the_user_that_the_password_was_changed(signed_in: Client, alice: User) -> None:
    change_password(signed_in, PASSWORD)
    (message,) = mail.outbox
    assert (message.to, message.subject) == ([alice.email], "Your Plumbline password was changed")
    assert NEW not in message.body


@pytest.mark.parametrize(("old", "new"), [("wrong", NEW), ("", NEW), (PASSWORD, "short"), (PASSWORD, "x" * 257)])
def test_it_requires_the_old_password_and_a_valid_new_one(signed_in: Client, alice: User, old: str, new: str) -> None:
    assert change_password(signed_in, old, new).status_code == 200
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert is_signed_in(signed_in)


@pytest.mark.usefixtures("cheap_hash")
@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_it_emails_a_link_at_most_four_times_an_hour(alice: User, email: str) -> None:
    responses = []
    with time_machine.travel(timezone.now()) as clock:
        for number in range(6):
            client = Client(REMOTE_ADDR=f"192.0.2.{number}")
            responses.append(client.post(reverse("account_reset_password"), {"email": f" {email.upper()} "}))
            clock.shift(timedelta(minutes=5))
        assert [response.status_code for response in responses] == [302] * 4 + [429] * 2
        assert (responses[-1].headers["Retry-After"], len(mail.outbox)) == ("3600", 4)
        assert "Try again in 60 minutes" in responses[-1].content.decode()
        clock.shift(timedelta(minutes=31))
        client.post(reverse("account_reset_password"), {"email": email})
    assert len(mail.outbox) == 5
