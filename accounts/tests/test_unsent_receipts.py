"""Receipts of erasures whose email could not be sent: the sealed address, the next attempts, and the end of both."""

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from os import urandom
from uuid import UUID

import pytest
import time_machine
from django.conf import LazySettings
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from accounts.deletion import erasure, requests, tasks, unsent_receipts
from accounts.deletion.models import UnsentReceipt
from accounts.models import User
from compliance.isolation import SYSTEM, tenant
from compliance.signing import public_keys
from compliance.vault import data_keys

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops"])
NEXT_DISPATCH = timedelta(minutes=10, seconds=1)


@pytest.fixture(autouse=True)
def _run_tasks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run what the dispatch queues, instead of a worker a moment later."""
    monkeypatch.setattr(tasks.send_receipt, "apply_async", lambda args, **_: tasks.send_receipt(*args))


@pytest.fixture
def due(alice: User) -> User:
    """Alice, whose deletion is due."""
    requests.request_deletion(user=alice, at_once=True)
    mail.outbox.clear()
    return alice


def list_unsent() -> list[UnsentReceipt]:
    with tenant(SYSTEM):
        return list(UnsentReceipt.objects.all())


def test_it_stores_no_address_once_the_receipt_is_sent(due: User) -> None:
    tasks.erase_account(str(due.pk))
    assert [email.to for email in mail.outbox] == [["alice@example.com"]]
    assert list_unsent() == []


def test_it_sends_a_receipt_that_waited_and_deletes_the_address(
    due: User, mail_server_down: Callable[[bool], None], caplog: pytest.LogCaptureFixture
) -> None:
    tasks.erase_account(str(due.pk))
    assert not User.objects.filter(pk=due.pk).exists()
    assert [unsent.account for unsent in list_unsent()] == [due.pk]
    assert f"The receipt of user {due.pk} waits: SMTPServerDisconnected" in caplog.text
    assert "alice@example.com" not in caplog.text
    mail_server_down(False)
    tasks.dispatch_due_deletions()
    assert mail.outbox == []
    with time_machine.travel(timezone.now() + NEXT_DISPATCH):
        tasks.dispatch_due_deletions()
        tasks.dispatch_due_deletions()
    [email] = mail.outbox
    assert (email.to, email.subject) == (["alice@example.com"], "Your account was deleted")
    [(_name, content, _kind)] = email.attachments
    assert json.loads(json.loads(content)["document"])["account"] == str(due.pk)
    assert list_unsent() == []


def test_it_keeps_the_address_for_seven_days_and_no_longer(
    due: User, mail_server_down: Callable[[bool], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Even if only an operator's daily job runs: the first attempt after six days is the last one."""
    now = timezone.now()
    tasks.erase_account(str(due.pk))
    with time_machine.travel(now + timedelta(days=6) - timedelta(minutes=5)):
        tasks.dispatch_due_deletions()
        assert len(list_unsent()) == 1
    with time_machine.travel(now + timedelta(days=6, minutes=5)):
        tasks.dispatch_due_deletions()
    assert (list_unsent(), mail.outbox) == ([], [])
    assert f"The receipt of user {due.pk} could not be sent in 6 days" in caplog.text


def test_it_deletes_no_address_before_an_attempt_on_a_working_server(
    due: User, mail_server_down: Callable[[bool], None]
) -> None:
    """As when neither Celery beat nor the command ran for eight days."""
    tasks.erase_account(str(due.pk))
    mail_server_down(False)
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        tasks.dispatch_due_deletions()
    assert [email.to for email in mail.outbox] == [["alice@example.com"]]
    assert list_unsent() == []


def test_the_command_sends_the_receipts_that_wait(
    due: User, mail_server_down: Callable[[bool], None], capsys: pytest.CaptureFixture[str]
) -> None:
    tasks.erase_account(str(due.pk))
    mail_server_down(False)
    with time_machine.travel(timezone.now() + NEXT_DISPATCH):
        call_command("purge_deleted", "--dry-run")
        assert mail.outbox == []
        call_command("purge_deleted")
    assert capsys.readouterr().out == f"The receipt of {due.pk} is not sent yet.\n"
    assert [email.to for email in mail.outbox] == [["alice@example.com"]]
    assert list_unsent() == []


def test_the_command_deletes_addresses_that_expired(due: User, mail_server_down: Callable[[bool], None]) -> None:
    tasks.erase_account(str(due.pk))
    with time_machine.travel(timezone.now() + timedelta(days=7)):
        call_command("purge_deleted")
    assert list_unsent() == []


def test_it_sends_the_public_key_of_a_receipt_whose_signing_key_was_removed(due: User, settings: LazySettings) -> None:
    receipt = erasure.erase_account(owner_id=due.pk)
    assert receipt is not None
    public_key = public_keys()[receipt.key_id]
    settings.SIGNING_KEYS = f"new:{b64encode(urandom(32)).decode()}"
    call_command("purge_deleted")
    [(_name, content, _kind)] = mail.outbox[0].attachments
    assert json.loads(content)["public_key"] == public_key
    assert list_unsent() == []


def test_it_seals_no_address_of_an_account_that_is_not_erased(due: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise ValueError("A row could not be deleted.")

    monkeypatch.setattr(erasure, "erase_person", fail)
    with pytest.raises(ValueError, match="could not be deleted"):
        erasure.erase_account(owner_id=due.pk)
    assert list_unsent() == []


def test_operators_read_that_the_account_is_erased_and_the_receipt_waits(
    due: User, mail_server_down: Callable[[bool], None], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("purge_deleted")
    output = capsys.readouterr()
    assert output.out == f"{due.pk} is erased.\nThe receipt of {due.pk} is not sent yet.\n"
    assert output.err == ""
    assert not User.objects.filter(pk=due.pk).exists()
    mail_server_down(False)
    with time_machine.travel(timezone.now() + NEXT_DISPATCH):
        tasks.dispatch_due_deletions()
    assert [email.subject for email in mail.outbox] == ["Your account was deleted"]


def test_it_waits_with_an_address_that_cannot_be_decrypted(due: User, damage_keys: Callable[[UUID], None]) -> None:
    assert erasure.erase_account(owner_id=due.pk) is not None
    damage_keys(SYSTEM)
    assert unsent_receipts.try_to_send(account=due.pk) is False
    assert len(list_unsent()) == 1


def test_it_erases_an_account_whose_address_cannot_be_sealed_and_sends_the_receipt(
    due: User, damage_keys: Callable[[UUID], None], caplog: pytest.LogCaptureFixture
) -> None:
    data_keys.get_active_key(SYSTEM)
    damage_keys(SYSTEM)
    tasks.erase_account(str(due.pk))
    assert not User.objects.filter(pk=due.pk).exists()
    assert f"The address for the receipt of user {due.pk} cannot be stored" in caplog.text
    assert [email.to for email in mail.outbox] == [["alice@example.com"]]
    assert list_unsent() == []


def test_it_logs_that_a_receipt_whose_address_cannot_be_sealed_was_not_sent(
    due: User,
    damage_keys: Callable[[UUID], None],
    mail_server_down: Callable[[bool], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    data_keys.get_active_key(SYSTEM)
    damage_keys(SYSTEM)
    call_command("purge_deleted")
    assert not User.objects.filter(pk=due.pk).exists()
    assert f"The receipt of user {due.pk} was not sent and never will be: SMTPServerDisconnected" in caplog.text
    assert "alice@example.com" not in caplog.text


def test_it_sends_no_receipt_of_an_erasure_that_is_rolled_back(
    due: User, damage_keys: Callable[[UUID], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise ValueError("A row could not be deleted.")

    data_keys.get_active_key(SYSTEM)
    damage_keys(SYSTEM)
    monkeypatch.setattr(erasure, "erase_person", fail)
    with pytest.raises(ValueError, match="could not be deleted"):
        erasure.erase_account(owner_id=due.pk)
    assert mail.outbox == []
