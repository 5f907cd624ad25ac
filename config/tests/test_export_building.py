"""A worker writes a requested export: encrypted, verified, one worker at a time. Nothing of a failed attempt stays."""

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from accounts.models import User
from banking.models import Account, Item
from banking.tests.factories import build_transaction, make_account, make_transactions
from banking.tests.scripted_provider import ScriptedProvider
from compliance.audit import Action
from compliance.audit.events import AuditEvent
from compliance.export import attempts, building, contents, downloads, lifecycle, storage
from compliance.export.data_export import MAX_ATTEMPTS, DataExport, ExportError, ExportState
from compliance.export.encrypted_file import DamagedFile
from compliance.isolation import tenant
from compliance.vault import data_keys
from config.tests.exports import WrittenExport
from conftest import connect_as_role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _write_progress_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "PROGRESS_SECONDS", 0)


@pytest.fixture(autouse=True)
def folder(settings, tmp_path: Path) -> Path:
    settings.EXPORT_DIR = str(tmp_path / "exports")
    return tmp_path / "exports"


def request(user: User) -> DataExport:
    return lifecycle.request_export(owner_id=user.pk)


def build(export: DataExport) -> bool:
    return building.build_export(owner_id=export.owner_id, export_id=export.pk)


def reload_export(export: DataExport) -> DataExport:
    with tenant(export.owner_id):
        return DataExport.objects.get(pk=export.pk)


def list_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def download(export: DataExport) -> WrittenExport:
    code = downloads.make_download_code(owner_id=export.owner_id, export_id=export.pk)
    started = downloads.start_download(owner_id=export.owner_id, export_id=export.pk, code=code)
    with closing(started.content):
        return WrittenExport(b"".join(started.content))


def update_export(export: DataExport, **values: object) -> None:
    with tenant(export.owner_id):
        DataExport.objects.filter(pk=export.pk).update(**values)


# --- Success ----------------------------------------------------------------------------------------------


def test_it_writes_a_file_that_only_its_key_opens(alice: User, folder: Path) -> None:
    export = request(alice)
    assert build(export)
    export = reload_export(export)
    assert (export.state, export.error_code, export.attempts) == (ExportState.READY, "", 1)
    assert export.expires_at - export.finished_at == timedelta(days=7)
    assert list_files(folder) == [f"{export.pk}.zip.enc"]
    stored = storage.export_path(export.pk)
    assert (stored.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)
    assert b"alice" not in stored.read_bytes()
    written = download(export)
    assert (len(written.content), written.archive.testzip()) == (export.size, None)
    assert [row["email"] for row in written.read_rows("profile/user.jsonl")] == ["alice@example.com"]
    assert sum(written.count_rows().values()) == export.row_count


def test_it_records_every_step(alice: User) -> None:
    export = request(alice)
    build(export)
    download(export)
    with tenant(alice.pk):
        events = AuditEvent.objects.filter(subject=alice.pk, action=Action.DATA_EXPORT, resource_id=str(export.pk))
        assert [event.details()["stage"] for event in events.order_by("id")] == ["requested", "ready", "downloaded"]


def test_it_prepares_one_export_of_a_person_at_a_time(alice: User, mallory: User) -> None:
    export = request(alice)
    with pytest.raises(lifecycle.ExportIsActive):
        request(alice)
    with pytest.raises(IntegrityError), tenant(alice.pk):
        DataExport.objects.create(owner=alice)
    assert request(mallory).pk != export.pk
    build(export)
    assert request(alice).pk != export.pk


def test_it_counts_the_parts_as_it_writes_them(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    export, progress = request(alice), []
    advance = attempts.ExportAttempt.advance

    def note_progress(self: attempts.ExportAttempt, name: str) -> None:
        advance(self, name)
        # Another connection sees it, while the rows are being read.
        progress.append((reload_export_elsewhere(export), name))

    monkeypatch.setattr(attempts.ExportAttempt, "advance", note_progress)
    build(export)
    names = contents.list_part_names()
    assert progress == [*((number, name) for number, name in enumerate(names, 1)), ((len(names) + 1), "")]


def reload_export_elsewhere(export: DataExport) -> int:
    with connect_as_role("ops") as operator:
        return operator.execute("SELECT part FROM compliance_dataexport WHERE id = %s", [export.pk]).fetchone()[0]


LATE_ACCOUNT = """
    INSERT INTO banking_account (id, owner_id, item_id, provider_id, persistent_id, name, official_name, mask, type,
                                 subtype, currency)
    VALUES (%s, %s, %s, 'late', '', 'Late', '', '', 'depository', '', '')
"""
LATE_TRANSACTION = """
    INSERT INTO banking_transaction (id, owner_id, account_id, provider_id, amount, provider_amount, currency, day,
                                     date, name, merchant_name, pending, pending_id, category, category_detail,
                                     category_confidence, payment_channel, user_category, note, hidden)
    VALUES (%s, %s, %s, 'late', 1, -1, 'USD', now(), now(), '', '', false, '', '', '', '', '', '', '', false)
"""


def test_it_sees_one_moment(
    alice: User, make_item: Callable[..., Item], provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that a sync stores meanwhile are in none of the files, so that no row refers to a missing one."""
    item = make_item(alice)
    export = request(alice)
    advance = attempts.ExportAttempt.advance

    def store_rows(self: attempts.ExportAttempt, name: str) -> None:
        advance(self, name)
        if name == "bank/transactions.csv":
            with connect_as_role("ops") as operator:
                operator.execute(LATE_ACCOUNT, [late, alice.pk, item.pk])
                operator.execute(LATE_TRANSACTION, [uuid4(), alice.pk, late])

    late = uuid4()
    monkeypatch.setattr(attempts.ExportAttempt, "advance", store_rows)
    assert build(export)
    counts = download(export).count_rows()
    assert "bank/accounts.jsonl" not in counts
    assert "bank/transactions.jsonl" not in counts


# --- Two workers, killed workers -----------------------------------------------------------------------------


def test_a_second_worker_does_nothing(alice: User, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export, outcomes = request(alice), []
    advance = attempts.ExportAttempt.advance

    def build_again(self: attempts.ExportAttempt, name: str) -> None:
        advance(self, name)
        if name in ("bank/transactions.csv", ""):
            outcomes.append(build_in_another_thread(export))

    monkeypatch.setattr(attempts.ExportAttempt, "advance", build_again)
    assert build(export)
    assert outcomes == [False, False]
    assert not build(export)
    assert list_files(folder) == [f"{export.pk}.zip.enc"]


def build_in_another_thread(export: DataExport) -> bool:
    """Another thread has another connection, as another worker does."""

    def work() -> bool:
        try:
            return build(export)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(work).result()


KILLED_WORKER = """
import os, signal, sys
import config.tests.environment
import django
django.setup()
from uuid import UUID
from django.conf import settings
from django.db import connections
from compliance.export import attempts, building
connections["default"].settings_dict["NAME"] = sys.argv[1]
settings.EXPORT_DIR = sys.argv[2]
advance = attempts.ExportAttempt.advance
def die(self, name):
    advance(self, name)
    if name == "bank/transactions.csv":
        os.kill(os.getpid(), signal.SIGKILL)
attempts.ExportAttempt.advance = die
building.build_export(owner_id=UUID(sys.argv[3]), export_id=UUID(sys.argv[4]))
"""


def test_another_worker_takes_over_from_a_killed_one(alice: User, folder: Path) -> None:
    export = request(alice)
    name = connection.settings_dict["NAME"]
    command = [sys.executable, "-c", KILLED_WORKER, name, str(folder), str(alice.pk), str(export.pk)]
    killed = subprocess.run(command, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [file.endswith(".partial") for file in list_files(folder)] == [True]
    # Its lease has not expired.
    assert not build(export)
    assert lifecycle.list_due_exports() == []
    update_export(export, leased_until=timezone.now() - timedelta(minutes=10))
    assert lifecycle.list_due_exports() == [(alice.pk, export.pk)]
    assert build(export)
    assert reload_export(export).attempts == 2
    assert list_files(folder) == [f"{export.pk}.zip.enc"]


def test_it_gives_up_after_some_killed_workers(alice: User) -> None:
    export = request(alice)
    long_ago = timezone.now() - timedelta(hours=1)
    update_export(export, state=ExportState.RUNNING, attempts=MAX_ATTEMPTS, lease_holder=uuid4(), leased_until=long_ago)
    assert not build(export)
    export = reload_export(export)
    assert (export.state, export.error_code) == (ExportState.FAILED, ExportError.INTERRUPTED)
    assert request(alice)


def test_a_worker_that_lost_its_lease_stops(alice: User, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export = request(alice)
    advance = attempts.ExportAttempt.advance

    def lose_lease(self: attempts.ExportAttempt, name: str) -> None:
        advance(self, name)
        if name == "":
            run_elsewhere("UPDATE compliance_dataexport SET lease_holder = %s", uuid4())

    monkeypatch.setattr(attempts.ExportAttempt, "advance", lose_lease)
    assert not build(export)
    assert reload_export(export).state == ExportState.RUNNING
    assert list_files(folder) == []


def test_a_worker_that_lost_its_lease_leaves_the_file_of_the_one_that_took_over(
    alice: User, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the other one finishes just before it."""
    export, outcomes = request(alice), []
    finish = attempts.ExportAttempt.finish

    def finish_late(self: attempts.ExportAttempt, **figures: object) -> None:
        if not outcomes:
            outcomes.append(None)
            update_export(export, leased_until=timezone.now() - timedelta(minutes=10))
            outcomes.append(build_in_another_thread(export))
        finish(self, **figures)

    monkeypatch.setattr(attempts.ExportAttempt, "finish", finish_late)
    assert not build(export)
    assert outcomes == [None, True]
    assert reload_export(export).state == ExportState.READY
    assert list_files(folder) == [f"{export.pk}.zip.enc"]
    assert download(export).archive.testzip() is None


def test_a_worker_that_lost_its_lease_early_leaves_the_unfinished_file_of_the_other_one(
    alice: User, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if it begins to write when the other one is writing already."""
    export, outcomes = request(alice), []
    create_file = storage.create_file

    @contextmanager
    def create_late(export_id: UUID, *, holder: UUID) -> Iterator[BinaryIO]:
        if not outcomes:
            outcomes.append(holder)
            update_export(export, leased_until=timezone.now() - timedelta(minutes=10))
            outcomes.append(build_in_another_thread(export))
        with create_file(export_id, holder=holder) as file:
            if holder != outcomes[0]:
                # The first worker goes on now, while the second one is writing.
                with create_file(export_id, holder=outcomes[0]):
                    pass
            yield file

    monkeypatch.setattr(storage, "create_file", create_late)
    assert not build(export)
    assert outcomes[1:] == [True]
    assert list_files(folder) == [f"{export.pk}.zip.enc"]
    assert download(export).archive.testzip() is None


def make_due() -> None:
    run_elsewhere("UPDATE compliance_dataexport SET next_attempt_at = now()")


def run_elsewhere(statement: str, *values: object) -> None:
    with connect_as_role("ops") as operator:
        operator.execute(statement, values)


# --- Stopping ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_user SET deleted_at = now()",
        "DELETE FROM compliance_dataexport",
    ],
)
def test_it_stops_when_the_account_or_the_export_is_deleted(
    alice: User, folder: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    export = request(alice)
    advance = attempts.ExportAttempt.advance

    def delete_meanwhile(self: attempts.ExportAttempt, name: str) -> None:
        if name == "bank/transactions.csv":
            run_elsewhere(statement)
        advance(self, name)

    monkeypatch.setattr(attempts.ExportAttempt, "advance", delete_meanwhile)
    assert not build(export)
    assert list_files(folder) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE accounts_user SET deleted_at = now()", "DELETE FROM compliance_dataexport"]
)
def test_it_finishes_no_export_that_was_deleted_at_the_end(
    alice: User, folder: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    """After the last time that the worker asked."""
    export = request(alice)
    finish = attempts.ExportAttempt.finish

    def delete_before(self: attempts.ExportAttempt, **figures: object) -> None:
        run_elsewhere(statement)
        finish(self, **figures)

    monkeypatch.setattr(attempts.ExportAttempt, "finish", delete_before)
    assert not build(export)
    assert list_files(folder) == []
    with tenant(alice.pk):
        assert not DataExport.objects.filter(state=ExportState.READY).exists()


def test_a_deletion_waits_for_an_export_that_is_finishing(
    alice: User, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no file is stored once an account is dark."""
    export = request(alice)
    complete_file = storage.complete_file

    def ask_for_deletion(export_id: UUID, *, holder: UUID) -> None:
        with pytest.raises(LockNotAvailable):
            run_elsewhere("SET lock_timeout = '200ms'; UPDATE accounts_user SET deleted_at = now()")
        complete_file(export_id, holder=holder)

    monkeypatch.setattr(storage, "complete_file", ask_for_deletion)
    assert build(export)


def test_it_deletes_the_file_of_an_export_in_preparation(alice: User, folder: Path) -> None:
    export = request(alice)
    build(export)
    with pytest.raises(DataExport.DoesNotExist):
        lifecycle.delete_export(owner_id=uuid4(), export_id=export.pk)
    lifecycle.delete_export(owner_id=alice.pk, export_id=export.pk)
    assert list_files(folder) == []


# --- Disk -------------------------------------------------------------------------------------------------


def store_history(account: Account) -> None:
    make_transactions(account, [build_transaction(account, "-1", name=uuid4().hex) for _ in range(2000)])


@pytest.fixture
def full_disk() -> object:
    """Files of this process can have 20,000 bytes: the next write fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_it_tries_again_after_the_disk_was_full(
    alice: User, folder: Path, make_item: Callable[..., Item], provider: ScriptedProvider, full_disk: object
) -> None:
    store_history(make_account(make_item(alice)))
    export = request(alice)
    assert not build(export)
    export = reload_export(export)
    assert (export.state, export.error_code, export.attempts) == (ExportState.QUEUED, ExportError.DISK_FULL, 1)
    assert (export.file_key, export.size, list_files(folder)) == (None, None, [])
    # Not before some minutes have passed.
    assert not build(export)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    make_due()
    assert build(export)
    assert reload_export(export).error_code == ""


@pytest.mark.parametrize(
    ("owner", "name", "calls_before"),
    [(os, "fsync", 0), (Path, "replace", 0), (os, "fsync", 1)],
    ids=["storing the file", "naming the file", "storing its name"],
)
def test_it_serves_nothing_when_the_disk_is_full_at_the_end(
    alice: User, folder: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, calls_before: int
) -> None:
    export, calls = request(alice), []
    call = getattr(owner, name)

    def fail(*arguments: object) -> object:
        calls.append(name)
        if len(calls) <= calls_before:
            return call(*arguments)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patches:
        patches.setattr(owner, name, fail)
        assert not build(export)
    failed = reload_export(export)
    assert (failed.state, failed.error_code, failed.file_key) == (ExportState.QUEUED, ExportError.DISK_FULL, None)
    assert list_files(folder) == []
    with pytest.raises(DataExport.DoesNotExist):
        download(export)
    make_due()
    assert build(export)
    assert download(export).archive.testzip() is None


def test_it_fails_when_the_disk_stays_full(
    alice: User, folder: Path, make_item: Callable[..., Item], provider: ScriptedProvider, full_disk: object
) -> None:
    store_history(make_account(make_item(alice)))
    export = request(alice)
    for _ in range(MAX_ATTEMPTS):
        make_due()
        assert not build(export)
    export = reload_export(export)
    assert (export.state, export.error_code) == (ExportState.FAILED, ExportError.DISK_FULL)
    assert list_files(folder) == []


def test_it_knows_a_full_disk_by_its_error() -> None:
    assert building.find_error_code(OSError(errno.ENOSPC, "full")) is ExportError.DISK_FULL
    assert building.find_error_code(PermissionError(errno.EACCES, "no")) is ExportError.STORAGE


def test_it_publishes_no_file_that_was_damaged_on_the_way(
    alice: User, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = request(alice)
    verify_file = building.verify_file

    def damage_file(*, key: bytes, attempt: attempts.ExportAttempt) -> None:
        path = storage.partial_path(attempt.export_id, holder=attempt.holder)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        verify_file(key=key, attempt=attempt)

    monkeypatch.setattr(building, "verify_file", damage_file)
    assert not build(export)
    assert (reload_export(export).error_code, list_files(folder)) == (ExportError.DAMAGED, [])


# --- Downloading ------------------------------------------------------------------------------------------


def test_a_link_works_once_and_for_its_owner(alice: User, mallory: User) -> None:
    export = request(alice)
    build(export)
    code = downloads.make_download_code(owner_id=alice.pk, export_id=export.pk)
    for owner_id, export_id, wrong in (
        (mallory.pk, export.pk, code),
        (alice.pk, uuid4(), code),
        (alice.pk, export.pk, "other"),
        (alice.pk, export.pk, ""),
    ):
        with pytest.raises(DataExport.DoesNotExist):
            downloads.start_download(owner_id=owner_id, export_id=export_id, code=wrong)
    downloads.start_download(owner_id=alice.pk, export_id=export.pk, code=code).content.close()
    with pytest.raises(DataExport.DoesNotExist):
        downloads.start_download(owner_id=alice.pk, export_id=export.pk, code=code)


def test_a_newer_link_replaces_an_older_one_and_expires(alice: User) -> None:
    export = request(alice)
    build(export)
    older, newer = (downloads.make_download_code(owner_id=alice.pk, export_id=export.pk) for _ in range(2))
    with pytest.raises(DataExport.DoesNotExist):
        downloads.start_download(owner_id=alice.pk, export_id=export.pk, code=older)
    with time_machine.travel(timezone.now() + timedelta(minutes=6)), pytest.raises(DataExport.DoesNotExist):
        downloads.start_download(owner_id=alice.pk, export_id=export.pk, code=newer)


def test_it_serves_no_file_of_another_export(alice: User) -> None:
    first = request(alice)
    build(first)
    second = request(alice)
    build(second)
    storage.export_path(second.pk).write_bytes(storage.export_path(first.pk).read_bytes())
    with pytest.raises(DamagedFile):
        download(second)


def test_destroying_the_data_key_destroys_the_file(alice: User) -> None:
    export = request(alice)
    build(export)
    with tenant(alice.pk):
        data_keys.shred(alice.pk)
    data_keys.clear_cache()
    with pytest.raises(Exception, match="key of this value is gone"):
        download(export)


# --- Purging ----------------------------------------------------------------------------------------------


def test_it_expires_after_a_week(alice: User, folder: Path) -> None:
    export = request(alice)
    build(export)
    assert lifecycle.purge_exports() == 0
    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1)):
        with pytest.raises(DataExport.DoesNotExist):
            downloads.make_download_code(owner_id=alice.pk, export_id=export.pk)
        run_elsewhere("UPDATE compliance_dataexport SET expires_at = now() - interval '1 second'")
        assert lifecycle.purge_exports() == 1
    export = reload_export(export)
    assert (export.state, export.file_key, list_files(folder)) == (ExportState.EXPIRED, None, [])


def test_it_deletes_files_without_an_export(alice: User, folder: Path) -> None:
    export = request(alice)
    build(export)
    for name in (f"{uuid4()}.zip.enc", f"{uuid4()}.{uuid4()}.partial"):
        (folder / name).write_bytes(b"orphan")
    (folder / "README").write_text("somebody else's")
    (folder / "notes.partial").write_text("somebody else's")
    assert lifecycle.purge_exports() == 2
    assert list_files(folder) == sorted([f"{export.pk}.zip.enc", "README", "notes.partial"])


def test_it_says_that_a_file_is_gone(alice: User, folder: Path) -> None:
    export = request(alice)
    build(export)
    storage.export_path(export.pk).unlink()
    assert lifecycle.purge_exports() == 1
    export = reload_export(export)
    assert (export.state, export.error_code) == (ExportState.FAILED, ExportError.MISSING)


def test_it_erases_exports_with_their_files(alice: User, mallory: User, folder: Path) -> None:
    mine, other = request(alice), request(mallory)
    build(mine)
    build(other)
    with transaction.atomic():
        assert lifecycle.erase_exports(alice.pk) == 1
        assert len(list_files(folder)) == 2
    assert list_files(folder) == [f"{other.pk}.zip.enc"]
    assert reload_export(other).state == ExportState.READY
