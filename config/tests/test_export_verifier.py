"""The program inside an export finds every change, without the site: alone in an empty folder, by ``python -I``."""

import io
import json
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from accounts.models import User
from banking.models import Item
from banking.tests.factories import make_account, make_transaction
from banking.tests.scripted_provider import ScriptedProvider
from compliance.audit import Action, record
from compliance.export import verify_export
from compliance.signing import public_keys
from config.tests.exports import WrittenExport, export_data
from credit.tests.factories import store_full_report

pytestmark = pytest.mark.django_db(transaction=True)

EVENTS, LINKS, HEAD = "activity/events.jsonl", "activity/hashes.jsonl", "activity/last_hash.jsonl"


@pytest.fixture
def export(alice: User, make_item: Callable[..., Item], provider: ScriptedProvider) -> WrittenExport:
    make_transaction(make_account(make_item(alice)), "-4.33", note="ä")
    store_full_report(alice)
    for action in (Action.USER_LOGIN, Action.CONNECT, Action.SYNC, Action.USER_LOGOUT):
        record(action, subject=alice, actor=alice if action != Action.SYNC else None, resource_id="ü")
    return export_data(alice)


def read_files(export: WrittenExport) -> dict[str, bytes]:
    with export.archive as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack_files(files: dict[str, bytes]) -> WrittenExport:
    content = io.BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return WrittenExport(content.getvalue())


def find_faults(export: WrittenExport, key: str | None = None) -> list[str]:
    return verify_export.verify(export.archive, key)[1]


def site_key() -> str:
    return next(iter(public_keys().values()))


def run_verifier(export: WrittenExport, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program that the export contains, in a folder with nothing else."""
    folder.mkdir()
    (folder / "verify_export.py").write_bytes(export.archive.read("verify_export.py"))
    command = [sys.executable, "-I", "verify_export.py", str(export.save(folder)), *arguments]
    return subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)


def test_it_verifies_an_export_without_the_site(export: WrittenExport, tmp_path: Path) -> None:
    done = run_verifier(export, tmp_path / "empty", "--key", site_key())
    assert (done.returncode, done.stderr) == (0, "")
    assert "The site signed the manifest with its key" in done.stdout
    assert "4 entries of the audit trail are unchanged, complete and in order." in done.stdout
    assert done.stdout.endswith("Everything is as the site wrote it.\n")


def test_it_says_which_key_it_used(export: WrittenExport, tmp_path: Path) -> None:
    done = run_verifier(export, tmp_path / "empty")
    assert done.returncode == 0
    assert "which is in this file. Give the site's key with --key to check who signed it." in done.stdout


def test_it_refuses_the_key_of_another_site(export: WrittenExport, tmp_path: Path) -> None:
    done = run_verifier(export, tmp_path / "empty", "--key", b64encode(b"\x01" * 32).decode())
    assert (done.returncode, "signature is not valid" in done.stdout) == (1, True)
    assert done.stdout.endswith("Do not trust this file.\n")


def test_it_says_that_a_file_is_no_export(tmp_path: Path) -> None:
    for content in (b"", b"PK", pack_files({"a": b"b"}).content, pack_files({"manifest.json": b"{}"}).content):
        path = tmp_path / "other.zip"
        path.write_bytes(content)
        assert verify_export.main([str(path)]) == 2
    assert verify_export.main([str(tmp_path / "missing.zip")]) == 2


def test_it_finds_a_flipped_byte_in_every_file(export: WrittenExport) -> None:
    files = read_files(export)
    assert find_faults(pack_files(files), site_key()) == []
    for name, content in files.items():
        for position in {0, len(content) // 2, len(content) - 1} if content else ():
            flipped = bytearray(content)
            flipped[position] ^= 1
            changed = pack_files(files | {name: bytes(flipped)})
            try:
                faults = find_faults(changed, site_key())
            except verify_export.CannotVerify:
                continue
            key_only = name == verify_export.SIGNATURE and b64decode_key(bytes(flipped)) == b64decode_key(content)
            assert faults or key_only, (name, position)


def b64decode_key(signature: bytes) -> tuple[str, bytes] | None:
    """What of a signature's file a verification with the site's own key uses."""
    try:
        return json.loads(signature)["signature"], b""
    except (ValueError, KeyError):
        return None


@pytest.mark.parametrize("field", ["signature", "public_key"])
def test_it_finds_a_flipped_bit_in_the_signature(export: WrittenExport, field: str) -> None:
    files = read_files(export)
    signature = json.loads(files[verify_export.SIGNATURE])
    value = bytearray(b64decode(signature[field]))
    value[5] ^= 1
    signature[field] = b64encode(value).decode()
    assert find_faults(pack_files(files | {verify_export.SIGNATURE: json.dumps(signature).encode()})) != []


def test_it_finds_a_flipped_byte_in_the_stored_file(export: WrittenExport, tmp_path: Path) -> None:
    """Also in the compressed bytes."""
    start = export.content.index(b"bank/transactions.jsonl") + 60
    for position in range(start, start + 30, 5):
        flipped = bytearray(export.content)
        flipped[position] ^= 0x10
        path = tmp_path / "flipped.zip"
        path.write_bytes(flipped)
        assert verify_export.main([str(path)]) in (1, 2)


def test_it_finds_a_missing_and_an_added_file(export: WrittenExport) -> None:
    files = read_files(export)
    missing = {name: content for name, content in files.items() if name != "bank/accounts.csv"}
    assert "bank/accounts.csv is missing." in find_faults(pack_files(missing))
    added = find_faults(pack_files(files | {"bank/secret.csv": b""}))
    assert added == ["bank/secret.csv was added: the manifest does not name it."]


def test_it_finds_a_file_that_is_there_twice(export: WrittenExport) -> None:
    content = io.BytesIO(export.content)
    with pytest.warns(UserWarning, match="Duplicate name"), ZipFile(content, "a") as archive:
        archive.writestr("bank/accounts.csv", b"another one")
    assert "bank/accounts.csv is there twice." in find_faults(WrittenExport(content.getvalue()))


# --- The audit trail, if somebody with the site's key had changed it ----------------------------------------


def edit_rows(files: dict[str, bytes], name: str, edit: Callable[[list[dict[str, object]]], None]) -> list[str]:
    """Change a file of the trail, and return the faults of the chain alone."""
    rows = [json.loads(line) for line in files[name].splitlines()]
    edit(rows)
    changed = files | {name: b"".join(json.dumps(row).encode() + b"\n" for row in rows)}
    archive = pack_files(changed).archive
    return verify_export.verify_chain(archive, dict.fromkeys(files))[1]


def test_it_recomputes_the_chain(export: WrittenExport) -> None:
    files = read_files(export)
    assert edit_rows(files, EVENTS, lambda rows: None) == []
    for field, value in (
        ("action", "sync"), ("outcome", "refused"), ("resource_id", "x"), ("actor", None),
        ("at", "2026-01-01T00:00:00.000000Z"), ("payload", "AAAA"),
    ):  # fmt: skip
        faults = edit_rows(files, EVENTS, lambda rows, field=field, value=value: rows[1].update({field: value}))
        assert faults == ["Entry 2 of the audit trail was changed."], field


def test_it_finds_a_removed_entry(export: WrittenExport) -> None:
    files = read_files(export)
    assert edit_rows(files, EVENTS, lambda rows: rows.pop(1)) == ["Entry 2 of the audit trail is gone."]
    assert "What came before entry 3 of the audit trail is gone." in edit_rows(files, LINKS, lambda rows: rows.pop(1))
    assert "The audit trail does not end where it should." in edit_rows(files, LINKS, lambda rows: rows.pop())
    assert "The audit trail does not end where it should." in edit_rows(files, HEAD, lambda rows: rows.clear())


def test_it_finds_an_added_entry(export: WrittenExport) -> None:
    files = read_files(export)
    added = edit_rows(files, EVENTS, lambda rows: rows.append(rows[0] | {"id": 10**12}))
    assert added == [f"The entry with the id {10**12} is not part of the audit trail."]


def test_it_verifies_a_trail_whose_old_entries_were_deleted(export: WrittenExport) -> None:
    """The first entry that is left continues a hash that is gone; all later ones are verified."""
    files = read_files(export)
    links = files[LINKS].splitlines(keepends=True)
    first_id = json.loads(links[0])["event_id"]
    events = [line for line in files[EVENTS].splitlines(keepends=True) if json.loads(line)["id"] != first_id]
    shortened = files | {LINKS: b"".join(links[1:]), EVENTS: b"".join(events)}
    assert edit_rows(shortened, EVENTS, lambda rows: None) == []
    changed = edit_rows(shortened, EVENTS, lambda rows: rows[-1].update(action="sync"))
    assert len(changed) == 1


def test_it_imports_nothing_of_the_site() -> None:
    source = Path(verify_export.__file__).read_text()
    imported = {
        line.split()[1].partition(".")[0]
        for line in source.splitlines()
        if line.strip().startswith(("import ", "from "))
    }
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}
