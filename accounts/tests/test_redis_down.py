"""Without Redis, attempts cannot be counted, so nobody can sign in. Users who are signed in stay so."""

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
def redis_down(settings) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": NO_SUCH_PORT}}


@pytest.fixture(params=[None, SILENT, WEB_SERVER, b"\x00\xff junk\r\n", b"+"], ids=range(5))
def broken_redis(request: pytest.FixtureRequest, settings) -> Iterator[None]:
    """A closed port instead of Redis, or another program that sends these bytes."""
    if request.param is None:
        request.getfixturevalue("redis_down")
        yield
        return
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        threading.Thread(target=respond_to_all, args=(server, request.param), daemon=True).start()
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": url}}
        yield


def respond_to_all(server: socket.socket, data: bytes) -> None:
    """Send every client the same bytes and close the connection. Without bytes, keep it open."""
    connections = []
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            connections.append(connection)
            if data:
                connection.recv(1000)
                connection.sendall(data)
                connection.close()


def test_it_rejects_the_right_password_with_too_many_requests(
    anonymous: Client, alice: User, broken_redis: None
) -> None:
    response = sign_in(anonymous, alice.email, PASSWORD)
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "60"
    assert "Too many requests" in response.content.decode()
    assert not is_signed_in(anonymous)


def test_it_rejects_codes(alice: User, authenticator_app: AuthenticatorApp, request: pytest.FixtureRequest) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    request.getfixturevalue("redis_down")
    response = submit_code(client, authenticator_app.code())
    assert (response.status_code, response.headers["Retry-After"]) == (429, "900")
    decline_trust(client)
    assert not is_signed_in(client)


def test_it_rejects_sign_ups_and_resets_and_sends_nothing(anonymous: Client, alice: User, redis_down: None) -> None:
    assert sign_up(anonymous, "new@example.com", PASSWORD).status_code == 429
    assert anonymous.post(reverse("account_reset_password"), {"email": alice.email}).status_code == 429
    assert anonymous.post(reverse("mfa_login_webauthn"), {"credential": "{}"}).status_code == 429
    assert User.objects.count() == 1
    assert mail.outbox == []


def test_it_keeps_signed_in_users_signed_in(as_alice: Client, redis_down: None) -> None:
    assert is_signed_in(as_alice)
    assert as_alice.get(reverse("security")).status_code == 200
    as_alice.post(reverse("account_logout"))
    assert not is_signed_in(as_alice)
