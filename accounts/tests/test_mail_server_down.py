"""If the mail server fails, nothing is stored, all addresses get the same page, and the log has the reason."""

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
SendForm = Callable[[Client, str], HttpResponse]
NEW = "new@example.com"
SMTP = "django.core.mail.backends.smtp.EmailBackend"
FORMS: list[SendForm] = [
    lambda client, email: sign_up(client, email, PASSWORD),
    lambda client, email: client.post(reverse("account_reset_password"), {"email": email}),
]


class RejectingBackend(EmailBackend):
    """A mail server that rejects every email."""

    def send_messages(self, messages: list[EmailMessage]) -> int:
        raise SMTPDataError(554, f"No mail for <{messages[0].to[0]}>".encode())


@pytest.fixture
def mail_server_down(settings) -> Callable[[bool], None]:
    """Make the mail server fail, and return a function that switches that on and off."""
    working_backend = settings.EMAIL_BACKEND

    def switch(is_down: bool) -> None:
        settings.EMAIL_BACKEND = f"{__name__}.RejectingBackend" if is_down else working_backend

    switch(True)
    return switch


@pytest.mark.parametrize("send_form", FORMS, ids=["sign-up", "reset"])
def test_it_shows_the_same_page_for_every_address(alice: User, mail_server_down: object, send_form: SendForm) -> None:
    responses = {email: send_form(Client(), email) for email in (alice.email, NEW)}
    assert [response.status_code for response in responses.values()] == [503, 503]
    assert len({get_page_without_id(response).replace(email, "X") for email, response in responses.items()}) == 1
    assert [sorted(response.cookies) for response in responses.values()] == [[], []]
    assert responses[NEW].headers["Retry-After"] == "120"
    assert "Nothing changed." in responses[NEW].content.decode()


def get_page_without_id(response: HttpResponse) -> str:
    return page_without_tokens(response).replace(response.headers["X-Request-ID"], "")


def test_it_creates_no_user_and_accepts_the_next_sign_up(
    anonymous: Client, mail_server_down: Callable[[bool], None]
) -> None:
    sign_up(anonymous, NEW, PASSWORD)
    assert not User.objects.exists()
    assert not EmailAddress.objects.exists()
    mail_server_down(False)
    assert sign_up(anonymous, NEW, PASSWORD).status_code == 200
    submit_email_code(anonymous, code_from_email(mail.outbox[0]))
    assert is_signed_in(anonymous)


def test_it_signs_nobody_in_if_the_sign_in_was_rolled_back(
    anonymous: Client, alice: User, mail_server_down: Callable[[bool], None]
) -> None:
    EmailAddress.objects.filter(user=alice).update(verified=False)
    response = sign_in(anonymous, alice.email, PASSWORD)
    # Not even a cookie says that the password was right.
    assert (response.status_code, response.cookies) == (503, {})
    assert not is_signed_in(anonymous)
    mail_server_down(False)
    assert sign_in(anonymous, alice.email, PASSWORD).url == reverse("account_email_verification_sent")


def test_it_keeps_address_and_session_at_a_change_of_address(
    alice: User, authenticator_app: AuthenticatorApp, mail_server_down: Callable[[bool], None], trail: Trail
) -> None:
    client = Client()
    sign_in_with_code(client, alice, PASSWORD, authenticator_app)
    response = client.post(reverse("account_email"), {"email": NEW, "action_add": ""})
    assert response.status_code == 503
    assert [address.email for address in EmailAddress.objects.all()] == [alice.email]
    assert is_signed_in(client)
    assert trail(alice.pk) == ["user_login"]


def test_it_logs_the_error_with_the_request_id(
    anonymous: Client, mail_server_down: object, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="accounts.mfa.middleware"):
        response = sign_up(anonymous, NEW, PASSWORD)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "accounts.emails.middleware"]
    # Without the address, which the server's error repeats.
    assert line == f"mail-not-sent, request {response.headers['X-Request-ID']}: SMTPDataError 554"
    assert response.headers["X-Request-ID"] in response.content.decode()


def test_it_responds_with_503_if_the_port_is_closed(anonymous: Client, settings) -> None:
    settings.EMAIL_BACKEND = SMTP
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert sign_up(anonymous, NEW, PASSWORD).status_code == 503
    assert not User.objects.exists()


def test_it_waits_less_than_five_seconds_for_the_mail_server(anonymous: Client, settings) -> None:
    assert 0 < mail.get_connection(SMTP).timeout < 5
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_BACKEND, settings.EMAIL_TIMEOUT = SMTP, 0.1
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.getsockname()
        assert FORMS[0](anonymous, NEW).status_code == 503
    assert not User.objects.filter(email=NEW).exists()
