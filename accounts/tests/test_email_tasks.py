"""Security emails neither block the action that they report nor get lost."""

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
TEMPLATE = "accounts/email/new_browser"
DETAILS = {"timestamp": "2026-11-21T09:40:00+00:00", "ip": "192.0.2.1", "user_agent": FIREFOX}


def fail_to_send(*_: Any, **__: Any) -> None:
    raise SMTPServerDisconnected("please try later")


def test_it_contains_time_device_address_and_a_reset_link(alice: User) -> None:
    send_security_email(TEMPLATE, str(alice.pk), "", DETAILS)
    (message,) = mail.outbox
    assert message.to == [alice.email]
    assert "When: Nov 21, 2026, 9:40 AM UTC" in message.body
    assert "192.0.2.1" in message.body
    assert "Device: Firefox on Linux" in message.body
    assert "https://plumbline.test/accounts/password/reset/" in message.body
    assert message.alternatives == []


def test_it_queues_the_user_agent_header_unparsed(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[Any] = []
    monkeypatch.setattr(send_security_email, "delay", lambda *arguments: queued.append(arguments))
    request = RequestFactory().get("/", headers={"User-Agent": FIREFOX})
    with request_details(request):
        enqueue_security_email(TEMPLATE, user=alice)
    assert [details["user_agent"] for _template, _user, _email, details in queued] == [FIREFOX]


def test_it_sends_to_the_given_address_instead(alice: User) -> None:
    send_security_email(TEMPLATE, str(alice.pk), "old@example.com", DETAILS)
    assert mail.outbox[0].to == ["old@example.com"]


def test_it_sends_nothing_to_an_unknown_user() -> None:
    send_security_email(TEMPLATE, str(uuid4()), "", DETAILS)
    assert mail.outbox == []


def get_wait_after(user: User, retries: int) -> float:
    """Return the seconds before the next attempt, after this many failed ones."""
    send_security_email.push_request(called_directly=False, retries=retries, is_eager=False)
    with pytest.raises(Retry) as retry:
        send_security_email.run(TEMPLATE, str(user.pk), "", DETAILS)
    send_security_email.pop_request()
    return float(retry.value.when)


def test_it_retries_with_growing_waits_for_two_hours(
    alice: User, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    monkeypatch.setattr(sending, "send_email", fail_to_send)
    monkeypatch.setattr(send_security_email, "apply_async", lambda *_, **__: None)
    waits = [get_wait_after(alice, retries) for retries in range(send_security_email.max_retries)]
    assert waits[:4] == [30, 60, 120, 240]
    assert 2 * 3600 <= sum(waits) < 3 * 3600
    # The broker redelivers a job that waits longer, and a second worker would send the same email.
    assert max(waits) < settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] / 2


@pytest.mark.parametrize("failure", [DatabaseAway("gone"), InterfaceError("the connection is closed")])
def test_it_retries_if_the_database_is_unavailable(
    alice: User, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(User.objects, "get", fail)
    monkeypatch.setattr(User.objects, "filter", fail)
    for task, arguments in (
        (send_security_email, [TEMPLATE, str(alice.pk), "", DETAILS]),
        (send_unlock_email, [str(alice.pk)]),
    ):
        monkeypatch.setattr(task, "apply_async", lambda *_, **__: None)
        task.push_request(called_directly=False, is_eager=False)
        with pytest.raises(Retry):
            task.run(*arguments)
        task.pop_request()


def test_it_sends_nothing_if_the_transaction_is_rolled_back(alice: User) -> None:
    with transaction.atomic():
        enqueue_security_email(TEMPLATE, user=alice)
        transaction.set_rollback(True)
    assert mail.outbox == []


def test_it_sends_at_once_if_the_queue_is_unavailable(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_queue_error(*_: object) -> None:
        raise OperationalError("Error 2 connecting to redis.sock")

    monkeypatch.setattr(send_security_email, "delay", raise_queue_error)
    with transaction.atomic():
        enqueue_security_email(TEMPLATE, user=alice)
    assert [message.to for message in mail.outbox] == [[alice.email]]


def test_it_keeps_the_action_if_mail_server_and_queue_fail(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "send_email", fail_to_send)
    with transaction.atomic():
        User.objects.filter(pk=alice.pk).update(first_name="Alicia")
        enqueue_security_email(TEMPLATE, user=alice)
    alice.refresh_from_db()
    assert alice.first_name == "Alicia"
    assert mail.outbox == []


def test_it_queues_a_job_also_for_an_address_without_an_account(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[tuple[object, ...]] = []
    monkeypatch.setattr(send_unlock_email, "delay", lambda *arguments: queued.append(arguments))
    enqueue_unlock_email(alice)
    enqueue_unlock_email(None)
    assert queued == [(str(alice.pk),), ("",)]
    send_unlock_email("")
    assert mail.outbox == []
