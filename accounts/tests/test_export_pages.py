"""The pages about exports: request, progress, a download that works once, deletion; all for the owner only."""

import html
import io
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from smtplib import SMTPServerDisconnected
from urllib.parse import quote, urlencode
from uuid import uuid4
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.emails import sending
from accounts.models import User
from accounts.privacy.export import tasks as export_tasks
from compliance.audit import Action
from compliance.audit.events import AuditEvent
from compliance.export import building, lifecycle, storage
from compliance.export.data_export import DataExport, ExportError, ExportState
from compliance.isolation import tenant
from conftest import make_signed_in_client

pytestmark = pytest.mark.django_db(transaction=True)

Queue = list[tuple[str, str]]


@pytest.fixture(autouse=True)
def folder(settings, tmp_path: Path) -> Path:
    settings.EXPORT_DIR = str(tmp_path)
    return tmp_path


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    """What was queued, with the name of the queue."""
    queued: Queue = []
    monkeypatch.setattr(
        export_tasks.build_export, "apply_async", lambda arguments, queue: queued.append((*arguments, queue))
    )
    return queued


@pytest.fixture
def as_alice(alice: User) -> Client:
    return make_signed_in_client(alice)


@pytest.fixture
def as_mallory(make_user: Callable[..., User]) -> Client:
    return make_signed_in_client(make_user("mallory"))


def get_export(user: User) -> DataExport:
    with tenant(user.pk):
        return DataExport.objects.get()


def update_export(user: User, **values: object) -> None:
    with tenant(user.pk):
        DataExport.objects.update(**values)


@pytest.fixture
def ready(alice: User, as_alice: Client, queue: Queue) -> DataExport:
    """Alice's export, requested by her and written by a worker."""
    as_alice.post(reverse("request_export"))
    export_tasks.build_export(*queue[0][:2])
    return get_export(alice)


def make_stale(client: Client) -> None:
    """Let the last proof of identity be six minutes old."""
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] = time.time() - 360
    session.save()


def start_download(client: Client, export: DataExport) -> str:
    return client.post(reverse("download_export", args=[export.pk])).url


def read_status(client: Client, url: str) -> int:
    """The status of a response whose content nobody reads."""
    response = client.get(url)
    response.close()
    return response.status_code


def test_it_queues_an_export_and_shows_its_progress(alice: User, as_alice: Client, queue: Queue) -> None:
    assert as_alice.get(reverse("request_export")).status_code == 200
    response = as_alice.post(reverse("request_export"), follow=True)
    export = get_export(alice)
    assert queue == [(str(alice.pk), str(export.pk), "celery.slow")]
    content = response.content.decode()
    assert "Your export starts in a moment." in content
    assert '<meta http-equiv="refresh" content="5">' in content
    update_export(alice, state=ExportState.RUNNING, part=3, part_count=40, part_name="bank/transactions.csv")
    fragment = as_alice.get(reverse("exports"), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    assert 'hx-trigger="every 2s"' in fragment
    assert 'max="40" value="3"' in fragment
    assert "Preparing: Your transactions, with your own notes and categories" in fragment


def test_it_says_what_became_of_an_export_when_its_preparation_ends(
    alice: User, as_alice: Client, ready: DataExport
) -> None:
    def read_sentence() -> str:
        fragment = as_alice.get(reverse("exports"), headers={"HX-Request": "true"}).content.decode()
        return re.findall('data-sentence="([^"]*)"', fragment)[0]

    assert read_sentence() == "Your export is ready."
    update_export(alice, state=ExportState.FAILED, file_key=None, error_code=ExportError.DISK_FULL)
    assert "storage is full" in read_sentence()


def test_it_prepares_one_export_at_a_time(alice: User, as_alice: Client, queue: Queue) -> None:
    as_alice.post(reverse("request_export"))
    response = as_alice.post(reverse("request_export"), follow=True)
    assert "already preparing an export" in response.content.decode()
    assert len(queue) == 1


def test_it_waits_for_beat_while_the_queue_is_down(
    alice: User, as_alice: Client, monkeypatch: pytest.MonkeyPatch, own_database_clock: None
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("down")

    monkeypatch.setattr(export_tasks.build_export, "apply_async", refuse)
    assert as_alice.post(reverse("request_export")).status_code == 302
    queued: list[object] = []
    monkeypatch.setattr(export_tasks.build_export, "apply_async", lambda arguments, queue: queued.append(arguments))
    export_tasks.dispatch_due_exports()
    assert queued == [(str(alice.pk), str(get_export(alice).pk))]


def test_it_emails_when_the_export_is_ready(ready: DataExport) -> None:
    [message] = mail.outbox
    assert message.subject == "Your data export is ready"
    assert message.to == ["alice@example.com"]
    assert "https://plumbline.test/privacy/export/" in message.body
    assert str(ready.pk) not in message.body


def write_without_email(user: User, queue: Queue) -> DataExport:
    """Write an export with a worker that is killed before it sends the email."""
    lifecycle.request_export(owner_id=user.pk)
    assert building.build_export(owner_id=user.pk, export_id=get_export(user).pk)
    assert mail.outbox == []
    return get_export(user)


@pytest.fixture
def notices(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The emails that beat queued."""
    queued: list[tuple[str, str]] = []
    monkeypatch.setattr(export_tasks.send_ready_email, "delay", lambda *arguments: queued.append(arguments))
    return queued


def test_it_emails_when_the_worker_was_killed_before(alice: User, queue: Queue, notices: list[tuple[str, str]]) -> None:
    export = write_without_email(alice, queue)
    export_tasks.dispatch_due_exports()
    assert (queue, notices) == ([], [(str(alice.pk), str(export.pk))])
    for _ in range(2):
        export_tasks.send_ready_email(*notices[0])
    assert [message.subject for message in mail.outbox] == ["Your data export is ready"]
    assert get_export(alice).notified_at is not None
    export_tasks.dispatch_due_exports()
    assert len(notices) == 1


def test_it_emails_again_later_when_the_mail_server_is_down(
    alice: User, queue: Queue, notices: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    export = write_without_email(alice, queue)
    with monkeypatch.context() as patches:
        patches.setattr(sending, "send_email", fail_to_send)
        export_tasks.send_ready_email(str(alice.pk), str(export.pk))
    assert get_export(alice).notified_at is None
    # Not at once, and after growing waits.
    export_tasks.dispatch_due_exports()
    export_tasks.send_ready_email(str(alice.pk), str(export.pk))
    assert (mail.outbox, notices) == ([], [])
    update_export(alice, leased_until=timezone.now() - timedelta(minutes=1))
    export_tasks.dispatch_due_exports()
    assert notices == [(str(alice.pk), str(export.pk))]
    export_tasks.send_ready_email(*notices[0])
    assert len(mail.outbox) == 1


def fail_to_send(*_: object, **__: object) -> None:
    raise SMTPServerDisconnected("please try later")


def test_two_workers_send_one_email(alice: User, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    export = write_without_email(alice, queue)
    send_email = sending.send_email

    def send_while_another_worker_tries(*arguments: object, **options: object) -> None:
        export_tasks.send_ready_email(str(alice.pk), str(export.pk))
        send_email(*arguments, **options)

    monkeypatch.setattr(sending, "send_email", send_while_another_worker_tries)
    export_tasks.send_ready_email(str(alice.pk), str(export.pk))
    assert len(mail.outbox) == 1


def test_it_emails_about_nothing_that_cannot_be_downloaded(alice: User, queue: Queue) -> None:
    """Neither while the account is to be deleted, nor when the file has expired."""
    export = write_without_email(alice, queue)
    User.objects.update(deleted_at=timezone.now())
    export_tasks.send_ready_email(str(alice.pk), str(export.pk))
    User.objects.update(deleted_at=None)
    update_export(alice, expires_at=timezone.now() - timedelta(minutes=1), leased_until=None)
    export_tasks.send_ready_email(str(alice.pk), str(export.pk))
    assert (mail.outbox, get_export(alice).notified_at) == ([], None)


def test_it_downloads_the_file_once(alice: User, as_alice: Client, ready: DataExport) -> None:
    page = as_alice.get(reverse("download_export", args=[ready.pk])).content.decode()
    assert ready.sha256 in page
    url = start_download(as_alice, ready)
    response = as_alice.get(url, headers={"Accept-Encoding": "gzip"})
    content = b"".join(response.streaming_content)
    assert response.headers["Content-Type"] == "application/zip"
    assert response.headers["Content-Length"] == str(len(content)) == str(ready.size)
    assert re.fullmatch(r'attachment; filename="plumbline-export-[\d-]+\.zip"', response.headers["Content-Disposition"])
    assert "no-store" in response.headers["Cache-Control"]
    assert "Content-Encoding" not in response.headers
    assert ZipFile(io.BytesIO(content)).testzip() is None
    assert as_alice.get(url).status_code == 404
    assert get_export(alice).downloaded_at is not None
    with tenant(alice.pk):
        events = AuditEvent.objects.filter(subject=alice.pk, action=Action.DATA_EXPORT).order_by("id")
        assert [event.details()["stage"] for event in events] == ["requested", "ready", "downloaded"]
    shown = as_alice.get(reverse("exports")).content.decode()
    assert "Available until" in shown
    assert "Last downloaded" in shown


def test_a_head_request_does_not_use_the_link_up(as_alice: Client, ready: DataExport) -> None:
    url = start_download(as_alice, ready)
    assert as_alice.head(url).status_code == 405
    assert read_status(as_alice, url) == 200


@pytest.mark.parametrize("name", ["download_export", "delete_export"])
def test_the_export_of_another_user_does_not_exist(as_mallory: Client, ready: DataExport, name: str) -> None:
    url = reverse(name, args=[ready.pk])
    assert [as_mallory.get(url).status_code, as_mallory.post(url).status_code] == [404, 404]
    assert str(ready.pk) not in as_mallory.get(reverse("exports")).content.decode()


def test_a_link_of_another_user_does_not_exist(as_alice: Client, as_mallory: Client, ready: DataExport) -> None:
    url = start_download(as_alice, ready)
    assert as_mallory.get(url).status_code == 404
    assert read_status(as_alice, url) == 200


def test_an_expired_deleted_or_unknown_export_does_not_exist(alice: User, as_alice: Client, ready: DataExport) -> None:
    url = start_download(as_alice, ready)
    update_export(alice, expires_at=timezone.now() - timedelta(minutes=1))
    assert as_alice.get(url).status_code == 404
    assert as_alice.post(reverse("download_export", args=[ready.pk])).status_code == 404
    assert "Expired. We delete the file within the hour." in as_alice.get(reverse("exports")).content.decode()
    assert storage.export_path(ready.pk).exists()
    lifecycle.purge_exports()
    assert "Expired. We deleted the file." in as_alice.get(reverse("exports")).content.decode()
    assert not storage.export_path(ready.pk).exists()
    assert as_alice.post(reverse("delete_export", args=[ready.pk])).status_code == 302
    assert as_alice.post(reverse("delete_export", args=[ready.pk])).status_code == 404
    assert as_alice.get(reverse("download_export", args=[uuid4()])).status_code == 404


def test_it_deletes_the_file(as_alice: Client, ready: DataExport, folder: Path) -> None:
    assert "Delete this export?" in as_alice.get(reverse("delete_export", args=[ready.pk])).content.decode()
    assert storage.export_path(ready.pk).exists()
    as_alice.post(reverse("delete_export", args=[ready.pk]))
    assert list(folder.iterdir()) == []


def test_it_cancels_an_export(alice: User, as_alice: Client, queue: Queue) -> None:
    as_alice.post(reverse("request_export"))
    as_alice.post(reverse("delete_export", args=[get_export(alice).pk]))
    export_tasks.build_export(*queue[0][:2])
    with tenant(alice.pk):
        assert not DataExport.objects.exists()
    assert mail.outbox == []


@pytest.mark.parametrize("name", ["request_export", "download_export", "delete_export"])
def test_it_asks_for_a_proof_of_identity(as_alice: Client, ready: DataExport, name: str) -> None:
    make_stale(as_alice)
    url = reverse(name, args=[] if name == "request_export" else [ready.pk])
    for response in (as_alice.get(url), as_alice.post(url)):
        assert response.status_code == 302
        assert response.url.startswith(f"/accounts/reauthenticate/?{urlencode({'next': url})}")
    assert as_alice.get(reverse("exports")).status_code == 200


def test_a_link_needs_a_proof_of_identity_too(as_alice: Client, ready: DataExport) -> None:
    url = start_download(as_alice, ready)
    make_stale(as_alice)
    assert as_alice.get(url).status_code == 302


def test_it_says_what_went_wrong_and_when_it_tries_again(alice: User, as_alice: Client, queue: Queue) -> None:
    as_alice.post(reverse("request_export"))
    update_export(alice, error_code=ExportError.DISK_FULL, next_attempt_at=timezone.now() + timedelta(minutes=5))
    shown = as_alice.get(reverse("exports")).content.decode()
    assert "our storage is full. Next attempt: " in shown.replace("&#x27;", "'")
    update_export(alice, state=ExportState.FAILED)
    shown = as_alice.get(reverse("exports")).content.decode()
    assert "Request a new one." in shown
    assert "data-poll " not in shown


def test_it_says_that_a_damaged_file_cannot_be_opened(as_alice: Client, ready: DataExport) -> None:
    url = start_download(as_alice, ready)
    storage.export_path(ready.pk).write_bytes(b"damaged")
    response = as_alice.get(url)
    assert response.status_code == 500
    assert "This export can't be opened" in response.content.decode()


def test_it_limits_requests(as_alice: Client, queue: Queue, own_cache: None) -> None:
    responses = [as_alice.post(reverse("request_export")).status_code for _ in range(31)]
    assert responses == [302] * 30 + [429]


@pytest.mark.parametrize(("name", "page"), [("transactions-csv", "transactions"), ("activity_csv", "activity")])
def test_a_csv_asks_for_a_proof_of_identity_and_returns_to_its_page_and_filters(
    as_alice: Client, name: str, page: str
) -> None:
    url = reverse(name) + "?q=coffee"
    assert as_alice.get(url).status_code == 200
    make_stale(as_alice)
    response = as_alice.get(url)
    assert response.status_code == 302
    assert f"next={quote(reverse(page) + '?q=coffee', safe='')}" in response.url
    assert "then choose Download CSV again." in html.unescape(as_alice.get(response.url).content.decode())


def test_no_link_saves_the_page_that_asks_for_a_proof_of_identity() -> None:
    """A link with this attribute saves whatever it leads to, also the form that asks for a password."""
    templates = Path(settings.BASE_DIR, "templates").rglob("*.html")
    assert [path for path in templates if re.search(r"<a\b[^>]*\sdownload\b", path.read_text())] == []
