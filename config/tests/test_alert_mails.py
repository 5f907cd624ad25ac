"""Digest mails from real worker processes that are killed, to a mail server that delays its responses."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import NotificationSettings, User
from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from accounts.notifications.tasks import dispatch_due_digests
from accounts.tests.messages import PlainMessage
from compliance.isolation import tenant
from config.tests.processes import wait_until
from config.tests.programs import run_worker, use_own_queue

pytestmark = pytest.mark.django_db(transaction=True)

Query = Callable[..., list[tuple[object, ...]]]


class Mailbox(socketserver.ThreadingTCPServer):
    """Receives every mail, and confirms it as soon as ``open`` is set."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SmtpSession)
        self.received_mails: list[Message] = []
        self.open = threading.Event()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class SmtpSession(socketserver.StreamRequestHandler):
    """The server's side of an SMTP session. Source: RFC 5321, appendix D.1."""

    server: Mailbox

    def handle(self) -> None:
        self.send("220 mailbox")
        while line := self.rfile.readline():
            if line[:4].upper() == b"DATA":
                self.send("354 go on")
                self.server.received_mails.append(message_from_bytes(b"".join(iter(self.rfile.readline, b".\r\n"))))
                self.server.open.wait()
            self.send("250 ok")

    def send(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with Mailbox() as server:
        monkeypatch.setenv("EMAIL_URL", server.url)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.open.set()
        server.shutdown()


@pytest.fixture
def alerted_user(alice: User) -> User:
    """Alice, who has just got a notification."""
    message = PlainMessage(title="A name was added: MALLORY")
    notify(user_id=alice.pk, type=NotificationType.CREDIT_IDENTITY, message=message, fingerprint="1")
    return alice


def expire_claim(user: User) -> None:
    """Make the claim of a worker on the user's digest expire."""
    with tenant(user.pk):
        NotificationSettings.objects.update(digest_due_at=timezone.now() - timedelta(seconds=1))


def count_sent(query: Query, user: User) -> int:
    """The number of sent digests in the user's audit trail."""
    ((count,),) = query("SELECT count(*) FROM audit_event WHERE subject = %s AND action = 'digest_sent'", user.pk)
    return int(str(count))


def test_it_sends_a_digest_again_when_the_worker_is_killed(
    mailbox: Mailbox, alerted_user: User, as_operator: Query
) -> None:
    with use_own_queue(uuid4().hex) as queue:
        with run_worker(queue) as working:
            dispatch_due_digests()
            wait_until(lambda: len(mailbox.received_mails) == 1)
            working.kill()
        assert count_sent(as_operator, alerted_user) == 0
        mailbox.open.set()
        with run_worker(queue):
            # When the queue delivers the task again, the digest is still claimed.
            expire_claim(alerted_user)
            dispatch_due_digests()
            wait_until(lambda: count_sent(as_operator, alerted_user) == 1)
    first, second = mailbox.received_mails
    assert first["Message-ID"] == second["Message-ID"]
    assert "MALLORY" not in first.as_string() + second.as_string()


def test_it_sends_a_digest_once_from_two_workers(mailbox: Mailbox, alerted_user: User, as_operator: Query) -> None:
    mailbox.open.set()
    with use_own_queue(uuid4().hex) as queue, run_worker(queue), run_worker(queue):
        for expected in (1, 2):
            for _ in range(3):
                dispatch_due_digests()
            wait_until(lambda expected=expected: count_sent(as_operator, alerted_user) == expected)
            message = PlainMessage(title="Another thing")
            notify(user_id=alerted_user.pk, type=NotificationType.LOW_RUNWAY, message=message, fingerprint="2")
    assert len(mailbox.received_mails) == 2
