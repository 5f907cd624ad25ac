import itertools
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from allauth.account.internal.flows import manage_email
from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import code_from_email, is_signed_in, page_without_tokens, sign_in, sign_up, submit_email_code
from compliance.tests.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "new@example.com"


def test_it_lets_nobody_in_before_their_address_is_confirmed(stranger: Client) -> None:
    answer = sign_up(stranger, EMAIL, PASSWORD)
    assert answer.redirect_chain[-1] == (reverse("account_email_verification_sent"), 302)
    assert not is_signed_in(stranger)
    sign_in(stranger, EMAIL, PASSWORD)
    assert not is_signed_in(stranger)


def test_it_lets_a_person_in_who_enters_the_mailed_code(stranger: Client, trail: Callable[[UUID], list[str]]) -> None:
    page = sign_up(stranger, EMAIL, PASSWORD)
    (message,) = mail.outbox
    assert message.to == [EMAIL]
    assert PASSWORD not in str(message.message())
    code = code_from_email(message)
    assert code not in page.content.decode()
    assert submit_email_code(stranger, f" {code.lower()} ").url == reverse("overview")
    assert is_signed_in(stranger)
    # The session ends with the browser.
    assert stranger.cookies[settings.SESSION_COOKIE_NAME]["max-age"] == ""
    assert trail(User.objects.get().pk) == ["user_registered", "email_confirmed", "user_login"]


def test_it_takes_a_code_in_the_browser_only_that_asked_for_it(stranger: Client) -> None:
    sign_up(stranger, EMAIL, PASSWORD)
    elsewhere = Client()
    submit_email_code(elsewhere, code_from_email(mail.outbox[0]))
    assert not EmailAddress.objects.get(email=EMAIL).verified
    assert not is_signed_in(elsewhere)


def test_it_takes_three_wrong_codes_and_then_not_the_right_one(stranger: Client) -> None:
    sign_up(stranger, EMAIL, PASSWORD)
    code = code_from_email(mail.outbox[0])
    answers = [submit_email_code(stranger, wrong).status_code for wrong in ("", "BBBB-BBBB", "\0", code[:-1])]
    assert answers == [200, 200, 302, 302]
    submit_email_code(stranger, code)
    assert not is_signed_in(stranger)


def test_it_takes_no_code_after_a_quarter_of_an_hour(stranger: Client) -> None:
    sign_up(stranger, EMAIL, PASSWORD)
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        submit_email_code(stranger, code_from_email(mail.outbox[0]))
        assert not is_signed_in(stranger)


def test_it_sends_a_new_code_to_who_starts_over_and_knows_the_password(stranger: Client) -> None:
    sign_up(stranger, EMAIL, PASSWORD)
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        stranger.post(reverse("account_logout"))
        assert sign_in(stranger, EMAIL, "wrong wrong wrong").status_code == 200
        assert len(mail.outbox) == 1
        assert sign_in(stranger, EMAIL, PASSWORD).url == reverse("account_email_verification_sent")
        old, new = map(code_from_email, mail.outbox)
        assert old != new
        submit_email_code(stranger, new)
        assert is_signed_in(stranger)


def test_it_mails_an_address_four_times_an_hour_whoever_asks() -> None:
    with time_machine.travel(timezone.now()) as clock:
        answers = []
        for number in range(6):
            answers.append(sign_up(Client(REMOTE_ADDR=f"192.0.2.{number}"), EMAIL, PASSWORD).status_code)
            clock.shift(timedelta(minutes=1))
    assert answers == [200] * 4 + [429] * 2
    assert len(mail.outbox) == 4


@pytest.mark.usefixtures("cheap_hash")
def test_it_makes_one_person_of_five_sign_ups_at_once() -> None:
    numbers = itertools.count()

    def ask() -> int:
        client, fields = Client(REMOTE_ADDR=f"192.0.2.{next(numbers)}"), {"email": EMAIL, "password1": PASSWORD}
        return client.post(reverse("account_signup"), fields).status_code

    # The others come too soon for another mail to the same address.
    assert sorted(in_threads(5, ask)) == [302, 429, 429, 429, 429]
    assert User.objects.count() == 1


def test_it_goes_on_as_for_a_known_address_when_another_was_first(
    stranger: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As it looks to a sign-up that checked the address just before the other one was stored.
    monkeypatch.setattr(manage_email, "assess_unique_email", lambda email, user=None: True)
    answer = sign_up(stranger, alice.email, PASSWORD)
    assert answer.redirect_chain == [(reverse("account_email_verification_sent"), 302)]
    assert "already has an account" in mail.outbox[0].body
    assert User.objects.count() == 1


def test_it_keeps_the_names_of_who_gives_them(stranger: Client) -> None:
    fields = {"email": EMAIL, "password1": PASSWORD, "first_name": "Alice", "last_name": "Doe"}
    stranger.post(reverse("account_signup"), fields)
    assert User.objects.get().name == "Alice Doe"
    too_long = fields | {"email": "other@example.com", "first_name": "x" * 101}
    assert "There's a problem" in Client().post(reverse("account_signup"), too_long).content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize("known", ["alice@example.com", "ALICE@Example.COM", "  alice@example.com "])
def test_it_answers_the_same_for_an_address_that_has_an_account(alice: User, known: str) -> None:
    here, there = Client(), Client()
    answers = [sign_up(here, known, "another long password"), sign_up(there, EMAIL, "another long password")]
    assert answers[0].redirect_chain == answers[1].redirect_chain
    assert page_without_tokens(answers[0]).replace(alice.email, "X") == page_without_tokens(answers[1]).replace(
        EMAIL, "X"
    )
    assert User.objects.filter(email="alice@example.com").count() == 1
    assert alice.check_password(PASSWORD)
    assert [message.to for message in mail.outbox] == [["alice@example.com"], [EMAIL]]
    assert "already has an account" in mail.outbox[0].body


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "elevenchars",
        "password1234",
        "new@example.com",
        "x" * 257,
        "qwertyuiopasdf\0",
    ],
)
def test_it_refuses_a_weak_password(stranger: Client, password: str) -> None:
    page = sign_up(stranger, EMAIL, password)
    assert page.status_code == 200
    assert "There's a problem" in page.content.decode()
    assert 'type="password" value' not in page.content.decode()
    assert not User.objects.exists()
    assert mail.outbox == []


@pytest.mark.parametrize("password", ["twelve chars", "x1" * 128, "пароль из слов", "🔑" * 12, "  spaces count  "])
def test_it_takes_any_long_password_as_it_is(stranger: Client, password: str) -> None:
    sign_up(stranger, EMAIL, password)
    assert User.objects.get().check_password(password)


@pytest.mark.parametrize(
    "email",
    ["", "nobody", "a@", "@b.c", "a b@example.com", "a@example.com\0", "a@exa\nmple.com", "é@example.com\ud7ff"],
)
def test_it_refuses_what_is_no_address(stranger: Client, email: str) -> None:
    page = sign_up(stranger, email, PASSWORD)
    assert page.status_code == 200
    assert "There's a problem" in page.content.decode()
    assert not User.objects.exists()


def test_it_refuses_an_address_that_it_would_have_to_cut(stranger: Client) -> None:
    label = f"{'a' * 60}.example"
    for length, made in ((254, True), (255, False)):
        host = f"{'.'.join([label] * 9)}"
        email = f"{'b' * 64}@{host}"
        email = f"{email[: length - len('.com')]}.com"
        assert len(email) == length
        sign_up(stranger, email, PASSWORD)
        assert User.objects.filter(email=email).exists() is made
    assert User.objects.count() == 1


def test_it_keeps_addresses_in_small_letters(stranger: Client) -> None:
    sign_up(stranger, "New@Example.COM", PASSWORD)
    assert User.objects.get().email == EMAIL


def test_it_has_one_person_for_an_address_in_any_case(alice: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(email="Alice@EXAMPLE.com")


def test_it_closes_the_door_when_the_operator_says_so(stranger: Client, settings) -> None:
    settings.SIGNUP_OPEN = False
    assert sign_up(stranger, EMAIL, PASSWORD).status_code == 200
    assert not User.objects.exists()


def test_it_sends_no_mail_that_names_another_site(stranger: Client) -> None:
    answer = stranger.post(
        reverse("account_signup"), {"email": EMAIL, "password1": PASSWORD}, headers={"Host": "evil.example"}
    )
    assert answer.status_code == 400
    assert mail.outbox == []
