"""A mail server that is away: nothing is half done, everybody hears the same, and the operator hears why."""

import logging
import socket
from collections.abc import Callable
from smtplib import SMTPDataError
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import code_from_email, is_signed_in, page_without_tokens, sign_in, sign_up, submit_email_code
from accounts.tests.totp import AuthenticatorApp, sign_in_with_code

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cheap_hash")]

Trail = Callable[[UUID], list[str]]
Door = Callable[[Client, str], HttpResponse]
NEW = "new@example.com"
SMTP = "django.core.mail.backends.smtp.EmailBackend"
DOORS: list[Door] = [
    lambda client, email: sign_up(client, email, PASSWORD),
    lambda client, email: client.post(reverse("account_reset_password"), {"email": email}),
]


class Unwilling(EmailBackend):
    """A mail server that takes nothing."""

    def send_messages(self, messages: list[EmailMessage]) -> int:
        raise SMTPDataError(554, f"No mail for <{messages[0].to[0]}>".encode())


@pytest.fixture
def away(settings) -> Callable[[bool], None]:
    """Take the mail server away, and give it back."""
    there = settings.EMAIL_BACKEND

    def switch(gone: bool) -> None:
        settings.EMAIL_BACKEND = f"{__name__}.Unwilling" if gone else there

    switch(True)
    return switch


@pytest.mark.parametrize("door", DOORS, ids=["sign-up", "reset"])
def test_it_says_the_same_of_every_address(alice: User, away: object, door: Door) -> None:
    answers = {email: door(Client(), email) for email in (alice.email, NEW)}
    assert [answer.status_code for answer in answers.values()] == [503, 503]
    assert len({without_id(answer).replace(email, "X") for email, answer in answers.items()}) == 1
    assert [sorted(answer.cookies) for answer in answers.values()] == [[], []]
    assert answers[NEW].headers["Retry-After"] == "120"
    assert "Nothing changed." in answers[NEW].content.decode()


def without_id(answer: HttpResponse) -> str:
    return page_without_tokens(answer).replace(answer.headers["X-Request-ID"], "")


def test_it_makes_nobody_and_takes_the_next_try_at_once(stranger: Client, away: Callable[[bool], None]) -> None:
    sign_up(stranger, NEW, PASSWORD)
    assert not User.objects.exists()
    assert not EmailAddress.objects.exists()
    away(False)
    assert sign_up(stranger, NEW, PASSWORD).status_code == 200
    submit_email_code(stranger, code_from_email(mail.outbox[0]))
    assert is_signed_in(stranger)


def test_it_lets_nobody_in_by_the_sign_in_that_was_undone(
    stranger: Client, alice: User, away: Callable[[bool], None]
) -> None:
    EmailAddress.objects.filter(user=alice).update(verified=False)
    answer = sign_in(stranger, alice.email, PASSWORD)
    # Not even that the password was right is remembered.
    assert (answer.status_code, answer.cookies) == (503, {})
    assert not is_signed_in(stranger)
    away(False)
    assert sign_in(stranger, alice.email, PASSWORD).url == reverse("account_email_verification_sent")


def test_it_keeps_the_address_and_the_session_of_who_wanted_another(
    alice: User, authenticator_app: AuthenticatorApp, away: Callable[[bool], None], trail: Trail
) -> None:
    client = Client()
    sign_in_with_code(client, alice, PASSWORD, authenticator_app)
    answer = client.post(reverse("account_email"), {"email": NEW, "action_add": ""})
    assert answer.status_code == 503
    assert [address.email for address in EmailAddress.objects.all()] == [alice.email]
    assert is_signed_in(client)
    assert trail(alice.pk) == ["user_login"]


def test_it_tells_the_operator_why_and_which_request(
    stranger: Client, away: object, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="accounts.mfa.middleware"):
        answer = sign_up(stranger, NEW, PASSWORD)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "accounts.emails.middleware"]
    # Without the address, which the server has repeated.
    assert line == f"mail-not-sent, request {answer.headers['X-Request-ID']}: SMTPDataError 554"
    assert answer.headers["X-Request-ID"] in answer.content.decode()


def test_it_meets_a_port_where_nobody_listens(stranger: Client, settings) -> None:
    settings.EMAIL_BACKEND = SMTP
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert sign_up(stranger, NEW, PASSWORD).status_code == 503
    assert not User.objects.exists()


def test_it_gives_a_silent_server_less_time_than_a_person_has(stranger: Client, settings) -> None:
    assert 0 < mail.get_connection(SMTP).timeout < 5
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_BACKEND, settings.EMAIL_TIMEOUT = SMTP, 0.1
        settings.EMAIL_HOST, settings.EMAIL_PORT = silent.getsockname()
        assert DOORS[0](stranger, NEW).status_code == 503
    assert not User.objects.filter(email=NEW).exists()
