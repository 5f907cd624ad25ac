"""A worker writes a requested export: encrypted, verified, as of one moment. Nothing of a failed attempt stays."""

import errno
import os
import resource
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import IntegrityError

from accounts.models import User
from banking.models import Account, Item
from banking.tests.factories import build_transaction, make_account, make_transactions
from banking.tests.scripted_provider import ScriptedProvider
from compliance.audit import Action
from compliance.audit.events import AuditEvent
from compliance.export import attempts, building, contents, lifecycle, storage
from compliance.export.data_export import MAX_ATTEMPTS, DataExport, ExportError, ExportState
from compliance.isolation import tenant
from config.tests.exports import (
    build,
    download,
    folder,
    list_files,
    reload_export,
    request,
    run_elsewhere,
    write_progress_at_once,
)
from conftest import connect_as_role

__all__ = ["folder", "write_progress_at_once"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder", "write_progress_at_once")]


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
        progress.append((*read_progress_elsewhere(export), name))

    monkeypatch.setattr(attempts.ExportAttempt, "advance", note_progress)
    build(export)
    steps = [*contents.list_part_names(), ""]
    assert progress == [(number, len(steps), name) for number, name in enumerate(steps, 1)]


def read_progress_elsewhere(export: DataExport) -> tuple[int, int]:
    query = "SELECT part, part_count FROM compliance_dataexport WHERE id = %s"
    with connect_as_role("ops") as operator:
        return operator.execute(query, [export.pk]).fetchone()


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


# --- Disk -------------------------------------------------------------------------------------------------


def store_history(account: Account) -> None:
    make_transactions(account, [build_transaction(account, "-1", name=uuid4().hex) for _ in range(2000)])


def make_due() -> None:
    run_elsewhere("UPDATE compliance_dataexport SET next_attempt_at = now()")


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
