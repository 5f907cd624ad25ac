"""The program inside an export finds every change, without the site: alone in an empty folder, by ``python -I``."""

import io
import json
import sys
import tracemalloc
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest

from accounts.models import User
from compliance.audit import Action, record
from compliance.audit.checkpoints import purge_trail
from compliance.export import verify_export
from compliance.export.archive import ArchiveWriter
from compliance.isolation import tenant
from compliance.signing import public_keys
from compliance.tests.tampering import connect_as_superuser, insert_old_events, tampering_superuser
from config.tests.exports import (
    WrittenExport,
    export_data,
    forge_manifest,
    pack_files,
    read_files,
    run_verifier,
    site_key,
)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops"])

MANIFEST = verify_export.MANIFEST
EVENTS, LINKS, HEAD = "activity/events.jsonl", "activity/hashes.jsonl", "activity/last_hash.jsonl"
CHECKPOINT = "activity/checkpoint.jsonl"


def find_faults(export: WrittenExport, key: str | None = None) -> list[str]:
    return verify_export.verify(export.archive, key)[1]


def test_it_verifies_an_export_without_the_site(export: WrittenExport, tmp_path: Path) -> None:
    done = run_verifier(export, tmp_path / "empty", "--key", site_key())
    assert (done.returncode, done.stderr) == (0, "")
    fingerprint = sha256(b64decode(site_key())).hexdigest()
    assert f"The manifest is signed with the key that you gave. Its fingerprint (SHA-256): {fingerprint}" in done.stdout
    assert "4 entries of the audit trail are unchanged, complete and in order." in done.stdout
    assert done.stdout.endswith("Everything is as the site wrote it.\n")


def test_it_says_that_a_key_inside_the_file_does_not_prove_who_signed_it(export: WrittenExport, tmp_path: Path) -> None:
    done = run_verifier(export, tmp_path / "empty")
    assert done.returncode == 0
    assert "The manifest is signed with a key that is in this file itself. Its fingerprint (SHA-256): " in done.stdout
    assert done.stdout.endswith("To know who signed it, give the site's key with --key.\n")


def test_it_names_the_key_that_verified_it_and_not_the_one_that_the_file_names(
    export: WrittenExport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged, key = forge_manifest(read_files(export), export.archive.read(MANIFEST))
    signature = json.loads(forged.archive.read(verify_export.SIGNATURE)) | {"key_id": next(iter(public_keys()))}
    forged = pack_files(read_files(forged) | {verify_export.SIGNATURE: json.dumps(signature).encode()})
    assert verify_export.main([str(forged.save(tmp_path))]) == 0
    shown = capsys.readouterr().out
    assert sha256(b64decode(key)).hexdigest() in shown
    assert signature["key_id"] not in shown


def test_it_prints_no_control_characters_of_a_file(
    export: WrittenExport, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = pack_files(read_files(export) | {"\x1b[2JOK\u202e\n": b""})
    assert verify_export.main([str(changed.save(tmp_path))]) == 1
    assert "FAILED  \\x1b[2JOK\\u202e\\n was added: the manifest does not name it.\n" in capsys.readouterr().out


def test_it_refuses_the_key_of_another_site(export: WrittenExport, tmp_path: Path) -> None:
    done = run_verifier(export, tmp_path / "empty", "--key", b64encode(b"\x01" * 32).decode())
    assert (done.returncode, "signature is not valid" in done.stdout) == (1, True)
    assert done.stdout.endswith("Do not trust this file.\n")


NO_KEYS = ["", " ", "A", "AAAA", "no base64", b64encode(b"\x01" * 31).decode(), b64encode(b"\x01" * 33).decode(), "ä"]


@pytest.mark.parametrize("key", NO_KEYS)
def test_it_refuses_what_is_no_key(
    export: WrittenExport, tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    """Instead of using the key inside the file, as if none had been given."""
    assert verify_export.main([str(export.save(tmp_path)), "--key", key]) == 2
    expected = (
        "This file cannot be checked: what you gave with --key is not a public key, which is 32 bytes in base64.\n"
    )
    assert capsys.readouterr().out == expected


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
    content = io.BytesIO()
    with ArchiveWriter(content, at=datetime.now(UTC)) as archive:
        for name, text in read_files(export).items():
            archive.write_bytes(name, text)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.write_bytes("bank/accounts.csv", b"another one")
    assert "bank/accounts.csv is there twice." in find_faults(WrittenExport(content.getvalue()))


# --- The audit trail, if somebody with the site's key had changed it ----------------------------------------


def edit_rows(files: dict[str, bytes], name: str, edit: Callable[[list[dict[str, object]]], None]) -> list[str]:
    """Change a file of the trail, and return the faults of the chain alone."""
    rows = [json.loads(line) for line in files[name].splitlines()]
    edit(rows)
    changed = files | {name: b"".join(json.dumps(row).encode() + b"\n" for row in rows)}
    return find_chain_faults(changed)


def find_chain_faults(files: dict[str, bytes]) -> list[str]:
    """Return the faults of the chain alone, as if the manifest described these files."""
    entries = [{"name": name, "bytes": len(text), "sha256": "", "rows": None} for name, text in files.items()]
    manifest = json.loads(files[MANIFEST]) | {"files": entries}
    return verify_export.verify_chain(pack_files(files).archive, manifest)[1]


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


def write_long_trail(count: int) -> dict[str, bytes]:
    """The files of a trail with many entries, as the site links them."""
    subject, events, links, previous = str(UUID(int=7)), [], [], None
    for number in range(1, count + 1):
        event = {
            "id": number, "at": "2026-11-30T08:15:00.123456Z", "subject": subject, "actor": subject, "action": "sync",
            "resource": "item", "resource_id": str(number), "outcome": "ok",
            "payload": b64encode(number.to_bytes(200, "big")).decode(),
        }  # fmt: skip
        digest = b64encode(verify_export.hash_entry(number, previous, event)).decode()
        previous = {"event_id": number, "sequence": number, "hash": digest}
        events.append(json.dumps(event).encode())
        links.append(json.dumps(previous).encode())
    head = json.dumps({"sequence": count, "hash": previous and previous["hash"]}).encode()
    manifest = json.dumps({"public_keys": {}, "user_id": subject}).encode()
    rows = {EVENTS: events, LINKS: links, HEAD: [head]}
    return {MANIFEST: manifest} | {name: b"".join(line + b"\n" for line in lines) for name, lines in rows.items()}


def test_it_needs_no_more_memory_for_more_entries() -> None:
    files = write_long_trail(10_000)
    tracemalloc.start()
    faults = find_chain_faults(files)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert faults == []
    assert peak < 8 << 20


def test_it_describes_some_of_many_faults() -> None:
    files = write_long_trail(1000)
    faults = find_chain_faults(files | {LINKS: b""})
    assert faults[:2] == [f"The entry with the id {number} is not part of the audit trail." for number in (1, 2)]
    assert faults[verify_export.MAX_FAULTS :] == ["There may be more that is wrong with the audit trail."]


def test_it_has_the_entries_in_the_order_of_their_chain(alice: User) -> None:
    """The one that was committed first comes first, also if it was written after another one."""
    with tenant(alice.pk):
        record(Action.SYNC, subject=alice)
        record(Action.LOGIN_FAILED, subject=alice, durable=True)
    files = read_files(export_data(alice))
    ids = {name: [json.loads(line) for line in files[name].splitlines()] for name in (EVENTS, LINKS)}
    assert [row["id"] for row in ids[EVENTS]] == [row["event_id"] for row in ids[LINKS]]
    assert [row["action"] for row in ids[EVENTS]] == ["login_failed", "sync"]
    assert find_chain_faults(files) == []


# --- A trail whose old entries were deleted when their time was over -------------------------------------------


@pytest.fixture
def trail_files(alice: User) -> Iterator[dict[str, bytes]]:
    """The files of an export of alice, whose first four entries were deleted."""
    with tampering_superuser(), connect_as_superuser() as session:
        insert_old_events(session, alice.pk, days=400, count=4)
        for action in (Action.USER_LOGIN, Action.SYNC):
            record(action, subject=alice)
        assert purge_trail() == 4
        yield read_files(export_data(alice))


def test_it_verifies_a_trail_whose_old_entries_were_deleted(trail_files: dict[str, bytes], tmp_path: Path) -> None:
    done = run_verifier(pack_files(trail_files), tmp_path / "empty", "--key", site_key())
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 entries of the audit trail are unchanged, complete and in order." in done.stdout
    assert "The site signed that it deleted entries up to number 4 when their time was over." in done.stdout


def test_it_verifies_the_first_entry_that_is_left(trail_files: dict[str, bytes]) -> None:
    faults = edit_rows(trail_files, EVENTS, lambda rows: rows[0].update(action="sync_failed"))
    assert faults == ["Entry 5 of the audit trail was changed."]


def test_it_finds_a_beginning_that_was_cut_off(export: WrittenExport) -> None:
    files = read_files(export)
    links = files[LINKS].splitlines(keepends=True)
    first_id = json.loads(links[0])["event_id"]
    events = [line for line in files[EVENTS].splitlines(keepends=True) if json.loads(line)["id"] != first_id]
    faults = find_chain_faults(files | {LINKS: b"".join(links[1:]), EVENTS: b"".join(events)})
    assert faults == ["What came before entry 2 of the audit trail is gone."]


@pytest.mark.parametrize(
    "values",
    [
        {"sequence": 5}, {"hash": b64encode(b"\x01" * 32).decode()}, {"purged_until": "2026-01-01T00:00:00.000000Z"},
        {"signature": b64encode(b"\x01" * 64).decode()},
    ],
    ids=str,
)  # fmt: skip
def test_it_finds_a_beginning_that_the_site_did_not_sign(
    trail_files: dict[str, bytes], values: dict[str, object]
) -> None:
    faults = edit_rows(trail_files, CHECKPOINT, lambda rows: rows[0].update(values))
    assert faults[0] == "The site did not sign that old entries of the audit trail were deleted."


def test_it_finds_the_beginning_of_another_trail(trail_files: dict[str, bytes]) -> None:
    manifest = json.loads(trail_files[MANIFEST]) | {"user_id": str(UUID(int=1))}
    faults = find_chain_faults(trail_files | {MANIFEST: json.dumps(manifest).encode()})
    assert faults == ["The site did not sign that old entries of the audit trail were deleted."]


def test_it_says_that_the_key_of_the_beginning_is_missing(trail_files: dict[str, bytes]) -> None:
    faults = edit_rows(trail_files, CHECKPOINT, lambda rows: rows[0].update(key_id="older"))
    assert faults == ["The key older, which signed where the audit trail begins, is not in this file."]


@pytest.mark.parametrize("sequence", [-1, 4.0, "4", 1 << 63])
def test_it_counts_no_entries_from_what_is_no_count(export: WrittenExport, sequence: object) -> None:
    faults = edit_rows(read_files(export), HEAD, lambda rows: rows[0].update(sequence=sequence))
    assert faults == ["The audit trail cannot be read: ValueError."]


def test_it_finds_two_beginnings_and_a_removed_one(trail_files: dict[str, bytes]) -> None:
    assert edit_rows(trail_files, CHECKPOINT, lambda rows: rows.append(rows[0])) == [
        "The audit trail has more than one beginning."
    ]
    assert edit_rows(trail_files, CHECKPOINT, lambda rows: rows.clear()) == [
        "What came before entry 5 of the audit trail is gone."
    ]


def test_it_imports_nothing_of_the_site() -> None:
    source = Path(verify_export.__file__).read_text()
    imported = {
        line.split()[1].partition(".")[0]
        for line in source.splitlines()
        if line.strip().startswith(("import ", "from "))
    }
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}
