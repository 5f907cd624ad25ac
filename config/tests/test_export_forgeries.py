"""The program inside an export reads files that no site writes without harm: few bytes, no code, no traceback."""

import json
import tracemalloc
from pathlib import Path
from typing import IO

import pytest

from compliance.export import verify_export
from config.tests.exports import (
    WrittenExport,
    forge_manifest,
    pack_files,
    read_files,
    run_verifier,
)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops"])

MANIFEST, EVENTS = verify_export.MANIFEST, verify_export.EVENTS


NO_FILES: list[object] = [None, {}, [1], [{}], [{"name": "a"}], [{"name": "a", "bytes": "1"}]]
NO_COUNTS = [-1, -2, 1 << 63, 10**4000, 1.0, True]


@pytest.mark.parametrize("files", NO_FILES, ids=str)
def test_it_says_that_a_manifest_describes_no_files(export: WrittenExport, tmp_path: Path, files: object) -> None:
    manifest = json.dumps({"format": verify_export.FORMAT, "files": files}).encode()
    forged, _ = forge_manifest(read_files(export), manifest)
    done = run_verifier(forged, tmp_path / "empty", program=export)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout == "This file cannot be checked: manifest.json does not describe its files.\n"


@pytest.mark.parametrize("field", ["bytes", "rows"])
@pytest.mark.parametrize("value", NO_COUNTS, ids=lambda value: str(value)[:20])
def test_it_accepts_no_number_that_counts_nothing(export: WrittenExport, field: str, value: float) -> None:
    """A size below zero would read a file to its end, and a very long number of rows has no text."""
    manifest = export.manifest
    manifest["files"][0][field] = value
    forged, _ = forge_manifest(read_files(export), json.dumps(manifest).encode())
    with pytest.raises(verify_export.CannotVerify, match=r"manifest\.json does not describe its files"):
        verify_export.verify(forged.archive)


def test_it_says_that_a_number_of_rows_has_no_text(export: WrittenExport, tmp_path: Path) -> None:
    manifest = export.manifest
    for entry in manifest["files"]:
        entry["rows"] = int("9" * 4300)
    forged, _ = forge_manifest(read_files(export), json.dumps(manifest).encode())
    done = run_verifier(forged, tmp_path / "empty", program=export)
    assert (done.returncode, done.stderr) == (2, "")


def test_it_says_that_a_manifest_is_nested_too_deep(export: WrittenExport, tmp_path: Path) -> None:
    forged, _ = forge_manifest(read_files(export), b"[" * 100_000)
    done = run_verifier(forged, tmp_path / "empty", program=export)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout == "This file cannot be checked: manifest.json is damaged.\n"


def test_it_reads_no_more_than_the_manifest_says(export: WrittenExport) -> None:
    """However much a small file unpacks to."""
    bomb = b"\n" * (64 << 20)
    archive = pack_files(read_files(export) | {"profile/user.jsonl": bomb, EVENTS: bomb}).archive
    tracemalloc.start()
    faults = verify_export.verify(archive)[1]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sorted(faults) == [
        "The audit trail cannot be read: CannotVerify.",
        f"{EVENTS} was changed.",
        "profile/user.jsonl was changed.",
    ]
    assert peak < 8 << 20


def test_it_reads_nothing_else_once_the_signature_is_not_valid(
    export: WrittenExport, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    open_member = verify_export.open_member

    def note_name(archive: verify_export.ExportArchive, name: str) -> IO[bytes]:
        opened.append(name)
        return open_member(archive, name)

    monkeypatch.setattr(verify_export, "open_member", note_name)
    changed = pack_files(read_files(export) | {MANIFEST: b"[" * 100_000, EVENTS: b"\n" * (64 << 20)})
    fault = "The manifest's signature is not valid: it was changed, or another key signed it."
    assert verify_export.verify(changed.archive) == ([], [fault])
    assert opened == [MANIFEST, verify_export.SIGNATURE]


@pytest.mark.parametrize("most", [0, 10, 1 << 20])
def test_it_reads_one_byte_more_than_the_manifest_says_at_most(most: int) -> None:
    archive = pack_files({"bomb": b"\n" * (8 << 20)}).archive
    size, _, lines = verify_export.measure_file(archive, "bomb", most)
    assert (size, lines) == (most + 1, most + 1)


def test_it_reads_no_signature_without_end(export: WrittenExport) -> None:
    archive = pack_files(read_files(export) | {verify_export.SIGNATURE: b" " * (1 << 20)}).archive
    with pytest.raises(verify_export.CannotVerify, match=r"manifest\.sig\.json is too long"):
        verify_export.verify(archive)


def test_it_reads_no_manifest_without_end(export: WrittenExport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_export, "MAX_MANIFEST_BYTES", 1 << 20)
    archive = pack_files(read_files(export) | {MANIFEST: b" " * (64 << 20)}).archive
    tracemalloc.start()
    with pytest.raises(verify_export.CannotVerify, match=r"manifest\.json is too long"):
        verify_export.verify(archive)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20
