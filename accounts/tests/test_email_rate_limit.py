"""Anonymous requests cause few emails to an address, and never lock its owner out."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.sign_in import lockout
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import sign_in, sign_up

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cheap_hash")]

NEW = "new@example.com"


def request_reset(client: Client, email: str) -> HttpResponse:
    return client.post(reverse("account_reset_password"), {"email": email})


def register(client: Client, email: str) -> HttpResponse:
    return sign_up(client, email, PASSWORD)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("send_form", [request_reset, register])
def test_it_sends_four_emails_an_hour_for_each_form(
    alice: User, send_form: Callable[[Client, str], HttpResponse], known: bool
) -> None:
    email = alice.email if known else NEW
    with time_machine.travel(timezone.now()) as clock:
        responses = []
        for number in range(10):
            client = Client(REMOTE_ADDR=f"192.0.2.{number}")
            responses.append(send_form(client, email.upper() if number % 3 else email))
            clock.shift(timedelta(minutes=1))
        assert [response.status_code == 429 for response in responses] == [False] * 4 + [True] * 6
        assert len(mail.outbox) == 4
        assert responses[-1].headers["Retry-After"] == "3600"
        clock.shift(timedelta(hours=1))
        assert send_form(Client(), email).status_code != 429
    assert len(mail.outbox) == 5


def test_it_still_sends_reset_and_unlock_links_after_other_emails(alice: User) -> None:
    with time_machine.travel(timezone.now()) as clock:
        for number in range(6):
            register(Client(REMOTE_ADDR=f"192.0.2.{number}"), alice.email)
            clock.shift(timedelta(seconds=15))
        for _ in range(lockout.FAILURES_BEFORE_LOCKOUT - 1):
            lockout.record_failure(alice.email)
        sign_in(Client(), alice.email, "wrong wrong wrong")
        assert request_reset(Client(), alice.email).status_code == 302
    links = [message.body for message in mail.outbox[4:]]
    assert ["/unlock/" in links[0], "/reset/key/" in links[1], len(links)] == [True, True, 2]


def lock_then_reset(email: str) -> list[int]:
    """Lock an address with wrong passwords, request password resets, and return the statuses of those."""
    with time_machine.travel(timezone.now()) as clock:
        for number in range(lockout.FAILURES_BEFORE_LOCKOUT + 2):
            sign_in(Client(REMOTE_ADDR=f"192.0.3.{number}"), email, "wrong wrong wrong")
            clock.shift(timedelta(minutes=4))
        return [request_reset(Client(REMOTE_ADDR=f"192.0.2.{number}"), email).status_code for number in range(5)]


def test_it_limits_known_and_unknown_addresses_alike(alice: User) -> None:
    assert lock_then_reset(alice.email) == lock_then_reset(NEW) == [302, 302, 302, 302, 429]
