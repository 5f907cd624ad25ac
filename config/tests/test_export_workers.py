"""Workers prepare an export one at a time: another takes over from a killed one, and all stop for a deletion."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from accounts.models import User
from compliance.export import attempts, lifecycle, storage
from compliance.export.data_export import MAX_ATTEMPTS, DataExport, ExportError, ExportState
from compliance.isolation import tenant
from config.tests.exports import (
    build,
    download,
    folder,
    list_files,
    refuse_to_delete,
    reload_export,
    request,
    run_elsewhere,
    write_progress_at_once,
)

__all__ = ["folder", "write_progress_at_once"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder", "write_progress_at_once")]


def update_export(export: DataExport, **values: object) -> None:
    with tenant(export.owner_id):
        DataExport.objects.filter(pk=export.pk).update(**values)


def make_due(export: DataExport) -> None:
    update_export(export, next_attempt_at=timezone.now() - timedelta(minutes=1))


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


def test_it_goes_on_although_the_file_of_a_killed_worker_cannot_be_deleted(
    alice: User, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = request(alice)
    folder.mkdir()
    partial = storage.partial_path(export.pk, holder=uuid4())
    partial.write_bytes(b"of a killed worker")
    refuse_to_delete(monkeypatch, partial)
    assert build(export)
    assert list_files(folder) == sorted([partial.name, f"{export.pk}.zip.enc"])


def test_it_gives_up_when_nothing_can_be_written_or_deleted(
    alice: User, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = request(alice)
    folder.mkdir()
    storage.partial_path(export.pk, holder=uuid4()).write_bytes(b"of a killed worker")
    refuse_to_delete(monkeypatch)
    monkeypatch.setattr(Path, "replace", Path.unlink)
    for _ in range(MAX_ATTEMPTS):
        make_due(export)
        assert not build(export)
    export = reload_export(export)
    assert (export.state, export.error_code) == (ExportState.FAILED, ExportError.STORAGE)


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


def test_an_export_waits_while_the_account_is_to_be_deleted(alice: User) -> None:
    """No attempt begins, and none counts, so that it is written after the deletion was canceled."""
    export = request(alice)
    run_elsewhere("UPDATE accounts_user SET deleted_at = now()")
    for _ in range(MAX_ATTEMPTS + 1):
        make_due(export)
        assert not build(export)
        # Celery beat does not find it every minute.
        assert lifecycle.list_due_exports() == []
    waiting = reload_export(export)
    assert (waiting.state, waiting.attempts, waiting.error_code) == (ExportState.QUEUED, 0, "")
    run_elsewhere("UPDATE accounts_user SET deleted_at = NULL")
    make_due(export)
    assert build(export)


@pytest.mark.parametrize(
    ("attempt_count", "state"), [(MAX_ATTEMPTS - 1, ExportState.QUEUED), (MAX_ATTEMPTS, ExportState.FAILED)]
)
def test_a_killed_worker_leaves_no_lease_while_the_account_is_to_be_deleted(
    alice: User, attempt_count: int, state: ExportState
) -> None:
    export = request(alice)
    long_ago = timezone.now() - timedelta(hours=1)
    update_export(
        export, state=ExportState.RUNNING, attempts=attempt_count, lease_holder=uuid4(), leased_until=long_ago
    )
    run_elsewhere("UPDATE accounts_user SET deleted_at = now()")
    assert not build(export)
    export = reload_export(export)
    assert (export.state, export.attempts, export.leased_until) == (state, attempt_count, None)


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
