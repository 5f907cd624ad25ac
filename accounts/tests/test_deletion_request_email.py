"""The email with the link that cancels a deletion: it is sent until the mail server accepts it, or the link is over."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.deletion import requests, tasks
from accounts.deletion.models import DeletionRequest
from accounts.models import User
from accounts.tests.pages import link_from_email
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)
SUBJECT = "Your account is scheduled for deletion"
NEXT_DISPATCH = timedelta(minutes=10, seconds=1)
Switch = Callable[[bool], None]


@pytest.fixture(autouse=True)
def _run_tasks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run queued emails before the response instead of by a worker a moment later, and erase nothing."""
    task = tasks.send_deletion_request_email
    monkeypatch.setattr(task, "delay", task)
    monkeypatch.setattr(task, "apply_async", lambda args, **_: task(*args))
    monkeypatch.setattr(tasks.erase_account, "apply_async", lambda *_, **__: None)


@pytest.fixture
def unsent(as_alice: Client, alice: User, mail_server_down: Switch) -> User:
    """Alice, who asked for the deletion of her account while the mail server was down."""
    assert as_alice.post(reverse("delete_account"), {"email": alice.email}).status_code == 200
    return alice


@contextmanager
def later(delay: timedelta = NEXT_DISPATCH) -> Iterator[None]:
    with time_machine.travel(timezone.now() + delay):
        yield


def get_request(user: User) -> DeletionRequest:
    with tenant(user.pk):
        return DeletionRequest.objects.get()


def test_it_is_sent_once_when_the_mail_server_is_back(
    unsent: User, mail_server_down: Switch, anonymous: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with later(timedelta(days=3)):
        tasks.dispatch_due_deletions()
    assert f"The email about the deletion of user {unsent.pk} waits: SMTPServerDisconnected" in caplog.text
    assert "alice@example.com" not in caplog.text
    assert get_request(unsent).emailed_at is None
    mail_server_down(False)
    with later(timedelta(days=4)):
        tasks.dispatch_due_deletions()
        assert get_request(unsent).emailed_at is not None
    with later(timedelta(days=5)):
        tasks.dispatch_due_deletions()
    [email] = mail.outbox
    assert (email.to, email.subject) == (["alice@example.com"], SUBJECT)
    assert anonymous.post(link_from_email(email)).status_code == 200
    unsent.refresh_from_db()
    assert unsent.deleted_at is None


def test_it_is_sent_by_the_command_as_well(unsent: User, mail_server_down: Switch) -> None:
    mail_server_down(False)
    with later():
        call_command("purge_deleted", "--dry-run")
        assert mail.outbox == []
        call_command("purge_deleted")
    assert [email.subject for email in mail.outbox] == [SUBJECT]


def test_it_waits_while_the_queue_and_the_mail_server_are_down(
    as_alice: Client, alice: User, mail_server_down: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("Connection refused")

    monkeypatch.setattr(tasks.send_deletion_request_email, "delay", fail)
    assert as_alice.post(reverse("delete_account"), {"email": alice.email}).status_code == 200
    mail_server_down(False)
    with later():
        tasks.dispatch_due_deletions()
    assert [email.subject for email in mail.outbox] == [SUBJECT]


def test_it_is_not_sent_after_the_request_is_canceled(unsent: User, mail_server_down: Switch) -> None:
    requests.cancel_deletion(owner_id=unsent.pk)
    mail_server_down(False)
    with later():
        tasks.dispatch_due_deletions()
        tasks.send_deletion_request_email(str(unsent.pk), str(get_request(unsent).pk))
    assert mail.outbox == []


def test_it_is_not_sent_once_the_time_to_cancel_is_over(unsent: User, mail_server_down: Switch) -> None:
    mail_server_down(False)
    with later(timedelta(days=30, minutes=1)):
        tasks.dispatch_due_deletions()
        tasks.send_deletion_request_email(str(unsent.pk), str(get_request(unsent).pk))
    assert mail.outbox == []


def test_a_duplicate_job_sends_nothing(as_alice: Client, alice: User) -> None:
    as_alice.post(reverse("delete_account"), {"email": alice.email})
    with later():
        tasks.send_deletion_request_email(str(alice.pk), str(get_request(alice).pk))
        tasks.dispatch_due_deletions()
    assert [email.subject for email in mail.outbox] == [SUBJECT]
