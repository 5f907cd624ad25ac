"""Without Redis nobody can count tries, so nobody is let in; people who are in stay in."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import is_signed_in, sign_in, sign_up
from accounts.tests.totp import AuthenticatorApp, decline_trust, submit_code

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cheap_hash")]


NO_SUCH_PORT = "redis://127.0.0.1:1/0"
WEB_SERVER, SILENT = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", b""


@pytest.fixture
def away(settings) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": NO_SUCH_PORT}}


@pytest.fixture(params=[None, SILENT, WEB_SERVER, b"\x00\xff junk\r\n", b"+"], ids=range(5))
def no_redis(request: pytest.FixtureRequest, settings) -> Iterator[None]:
    """Nobody on Redis's port, or a program that is something else and gives this answer."""
    if request.param is None:
        request.getfixturevalue("away")
        yield
        return
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        threading.Thread(target=answer_all, args=(server, request.param), daemon=True).start()
        place = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": place}}
        yield


def answer_all(server: socket.socket, answer: bytes) -> None:
    """Give everybody the same answer and hang up; without one, keep them waiting."""
    waiting = []
    with suppress(OSError):
        while True:
            caller, _ = server.accept()
            waiting.append(caller)
            if answer:
                caller.recv(1000)
                caller.sendall(answer)
                caller.close()


def test_it_answers_too_many_tries_to_the_right_password_too(stranger: Client, alice: User, no_redis: None) -> None:
    answer = sign_in(stranger, alice.email, PASSWORD)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"
    assert "Too many requests" in answer.content.decode()
    assert not is_signed_in(stranger)


def test_it_takes_no_code(alice: User, authenticator_app: AuthenticatorApp, request: pytest.FixtureRequest) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    request.getfixturevalue("away")
    answer = submit_code(client, authenticator_app.code())
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "900")
    decline_trust(client)
    assert not is_signed_in(client)


def test_it_signs_nobody_up_and_sends_nothing(stranger: Client, alice: User, away: None) -> None:
    assert sign_up(stranger, "new@example.com", PASSWORD).status_code == 429
    assert stranger.post(reverse("account_reset_password"), {"email": alice.email}).status_code == 429
    assert stranger.post(reverse("mfa_login_webauthn"), {"credential": "{}"}).status_code == 429
    assert User.objects.count() == 1
    assert mail.outbox == []


def test_it_keeps_people_in_who_are_in(as_alice: Client, away: None) -> None:
    assert is_signed_in(as_alice)
    assert as_alice.get(reverse("security")).status_code == 200
    as_alice.post(reverse("account_logout"))
    assert not is_signed_in(as_alice)
