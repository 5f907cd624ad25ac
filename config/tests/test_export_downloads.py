"""A finished export: a link downloads it once, for its owner only, and no file stays longer than its export."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from compliance.export import downloads, lifecycle, storage
from compliance.export.data_export import DataExport, ExportError, ExportState
from compliance.export.encrypted_file import DamagedFile
from compliance.isolation import tenant
from compliance.vault import data_keys
from config.tests.exports import (
    build,
    download,
    folder,
    list_files,
    refuse_to_delete,
    reload_export,
    request,
    run_elsewhere,
)

__all__ = ["folder"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]


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


def test_it_deletes_what_no_worker_with_a_lease_writes(alice: User, mallory: User, folder: Path) -> None:
    """Also beside the complete file of an export: of a worker that was killed after it had lost its lease."""
    ready, running = request(alice), request(mallory)
    build(ready)
    lease = (
        "UPDATE compliance_dataexport SET state = 'running', lease_holder = %s, leased_until = now() + %s WHERE id = %s"
    )
    writer = uuid4()
    run_elsewhere(lease, writer, timedelta(minutes=1), running.pk)
    for export, holder in ((ready, uuid4()), (running, uuid4()), (running, writer)):
        storage.partial_path(export.pk, holder=holder).write_bytes(b"unfinished")
    assert lifecycle.purge_exports() == 2
    complete, unfinished = storage.export_path(ready.pk), storage.partial_path(running.pk, holder=writer)
    assert list_files(folder) == sorted([complete.name, unfinished.name])
    run_elsewhere(lease, writer, timedelta(minutes=-1), running.pk)
    assert lifecycle.purge_exports() == 1
    assert list_files(folder) == [complete.name]


def test_a_file_that_cannot_be_deleted_keeps_no_other(
    alice: User, mallory: User, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    exports = [request(alice), request(mallory)]
    for hours, export in enumerate(exports):
        build(export)
        run_elsewhere(
            "UPDATE compliance_dataexport SET expires_at = now() - %s WHERE id = %s",
            timedelta(hours=2 - hours),
            export.pk,
        )
    orphans = [folder / f"{number * 8}-0000-4000-8000-000000000000.zip.enc" for number in ("1", "2")]
    for path in orphans:
        path.write_bytes(b"orphan")
    kept = [storage.export_path(exports[0].pk), orphans[0]]
    with monkeypatch.context() as patches:
        refuse_to_delete(patches, *kept)
        assert lifecycle.purge_exports() == 2
    assert list_files(folder) == sorted(path.name for path in kept)
    assert all(f"{path.name} cannot be deleted" in caplog.text for path in kept)
    assert [(row.state, row.file_key) for row in map(reload_export, exports)] == [(ExportState.EXPIRED, None)] * 2
    assert lifecycle.purge_exports() == 2
    assert list_files(folder) == []


def test_it_says_that_a_file_is_gone(alice: User, folder: Path) -> None:
    export = request(alice)
    build(export)
    assert lifecycle.purge_exports() == 0
    storage.export_path(export.pk).unlink()
    assert lifecycle.purge_exports() == 1
    export = reload_export(export)
    assert (export.state, export.error_code, export.file_key) == (ExportState.FAILED, ExportError.MISSING, None)


@pytest.mark.parametrize("was_purged", [False, True])
@pytest.mark.parametrize("mount_point", ["missing", "empty", "written to"])
def test_a_folder_that_is_not_mounted_for_a_moment_loses_no_export(
    alice: User, mallory: User, folder: Path, caplog: pytest.LogCaptureFixture, was_purged: bool, mount_point: str
) -> None:
    export = request(alice)
    build(export)
    if was_purged:
        lifecycle.purge_exports()
    mounted = folder.rename(folder.with_name("mounted"))
    if mount_point == "empty":
        folder.mkdir()
    elif mount_point == "written to":
        build(request(mallory))
    assert lifecycle.purge_exports() == 0
    assert "it is not the folder that had them" in caplog.text
    if folder.exists():
        folder.rename(folder.with_name("mount point"))
    mounted.rename(folder)
    lifecycle.purge_exports()
    assert reload_export(export).state == ExportState.READY
    assert download(export).archive.testzip() is None


def test_it_erases_exports_with_their_files(alice: User, mallory: User, folder: Path) -> None:
    mine, other = request(alice), request(mallory)
    build(mine)
    build(other)
    with transaction.atomic():
        assert lifecycle.erase_exports(alice.pk) == 1
        assert len(list_files(folder)) == 2
    assert list_files(folder) == [f"{other.pk}.zip.enc"]
    assert reload_export(other).state == ExportState.READY
