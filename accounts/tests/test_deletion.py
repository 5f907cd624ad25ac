"""Deleting an account: the request, the thirty days in which it can be canceled, and the erasure."""

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

from accounts.deactivation import deactivate
from accounts.deletion import cancel_links, erasure, requests, tasks
from accounts.deletion.models import DeletionRequest
from accounts.models import User
from accounts.sign_in.auth_backend import AuthBackend
from accounts.tests.conftest import PASSWORD
from accounts.tests.pages import is_signed_in, link_from_email, sign_in
from compliance.audit.events import AuditEvent
from compliance.isolation import tenant
from compliance.models import DataKey, ErasureReceipt
from compliance.tests.threads import in_threads
from ui.tests.page_text import visible_text

Trail = Callable[[UUID], list[str]]

pytestmark = pytest.mark.django_db(transaction=True)
AFTER_GRACE_PERIOD = timedelta(days=30, minutes=1)


@pytest.fixture(autouse=True)
def _run_tasks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run queued jobs before the response instead of by a worker a moment later."""
    for task in (tasks.send_deletion_request_email, tasks.erase_account):
        monkeypatch.setattr(task, "delay", task)


def get_requests(user: User) -> list[DeletionRequest]:
    with tenant(user.pk):
        return list(DeletionRequest.objects.for_user(user).order_by("requested_at"))


def get_receipt(user_id: UUID) -> ErasureReceipt | None:
    with tenant(user_id):
        return ErasureReceipt.objects.first()


def request_on_page(client: Client, user: User) -> None:
    assert client.post(reverse("delete_account"), {"email": user.email.upper()}).status_code == 200


# --- The request ------------------------------------------------------------------------------------------


def test_it_signs_out_everywhere_and_emails_a_link(as_alice: Client, alice: User, trail: Trail) -> None:
    other_client = Client()
    other_client.force_login(alice)
    now = timezone.now()
    request_on_page(as_alice, alice)
    [deletion] = get_requests(alice)
    alice.refresh_from_db()
    assert not is_signed_in(as_alice)
    assert not is_signed_in(other_client)
    assert abs(deletion.due_at - now - timedelta(days=30)) < timedelta(seconds=5)
    assert (alice.is_deletion_pending, alice.deleted_at) == (True, deletion.requested_at)
    assert "deletion_requested" in trail(alice.pk)
    [email] = mail.outbox
    assert (email.to, email.subject) == (["alice@example.com"], "Your account is scheduled for deletion")
    assert link_from_email(email).startswith("/privacy/delete-account/cancel/")


@pytest.mark.parametrize("typed", ["", "mallory@example.com", "alice@example.co", "\0"])
def test_it_needs_the_users_own_address(as_alice: Client, alice: User, typed: str) -> None:
    response = as_alice.post(reverse("delete_account"), {"email": typed})
    assert response.status_code in (200, 400)
    assert get_requests(alice) == []
    assert is_signed_in(as_alice)


def test_it_needs_a_recent_proof_of_identity(as_alice: Client, alice: User) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        for name in ("delete_account", "erase_account"):
            response = as_alice.post(reverse(name), {"email": alice.email})
            assert response["Location"].startswith(reverse("account_reauthenticate"))
    assert get_requests(alice) == []


def test_the_page_lists_what_is_deleted_and_what_stays(as_alice: Client) -> None:
    page = as_alice.get(reverse("delete_account")).content.decode()
    assert "Your name, email address, and account" in page
    assert "The audit trail stays for 365 days." in page
    for sentence in (
        "If the provider of a bank connection hasn&#x27;t confirmed yet that our access ended, the access token stays "
        "until it does, encrypted with a key of this site.",
        "If the mail server is down, your email address stays until the receipt is sent, at most 7 days, encrypted "
        "with a key of this site.",
    ):
        assert sentence in page


def test_two_requests_at_once_make_one(alice: User) -> None:
    in_threads(4, lambda: requests.request_deletion(user=alice))
    assert len(get_requests(alice)) == 1


# --- The thirty days --------------------------------------------------------------------------------------


@pytest.fixture
def pending(alice: User) -> DeletionRequest:
    """A request of Alice's to delete her account."""
    alice.set_password(PASSWORD)
    alice.save()
    return requests.request_deletion(user=alice)


def test_a_sign_in_shows_only_how_to_cancel(pending: DeletionRequest, alice: User) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    pending_url = reverse("deletion_pending")
    for name in ("overview", "security", "transactions", "transactions-csv", "delete_account", "account_email"):
        assert client.get(reverse(name))["Location"] == pending_url, name
    assert client.post(reverse("refresh_all"))["Location"] == pending_url
    page = client.get(pending_url).content.decode()
    assert "Keep my account" in page
    assert client.get(reverse("help")).status_code == 200
    assert client.post(reverse("account_logout")).status_code == 302


def test_the_user_cancels_after_a_sign_in(pending: DeletionRequest, alice: User, trail: Trail) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    mail.outbox.clear()
    client.post(reverse("cancel_deletion"))
    assert is_signed_in(client)
    alice.refresh_from_db()
    assert alice.deleted_at is None
    assert trail(alice.pk)[-1] == "deletion_canceled"
    assert [email.subject for email in mail.outbox] == ["Your account stays"]
    with time_machine.travel(timezone.now() + AFTER_GRACE_PERIOD):
        assert erasure.erase_account(owner_id=alice.pk) is None
    assert User.objects.filter(pk=alice.pk).exists()


def test_the_link_works_once(pending: DeletionRequest, alice: User, anonymous: Client) -> None:
    url = cancel_links.make_cancel_url(pending)
    assert "Keep your account?" in anonymous.get(url).content.decode()
    assert "<h1>Your account stays</h1>" in anonymous.post(url).content.decode()
    alice.refresh_from_db()
    assert alice.deleted_at is None
    new_request = requests.request_deletion(user=alice)
    assert "This link no longer works" in anonymous.post(url).content.decode()
    assert [request.canceled_at is None for request in get_requests(alice)] == [False, True]
    assert new_request.pk != pending.pk


def test_it_cancels_the_open_request_after_the_clock_was_set_back(pending: DeletionRequest, alice: User) -> None:
    """The canceled request then is the newest one."""
    requests.cancel_deletion(owner_id=alice.pk)
    with time_machine.travel(timezone.now() - timedelta(hours=1)):
        requests.request_deletion(user=alice)
        requests.cancel_deletion(owner_id=alice.pk)
    alice.refresh_from_db()
    assert alice.deleted_at is None
    assert [request.canceled_at is None for request in get_requests(alice)] == [False, False]


def test_a_second_click_on_keep_my_account_says_that_it_stays(pending: DeletionRequest, alice: User) -> None:
    client = Client()
    sign_in(client, alice.email, PASSWORD)
    mail.outbox.clear()
    client.post(reverse("cancel_deletion"))
    response = client.post(reverse("cancel_deletion"), follow=True)
    assert response.redirect_chain == [(reverse("overview"), 302)]
    assert "Your account stays." in response.content.decode()
    assert client.get(reverse("deletion_pending"))["Location"] == reverse("overview")
    assert [email.subject for email in mail.outbox] == ["Your account stays"]


def test_a_second_click_on_the_links_button_says_that_the_account_stays(
    pending: DeletionRequest, alice: User, anonymous: Client
) -> None:
    url = cancel_links.make_cancel_url(pending)
    mail.outbox.clear()
    anonymous.post(url)
    for page in (anonymous.post(url).content.decode(), anonymous.get(url).content.decode()):
        assert "<h1>Your account stays</h1>" in page
        assert f'href="{reverse("account_login")}"' in page
    assert [email.subject for email in mail.outbox] == ["Your account stays"]


def test_the_link_of_a_deactivated_account_does_not_say_to_sign_in(
    pending: DeletionRequest, alice: User, anonymous: Client
) -> None:
    deactivate(user=alice, actor=None)
    url = cancel_links.make_cancel_url(pending)
    sentence = "Your account is deactivated. You can sign in once the administrator has reactivated it."
    mail.outbox.clear()
    pages = [anonymous.get(url), anonymous.post(url), anonymous.get(url)]
    for page in pages:
        assert sentence in page.content.decode()
        assert "connect them again" not in visible_text(page)
    assert [email.subject for email in mail.outbox] == ["Your account stays"]
    assert sentence in mail.outbox[0].body
    assert "Connect them again" not in mail.outbox[0].body


def test_opening_the_link_changes_nothing(pending: DeletionRequest, alice: User, anonymous: Client) -> None:
    anonymous.get(cancel_links.make_cancel_url(pending))
    anonymous.head(cancel_links.make_cancel_url(pending))
    alice.refresh_from_db()
    assert alice.is_deletion_pending


@pytest.mark.parametrize("token", ["forged", "a:b:c", "x" * 2000])
def test_a_forged_link_says_that_it_does_not_work(db: None, anonymous: Client, token: str) -> None:
    response = anonymous.post(reverse("cancel_deletion_by_link", args=[token]))
    assert "This link no longer works" in response.content.decode()


def test_it_is_too_late_after_thirty_days(pending: DeletionRequest, alice: User, anonymous: Client) -> None:
    url = cancel_links.make_cancel_url(pending)
    with time_machine.travel(timezone.now() + AFTER_GRACE_PERIOD):
        assert "The time to cancel is over" in anonymous.post(url).content.decode()
        client = Client()
        sign_in(client, alice.email, PASSWORD)
        assert "The time to cancel is over." in client.post(reverse("cancel_deletion"), follow=True).content.decode()
        assert erasure.erase_account(owner_id=alice.pk) is not None
        assert "The time to cancel is over" in anonymous.post(url).content.decode()


def test_a_cancellation_and_the_erasure_at_once_have_one_winner(pending: DeletionRequest, alice: User) -> None:
    """Either the account stays, or it is gone; never a half of both."""
    with tenant(alice.pk):
        DeletionRequest.objects.update(due_at=timezone.now() + timedelta(milliseconds=150))
    outcomes: list[str] = []

    def cancel() -> None:
        try:
            requests.cancel_deletion(owner_id=alice.pk)
            outcomes.append("stays")
        except requests.TooLate:
            outcomes.append("too late")

    def erase() -> None:
        while erasure.erase_account(owner_id=alice.pk) is None and "stays" not in outcomes:
            pass

    work = [cancel, erase]
    in_threads(2, lambda: work.pop()())
    assert User.objects.filter(pk=alice.pk).exists() is ("stays" in outcomes)


# --- The erasure ------------------------------------------------------------------------------------------


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


def test_another_user_cannot_cancel_or_see_a_request(
    pending: DeletionRequest, alice: User, as_mallory: Client, mallory: User
) -> None:
    assert as_mallory.post(reverse("cancel_deletion"))["Location"] == reverse("deletion_pending")
    assert as_mallory.get(reverse("deletion_pending"))["Location"] == reverse("overview")
    alice.refresh_from_db()
    assert alice.is_deletion_pending
    with tenant(mallory.pk):
        assert not DeletionRequest.objects.exists()
