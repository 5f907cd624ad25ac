"""The erasure of an account: when it is due or at once, with a signed receipt, and nothing comes back."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.deletion import emails, erasure, requests, tasks
from accounts.deletion.models import DeletionRequest
from accounts.models import User
from accounts.sign_in.auth_backend import AuthBackend
from accounts.tests.conftest import AFTER_GRACE_PERIOD, PASSWORD, Trail
from accounts.tests.pages import is_signed_in, sign_in
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from compliance.models import DataKey, ErasureReceipt

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("run_deletion_tasks_at_once")]


def get_receipt(user_id: UUID) -> ErasureReceipt | None:
    with tenant(user_id):
        return ErasureReceipt.objects.first()


def test_it_erases_an_account_that_is_due_and_sends_a_signed_receipt(
    pending: DeletionRequest, alice: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mail.outbox.clear()
    assert list(erasure.iterate_due_deletions(at=timezone.now())) == []
    with time_machine.travel(timezone.now() + AFTER_GRACE_PERIOD):
        assert list(erasure.iterate_due_deletions(at=timezone.now())) == [alice.pk]
        tasks.erase_account(str(alice.pk))
        tasks.erase_account(str(alice.pk))
        assert list(erasure.iterate_due_deletions(at=timezone.now())) == []
    assert not User.objects.filter(pk=alice.pk).exists()
    [email] = mail.outbox
    assert (email.to, email.subject) == (["alice@example.com"], "Your account was deleted")
    [(name, content, kind)] = email.attachments
    receipt = get_receipt(alice.pk)
    assert (name, kind) == ("plumbline-deletion-receipt.json", "application/json")
    assert receipt.is_genuine()
    document = json.loads(receipt.document)
    assert document["account"] == str(alice.pk)
    assert document["deleted"]["accounts.User"] == 1
    assert document["deleted"]["compliance.DataKey"] == 1
    assert "compliance.AuditEvent" in document["kept"]
    assert "alice" not in receipt.document

    file = tmp_path / name
    file.write_text(content)
    call_command("verify_receipt", file)
    assert capsys.readouterr().out.strip() == receipt.document
    file.write_text(content.replace("accounts.User", "accounts.Uzer"))
    with pytest.raises(CommandError, match="changed"):
        call_command("verify_receipt", file)


@pytest.mark.parametrize(
    "content", [b"[]", b"", b"\xff", b"[" * 100_000, b'{"document": 1}', b'{"document": "", "key_id": "sig"}']
)
def test_it_says_that_a_file_is_no_receipt(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "receipt.json"
    file.write_bytes(content)
    with pytest.raises(CommandError, match="not a receipt"):
        call_command("verify_receipt", file)


def test_it_erases_at_once_when_the_user_says_so(as_alice: Client, alice: User) -> None:
    response = as_alice.post(reverse("erase_account"), {"email": alice.email})
    assert "We email a receipt to alice@example.com" in response.content.decode()
    assert not User.objects.filter(pk=alice.pk).exists()
    assert [email.subject for email in mail.outbox] == ["Your account was deleted"]
    assert not is_signed_in(as_alice)


def test_a_session_that_comes_back_after_the_erasure_is_signed_out(as_alice: Client, alice: User) -> None:
    """As one does that another process stores late, or that is restored from a backup."""
    stored = list(Session.objects.all())
    cookies = as_alice.cookies.copy()
    as_alice.post(reverse("erase_account"), {"email": alice.email})
    client = Client(headers={"Sec-GPC": "1"})
    for name in ("overview", "security", "exports", "agree", "deletion_pending", "help", "home", "account_login"):
        Session.objects.bulk_create(stored, ignore_conflicts=True)
        client.cookies.update(cookies)
        assert [client.get(reverse(name)).status_code in (200, 302), is_signed_in(client)] == [True, False], name
    for name in ("account_logout", "do_not_sell", "request_export", "account_login", "erase_account"):
        Session.objects.bulk_create(stored, ignore_conflicts=True)
        client.cookies.update(cookies)
        assert [client.post(reverse(name)).status_code in (200, 302, 422), is_signed_in(client)] == [True, False], name


@pytest.mark.parametrize("name", ["overview", "security", "exports", "request_export", "agree", "do_not_sell", "help"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_request_whose_user_is_erased_meanwhile_does_not_fail(
    as_alice: Client, alice: User, monkeypatch: pytest.MonkeyPatch, method: str, name: str
) -> None:
    """Right after the session's user was read."""
    get_user = AuthBackend.get_user

    def erase_after(self: AuthBackend, user_id: object) -> User | None:
        user = get_user(self, user_id)
        monkeypatch.undo()
        requests.request_deletion(user=alice, at_once=True)
        assert erasure.erase_account(owner_id=alice.pk) is not None
        return user

    monkeypatch.setattr(AuthBackend, "get_user", erase_after)
    as_alice.raise_request_exception = False
    response = getattr(as_alice, method)(reverse(name), headers={"Sec-GPC": "1"})
    assert response.status_code < 500
    assert not is_signed_in(as_alice)
    with tenant(alice.pk):
        assert not DataKey.objects.exists()


def test_it_erases_at_once_in_the_thirty_days(pending: DeletionRequest, alice: User) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    assert client.get(reverse("erase_account")).status_code == 200
    client.post(reverse("erase_account"), {"email": alice.email})
    assert not User.objects.filter(pk=alice.pk).exists()


def test_the_trail_stays_and_its_details_are_unreadable(as_alice: Client, alice: User, trail: Trail) -> None:
    as_alice.post(reverse("erase_account"), {"email": alice.email})
    assert trail(alice.pk)[-1] == "account_deleted"
    with tenant(alice.pk):
        assert not DataKey.objects.exists()
        payloads = [bytes(event.payload) for event in AuditEvent.objects.filter(subject=alice.pk)]
    assert payloads
    assert not any(b"192.0.2" in payload or b"alice" in payload for payload in payloads)


def test_nothing_is_encrypted_again_for_an_erased_person(as_alice: Client, alice: User) -> None:
    from compliance.vault import seal
    from compliance.vault.errors import KeyDestroyed

    as_alice.post(reverse("erase_account"), {"email": alice.email})
    for autonomous in (False, True):
        with pytest.raises(KeyDestroyed), tenant(alice.pk):
            seal(b"new", owner=alice.pk, aad=b"", autonomous=autonomous)
    with tenant(alice.pk):
        assert not DataKey.objects.exists()


def test_the_address_can_sign_up_again(as_alice: Client, alice: User, make_user: Callable[..., User]) -> None:
    as_alice.post(reverse("erase_account"), {"email": alice.email})
    assert make_user("alice").pk != alice.pk


def test_operators_erase_what_is_due(
    pending: DeletionRequest, alice: User, mallory: User, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("purge_deleted")
    assert capsys.readouterr().out == ""
    with time_machine.travel(timezone.now() + AFTER_GRACE_PERIOD):
        call_command("purge_deleted", dry_run=True)
        assert User.objects.filter(pk=alice.pk).exists()
        call_command("purge_deleted")
    assert capsys.readouterr().out == f"{alice.pk} is due.\n{alice.pk} is erased.\n"
    assert list(User.objects.values_list("pk", flat=True)) == [mallory.pk]


def test_no_email_that_cannot_be_written_stops_an_erasure(
    pending: DeletionRequest, alice: User, mallory: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even by an error that no mail server causes."""

    def fail(*arguments: object) -> None:
        raise ValueError("A template is broken.")

    with time_machine.travel(timezone.now() + AFTER_GRACE_PERIOD):
        requests.request_deletion(user=mallory)
        monkeypatch.setattr(emails, "send_request_email", fail)
        with pytest.raises(ValueError, match="template"):
            call_command("purge_deleted")
    assert list(User.objects.values_list("pk", flat=True)) == [mallory.pk]


@pytest.fixture
def failing_erasure(pending: DeletionRequest, mallory: User, monkeypatch: pytest.MonkeyPatch) -> DeletionRequest:
    """Alice's request, whose erasure fails, and one of Mallory's that is due at the same moment or later."""
    requests.request_deletion(user=mallory)
    erase_person = erasure.erase_person

    def fail_for_alice(*, owner: UUID, requested_at: datetime) -> ErasureReceipt:
        if owner == pending.owner_id:
            raise ValueError("A row could not be deleted.")
        return erase_person(owner=owner, requested_at=requested_at)

    monkeypatch.setattr(erasure, "erase_person", fail_for_alice)
    return pending


def test_an_erasure_that_fails_does_not_stop_those_of_others(
    failing_erasure: DeletionRequest, alice: User, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        time_machine.travel(timezone.now() + AFTER_GRACE_PERIOD),
        pytest.raises(CommandError, match="1 account could not be erased"),
    ):
        call_command("purge_deleted")
    assert list(User.objects.values_list("pk", flat=True)) == [alice.pk]
    assert f"{alice.pk} failed: ValueError" in capsys.readouterr().err
    assert f"The account of user {alice.pk} could not be erased" in caplog.text


@pytest.mark.parametrize("delay", [timedelta(), timedelta(seconds=1)])
def test_it_queues_all_that_are_due_also_behind_those_that_fail(
    failing_erasure: DeletionRequest, alice: User, mallory: User, monkeypatch: pytest.MonkeyPatch, delay: timedelta
) -> None:
    with tenant(mallory.pk):
        DeletionRequest.objects.update(due_at=failing_erasure.due_at + delay)
    queued: list[str] = []
    monkeypatch.setattr(erasure, "PAGE_SIZE", 1)
    monkeypatch.setattr(tasks.erase_account, "apply_async", lambda args, **_: queued.append(*args))
    with time_machine.travel(timezone.now() + AFTER_GRACE_PERIOD):
        tasks.dispatch_due_deletions()
    assert queued == [str(alice.pk), str(mallory.pk)]
