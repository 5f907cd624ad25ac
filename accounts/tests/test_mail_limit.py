"""However many doors a stranger tries, an address gets fewer than five mails an hour."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import lockout
from accounts.models import User
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import sign_in, sign_up

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("cheap_hash")]

NEW = "new@example.com"


def reset(client: Client, email: str) -> HttpResponse:
    return client.post(reverse("account_reset_password"), {"email": email})


def enter(client: Client, email: str) -> HttpResponse:
    return sign_up(client, email, PASSWORD)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("doors", [[reset, enter], [enter, reset], [reset], [enter]])
def test_it_counts_mails_together(alice: User, doors: list[Callable[[Client, str], HttpResponse]], known: bool) -> None:
    email = alice.email if known else NEW
    with time_machine.travel(timezone.now()) as clock:
        answers = []
        for number in range(10):
            client = Client(REMOTE_ADDR=f"192.0.2.{number}")
            answers.append(doors[number % len(doors)](client, email.upper() if number % 3 else email))
            clock.shift(timedelta(minutes=1))
        assert [answer.status_code == 429 for answer in answers] == [False] * 4 + [True] * 6
        assert len(mail.outbox) == 4
        assert answers[-1].headers["Retry-After"] == "3600"
        clock.shift(timedelta(hours=1))
        assert doors[0](Client(), email).status_code != 429
    assert len(mail.outbox) == 5


def test_it_counts_the_mail_that_ends_a_lock(alice: User) -> None:
    for _ in range(lockout.TRIES):
        lockout.count(alice.email)
    with time_machine.travel(timezone.now()) as clock:
        for number in range(4):
            reset(Client(REMOTE_ADDR=f"192.0.2.{number}"), alice.email)
        clock.shift(timedelta(minutes=20))
        sign_in(Client(), alice.email, "wrong wrong wrong")
    assert [message.subject for message in mail.outbox].count(mail.outbox[0].subject) == 4
    assert len(mail.outbox) == 4
