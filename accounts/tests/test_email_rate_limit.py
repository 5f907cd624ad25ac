"""An address gets few mails that strangers cause, and its owner is never kept out by them."""

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


def reset(client: Client, email: str) -> HttpResponse:
    return client.post(reverse("account_reset_password"), {"email": email})


def enter(client: Client, email: str) -> HttpResponse:
    return sign_up(client, email, PASSWORD)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("door", [reset, enter])
def test_it_counts_the_mails_of_a_door(alice: User, door: Callable[[Client, str], HttpResponse], known: bool) -> None:
    email = alice.email if known else NEW
    with time_machine.travel(timezone.now()) as clock:
        answers = []
        for number in range(10):
            client = Client(REMOTE_ADDR=f"192.0.2.{number}")
            answers.append(door(client, email.upper() if number % 3 else email))
            clock.shift(timedelta(minutes=1))
        assert [answer.status_code == 429 for answer in answers] == [False] * 4 + [True] * 6
        assert len(mail.outbox) == 4
        assert answers[-1].headers["Retry-After"] == "3600"
        clock.shift(timedelta(hours=1))
        assert door(Client(), email).status_code != 429
    assert len(mail.outbox) == 5


def test_it_keeps_nobody_from_a_new_password_by_other_mails(alice: User) -> None:
    with time_machine.travel(timezone.now()) as clock:
        for number in range(6):
            enter(Client(REMOTE_ADDR=f"192.0.2.{number}"), alice.email)
            clock.shift(timedelta(seconds=15))
        for _ in range(lockout.FAILURES_BEFORE_LOCKOUT - 1):
            lockout.record_failure(alice.email)
        sign_in(Client(), alice.email, "wrong wrong wrong")
        assert reset(Client(), alice.email).status_code == 302
    links = [message.body for message in mail.outbox[4:]]
    assert ["/unlock/" in links[0], "/reset/key/" in links[1], len(links)] == [True, True, 2]


def tries_then_resets(email: str) -> list[int]:
    """What a stranger hears who locks an address with wrong passwords and then asks for new ones."""
    with time_machine.travel(timezone.now()) as clock:
        for number in range(lockout.FAILURES_BEFORE_LOCKOUT + 2):
            sign_in(Client(REMOTE_ADDR=f"192.0.3.{number}"), email, "wrong wrong wrong")
            clock.shift(timedelta(minutes=4))
        return [reset(Client(REMOTE_ADDR=f"192.0.2.{number}"), email).status_code for number in range(5)]


def test_it_does_not_tell_by_a_limit_who_has_an_account(alice: User) -> None:
    assert tries_then_resets(alice.email) == tries_then_resets(NEW) == [302, 302, 302, 302, 429]
