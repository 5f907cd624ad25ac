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


def ask_for_link(client: Client, email: str):
    return client.post(reverse("account_reset_password"), {"email": email}, follow=True)


def set_new(client: Client, link: str, password: str = NEW):
    """Open a reset link, which leads to a page without the secret in its address, and fill that in."""
    page = client.get(link, follow=True)
    if not page.redirect_chain:
        return page
    return client.post(page.redirect_chain[-1][0], {"password1": password, "password2": password}, follow=True)


# --- The hash ---------------------------------------------------------------------------------------------


def test_it_hashes_by_argon2id_with_the_houses_cost() -> None:
    encoded = make_password(PASSWORD)
    assert re.match(r"argon2\$argon2id\$v=19\$m=47104,t=3,p=1\$", encoded)
    assert identify_hasher(encoded).__class__.__name__ == "Argon2id"
    assert check_password(PASSWORD, encoded)
    assert make_password(PASSWORD) != encoded


def test_it_makes_no_weaker_hash() -> None:
    assert settings.PASSWORD_HASHERS[0] == "accounts.sign_in.hashers.Argon2id"


def test_it_bounds_the_length_of_a_password() -> None:
    validator = MaximumLengthValidator()
    validator.validate("x" * 256)
    with pytest.raises(ValidationError, match="256"):
        validator.validate("x" * 257)


# --- Forgotten --------------------------------------------------------------------------------------------


def test_it_sets_a_new_password_by_a_link_and_ends_other_sessions(
    stranger: Client, as_alice: Client, alice: User, trail: Trail
) -> None:
    ask_for_link(stranger, "ALICE@example.com")
    (message,) = mail.outbox
    assert message.to == [alice.email]
    set_new(stranger, link_from_email(message))
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert not is_signed_in(as_alice)
    assert "password_reset" in trail(alice.pk)
    sign_in(stranger, alice.email, NEW)
    assert is_signed_in(stranger)


def test_it_takes_a_link_once(stranger: Client, alice: User) -> None:
    ask_for_link(stranger, alice.email)
    link = link_from_email(mail.outbox[0])
    set_new(stranger, link)
    again = set_new(Client(), link, "yet another passphrase")
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert "no longer works" in again.content.decode()


def test_it_takes_no_link_that_is_too_old_or_forged(stranger: Client, alice: User) -> None:
    ask_for_link(stranger, alice.email)
    link = link_from_email(mail.outbox[0])
    with time_machine.travel(timezone.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT + 1)):
        assert "no longer works" in set_new(Client(), link).content.decode()
    head, _, tail = link.rpartition("-")
    assert "no longer works" in set_new(Client(), f"{head}-{tail[::-1]}").content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_it_says_the_same_whether_or_not_there_is_an_account(alice: User) -> None:
    known, unknown = ask_for_link(Client(), alice.email), ask_for_link(Client(), "nobody@example.com")
    assert known.redirect_chain == unknown.redirect_chain
    assert page_without_tokens(known) == page_without_tokens(unknown)
    assert [message.to for message in mail.outbox] == [[alice.email], ["nobody@example.com"]]


@pytest.mark.parametrize("password", ["short", "password1234", "alice@example.com", "x" * 257])
def test_it_refuses_a_weak_new_password(stranger: Client, alice: User, password: str) -> None:
    ask_for_link(stranger, alice.email)
    page = set_new(stranger, link_from_email(mail.outbox[0]), password)
    assert "There's a problem" in page.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


# --- Changed ----------------------------------------------------------------------------------------------


def change_password(client: Client, old: str, new: str = NEW):
    fields = {"oldpassword": old, "password1": new, "password2": new}
    return client.post(reverse("account_change_password"), fields)


@pytest.fixture
def signed_in(alice: User) -> Client:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    return client


def test_it_changes_the_password_and_signs_out_everywhere(signed_in: Client, alice: User, trail: Trail) -> None:
    elsewhere = Client()
    sign_in(elsewhere, alice.email, PASSWORD)
    change_password(signed_in, PASSWORD)
    alice.refresh_from_db()
    assert alice.check_password(NEW)
    assert (is_signed_in(signed_in), is_signed_in(elsewhere)) == (False, False)
    assert "password_changed" in trail(alice.pk)


def test_it_says_on_the_next_page_that_the_password_was_changed(signed_in: Client) -> None:
    change_password(signed_in, PASSWORD)
    assert "Your password was changed." in signed_in.get(reverse("account_login")).content.decode()


def test_it_lets_passwords_be_pasted_and_kept(stranger: Client) -> None:
    for name, kind in (("account_login", "current-password"), ("account_signup", "new-password")):
        page = stranger.get(reverse(name)).content.decode()
        (field,) = re.findall(r'<input type="password"[^>]*>', page)
        assert f'autocomplete="{kind}"' in field
        assert "onpaste" not in field
        assert "maxlength" not in field


def test_it_tells_a_person_by_mail_that_the_password_was_changed(signed_in: Client, alice: User) -> None:
    change_password(signed_in, PASSWORD)
    (message,) = mail.outbox
    assert (message.to, message.subject) == ([alice.email], "Your Plumbline password was changed")
    assert NEW not in message.body


@pytest.mark.parametrize(("old", "new"), [("wrong", NEW), ("", NEW), (PASSWORD, "short"), (PASSWORD, "x" * 257)])
def test_it_changes_nothing_without_the_old_one_and_a_good_new_one(
    signed_in: Client, alice: User, old: str, new: str
) -> None:
    assert change_password(signed_in, old, new).status_code == 200
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert is_signed_in(signed_in)


@pytest.mark.usefixtures("cheap_hash")
@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_it_mails_a_link_four_times_an_hour_whoever_asks(alice: User, email: str) -> None:
    answers = []
    with time_machine.travel(timezone.now()) as clock:
        for number in range(6):
            client = Client(REMOTE_ADDR=f"192.0.2.{number}")
            answers.append(client.post(reverse("account_reset_password"), {"email": f" {email.upper()} "}))
            clock.shift(timedelta(minutes=5))
        assert [answer.status_code for answer in answers] == [302] * 4 + [429] * 2
        assert (answers[-1].headers["Retry-After"], len(mail.outbox)) == ("3600", 4)
        assert "Try again in 60 minutes" in answers[-1].content.decode()
        clock.shift(timedelta(minutes=31))
        client.post(reverse("account_reset_password"), {"email": email})
    assert len(mail.outbox) == 5
