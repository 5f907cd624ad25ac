from collections.abc import Callable
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import is_in, link_in, sign_in, sign_up, what_is_said

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "new@example.com"


def test_it_lets_nobody_in_before_their_address_is_confirmed(stranger: Client) -> None:
    answer = sign_up(stranger, EMAIL, PASSWORD)
    assert answer.redirect_chain[-1] == (reverse("account_email_verification_sent"), 302)
    assert not is_in(stranger)
    sign_in(stranger, EMAIL, PASSWORD)
    assert not is_in(stranger)


def test_it_lets_a_person_in_who_opens_the_link_and_confirms(
    stranger: Client, trail: Callable[[UUID], list[str]]
) -> None:
    sign_up(stranger, EMAIL, PASSWORD)
    (message,) = mail.outbox
    assert message.to == [EMAIL]
    assert PASSWORD not in str(message.message())
    page = stranger.get(link_in(message))
    assert EMAIL in page.content.decode()
    # Programs that read mail open links; only the button confirms.
    assert not EmailAddress.objects.get(email=EMAIL).verified
    assert stranger.post(link_in(message)).url == reverse("overview")
    assert is_in(stranger)
    assert trail(User.objects.get().pk) == ["user_registered", "email_confirmed", "user_login"]


def test_it_lets_only_the_browser_in_that_signed_up(stranger: Client) -> None:
    sign_up(stranger, EMAIL, PASSWORD)
    elsewhere = Client()
    elsewhere.post(link_in(mail.outbox[0]))
    assert EmailAddress.objects.get(email=EMAIL).verified
    assert not is_in(elsewhere)


@pytest.mark.parametrize("known", ["alice@example.com", "ALICE@Example.COM", "  alice@example.com "])
def test_it_answers_the_same_for_an_address_that_has_an_account(alice: User, known: str) -> None:
    here, there = Client(), Client()
    answers = [sign_up(here, known, "another long password"), sign_up(there, EMAIL, "another long password")]
    assert answers[0].redirect_chain == answers[1].redirect_chain
    assert what_is_said(answers[0]).replace(alice.email, "X") == what_is_said(answers[1]).replace(EMAIL, "X")
    assert User.objects.filter(email="alice@example.com").count() == 1
    assert alice.check_password(PASSWORD)
    assert [message.to for message in mail.outbox] == [["alice@example.com"], [EMAIL]]
    assert "There is one already" in mail.outbox[0].body


def test_it_takes_no_link_twice_and_no_link_of_its_own_making(stranger: Client) -> None:
    sign_up(stranger, EMAIL, PASSWORD)
    link = link_in(mail.outbox[0])
    stranger.post(link)
    for address in (link, reverse("account_confirm_email", args=["MTIz:1abc:forged"])):
        page = Client().get(address)
        assert "no longer good" in page.content.decode()
        assert not is_in(Client())


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
    assert "There is a problem" in page.content.decode()
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
    assert "There is a problem" in page.content.decode()
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


def test_it_makes_nobody_whom_no_mail_can_reach(settings) -> None:
    mailing, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    browser = Client(raise_request_exception=False)
    assert sign_up(browser, EMAIL, PASSWORD).status_code == 500
    assert not User.objects.exists()
    settings.EMAIL_BACKEND = mailing
    sign_up(browser, EMAIL, PASSWORD)
    assert User.objects.get().email == EMAIL
