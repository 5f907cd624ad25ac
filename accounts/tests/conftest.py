"""Fixtures of accounts' tests: users with passwords, own rate limits, deletions, changed texts, and the audit trail."""

import shutil
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from smtplib import SMTPServerDisconnected
from uuid import UUID

import pytest
import time_machine
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.utils import timezone

from accounts.deletion import requests, tasks
from accounts.deletion.models import DeletionRequest
from accounts.emails.tasks import send_security_email
from accounts.models import User
from accounts.sign_in.tasks import send_unlock_email
from accounts.tests.totp import PERIOD, AuthenticatorApp, add_authenticator_app, sign_in_with_code
from compliance.audit.events import AuditEvent
from compliance.consent import legal_texts
from compliance.consent.legal_texts import read_documents
from compliance.isolation import tenant

PASSWORD = "correct horse battery staple"
OTHER_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
AFTER_GRACE_PERIOD = timedelta(days=30, minutes=1)
# What the fixture ``publish_new_version`` publishes.
NEW_VERSION = "2030-01-01"
NEW_WORDS = "I agree to something new."
# The type of the fixture ``trail``.
Trail = Callable[[UUID], list[str]]


class DisconnectingBackend(EmailBackend):
    """A mail server that ends each connection, and says for whom."""

    def send_messages(self, messages: list[EmailMessage]) -> int:
        raise SMTPServerDisconnected(f"No mail for {messages[0].to[0]}")


@pytest.fixture(autouse=True)
def _own_rate_limits(own_cache: None) -> None:
    """Count attempts apart from other tests."""


@pytest.fixture(autouse=True)
def _start_of_totp_period() -> Iterator[None]:
    """Begin each test just after the codes of authenticator apps changed, so that none changes during it."""
    with time_machine.travel(time.time() // PERIOD * PERIOD + PERIOD):
        yield


@pytest.fixture(autouse=True)
def _send_emails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send queued emails before the response instead of by a worker a moment later."""
    for task in (send_security_email, send_unlock_email):
        monkeypatch.setattr(task, "delay", task)


@pytest.fixture
def mail_server_down(settings) -> Callable[[bool], None]:
    """Make the mail server fail, and return a function that switches that on and off."""
    working_backend = settings.EMAIL_BACKEND

    def switch(is_down: bool) -> None:
        settings.EMAIL_BACKEND = f"{__name__}.DisconnectingBackend" if is_down else working_backend

    switch(True)
    return switch


@pytest.fixture
def cheap_hash(settings) -> None:
    """Hash passwords by MD5, for tests that sign in often."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def authenticator_app(alice: User) -> AuthenticatorApp:
    """Alice's authenticator app, enrolled yesterday."""
    return add_authenticator_app(alice)


@pytest.fixture
def anonymous(db: None) -> Client:
    """A client that is not signed in."""
    return Client()


@pytest.fixture
def alice(make_user: Callable[..., User]) -> User:
    """Alice with a password."""
    return make_user("alice", PASSWORD)


@pytest.fixture
def root(make_user: Callable[..., User]) -> User:
    """Root with a password, who has signed in before."""
    user = make_user("root", PASSWORD)
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True, last_login=timezone.now())
    user.refresh_from_db()
    return user


@pytest.fixture
def operator(root: User) -> Client:
    """Root, signed in with an authenticator app."""
    client = Client()
    sign_in_with_code(client, root, PASSWORD, add_authenticator_app(root, OTHER_SECRET))
    return client


@pytest.fixture
def run_deletion_tasks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run queued jobs before the response instead of by a worker a moment later."""
    for task in (tasks.send_deletion_request_email, tasks.erase_account):
        monkeypatch.setattr(task, "delay", task)


@pytest.fixture
def pending(alice: User) -> DeletionRequest:
    """A request of Alice's to delete her account."""
    alice.set_password(PASSWORD)
    alice.save()
    return requests.request_deletion(user=alice)


@pytest.fixture
def publish_new_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Publish a new version of a text for one test."""
    folder = tmp_path / "legal"
    shutil.copytree(legal_texts.FOLDER, folder)

    def publish(document: str) -> None:
        (folder / document / f"{NEW_VERSION}.txt").write_text(f"Title\n\n{NEW_WORDS}\n")
        read_documents.cache_clear()

    monkeypatch.setattr(legal_texts, "FOLDER", folder)
    yield publish
    read_documents.cache_clear()


@pytest.fixture
def trail() -> Trail:
    """Read the actions in a user's audit trail, oldest first."""

    def read(owner: UUID) -> list[str]:
        with tenant(owner):
            return list(AuditEvent.objects.filter(subject=owner).order_by("id").values_list("action", flat=True))

    return read
