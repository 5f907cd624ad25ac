"""Notices by mail, which neither stop what they speak of nor get lost."""

from smtplib import SMTPServerDisconnected
from typing import Any
from uuid import uuid4

import pytest
from celery.exceptions import Retry
from django.conf import LazySettings
from django.core import mail
from django.db import InterfaceError, transaction
from django.db import OperationalError as DatabaseAway
from django.test import RequestFactory
from kombu.exceptions import OperationalError

from accounts.emails import sending
from accounts.emails.tasks import enqueue_security_email, send_security_email
from accounts.models import User
from accounts.sign_in.tasks import enqueue_unlock_email, send_unlock_email
from compliance.audit.request_details import request_details

pytestmark = pytest.mark.django_db(transaction=True)

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NOTICE = "accounts/email/new_browser"
FACTS = {"timestamp": "2026-11-21T09:40:00+00:00", "ip": "192.0.2.1", "user_agent": FIREFOX}


def fail_to_send(*_: Any, **__: Any) -> None:
    raise SMTPServerDisconnected("please try later")


def test_it_says_when_and_from_where_and_how_to_react(alice: User) -> None:
    send_security_email(NOTICE, str(alice.pk), "", FACTS)
    (message,) = mail.outbox
    assert message.to == [alice.email]
    assert "When: Nov 21, 2026, 9:40 AM UTC" in message.body
    assert "192.0.2.1" in message.body
    assert "Device: Firefox on Linux" in message.body
    assert "https://plumbline.test/accounts/password/reset/" in message.body
    assert message.alternatives == []


def test_it_queues_a_header_and_no_sentence(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[Any] = []
    monkeypatch.setattr(send_security_email, "delay", lambda *arguments: queued.append(arguments))
    request = RequestFactory().get("/", headers={"User-Agent": FIREFOX})
    with request_details(request):
        enqueue_security_email(NOTICE, user=alice)
    assert [facts["user_agent"] for _template, _user, _email, facts in queued] == [FIREFOX]


def test_it_writes_to_another_address_when_that_one_is_concerned(alice: User) -> None:
    send_security_email(NOTICE, str(alice.pk), "old@example.com", FACTS)
    assert mail.outbox[0].to == ["old@example.com"]


def test_it_writes_to_nobody_who_is_gone() -> None:
    send_security_email(NOTICE, str(uuid4()), "", FACTS)
    assert mail.outbox == []


def wait_after(user: User, retries: int) -> float:
    """How many seconds a notice waits that could not be sent so often before."""
    send_security_email.push_request(called_directly=False, retries=retries, is_eager=False)
    with pytest.raises(Retry) as retry:
        send_security_email.run(NOTICE, str(user.pk), "", FACTS)
    send_security_email.pop_request()
    return float(retry.value.when)


def test_it_tries_again_later(alice: User, monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    monkeypatch.setattr(sending, "send_email", fail_to_send)
    monkeypatch.setattr(send_security_email, "apply_async", lambda *_, **__: None)
    waits = [wait_after(alice, retries) for retries in range(send_security_email.max_retries)]
    assert waits[:4] == [30, 60, 120, 240]
    assert 2 * 3600 <= sum(waits) < 3 * 3600
    # The broker takes a job that waits longer for a lost one, and a second worker would send the same mail.
    assert max(waits) < settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] / 2


@pytest.mark.parametrize("failure", [DatabaseAway("gone"), InterfaceError("the connection is closed")])
def test_it_tries_again_when_the_database_was_away(
    alice: User, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(User.objects, "get", fail)
    monkeypatch.setattr(User.objects, "filter", fail)
    for task, told in (
        (send_security_email, [NOTICE, str(alice.pk), "", FACTS]),
        (send_unlock_email, [str(alice.pk)]),
    ):
        monkeypatch.setattr(task, "apply_async", lambda *_, **__: None)
        task.push_request(called_directly=False, is_eager=False)
        with pytest.raises(Retry):
            task.run(*told)
        task.pop_request()


def test_it_sends_nothing_of_what_did_not_happen(alice: User) -> None:
    with transaction.atomic():
        enqueue_security_email(NOTICE, user=alice)
        transaction.set_rollback(True)
    assert mail.outbox == []


def test_it_sends_at_once_when_the_queue_is_away(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_queue_error(*_: object) -> None:
        raise OperationalError("Error 2 connecting to redis.sock")

    monkeypatch.setattr(send_security_email, "delay", raise_queue_error)
    with transaction.atomic():
        enqueue_security_email(NOTICE, user=alice)
    assert [message.to for message in mail.outbox] == [[alice.email]]


def test_it_lets_the_deed_stand_when_both_are_away(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "send_email", fail_to_send)
    with transaction.atomic():
        User.objects.filter(pk=alice.pk).update(first_name="Alicia")
        enqueue_security_email(NOTICE, user=alice)
    alice.refresh_from_db()
    assert alice.first_name == "Alicia"
    assert mail.outbox == []


def test_it_queues_the_same_job_for_an_address_without_an_account(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[tuple[object, ...]] = []
    monkeypatch.setattr(send_unlock_email, "delay", lambda *arguments: queued.append(arguments))
    enqueue_unlock_email(alice)
    enqueue_unlock_email(None)
    assert queued == [(str(alice.pk),), ("",)]
    send_unlock_email("")
    assert mail.outbox == []
