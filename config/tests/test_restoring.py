"""What a forged or damaged export cannot do to a site that restores it."""

import io
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from compliance.audit import Action, record
from compliance.audit.events import AuditEvent
from compliance.export.verify_export import CHECKPOINT
from compliance.isolation import tenant
from compliance.isolation.tenant import SYSTEM
from compliance.models import DataKey
from compliance.restore import restoring
from compliance.tests.threads import in_threads
from compliance.vault import data_keys
from config.tests.exports import (
    WrittenExport,
    empty_site,
    export_data,
    forge_export,
    forge_manifest,
    pack_files,
    read_files,
    site_key,
)

pytestmark = pytest.mark.django_db(transaction=True)

USER, ADDRESSES = "profile/user.jsonl", "profile/email_addresses.jsonl"


@pytest.fixture
def export(mallory: User) -> WrittenExport:
    """Mallory's own export; the site that restores it is another one."""
    export = export_data(mallory)
    empty_site(mallory.pk)
    return export


def edit_lines(**values: Any) -> Callable[[bytes], bytes]:
    return lambda content: b"".join(
        json.dumps(json.loads(line) | values).encode() + b"\n" for line in content.splitlines()
    )


def restore(forged: tuple[WrittenExport, str], folder: Path) -> str:
    """Restore an export, as if its forger's key were the key of a site."""
    export, key = forged
    output = io.StringIO()
    call_command("import_export", export.save(folder), key=key, stdout=output)
    return output.getvalue()


def count_keys(user: User) -> int:
    with tenant(user.pk):
        return DataKey.objects.filter(owner=user.pk).count()


def list_system_events() -> list[AuditEvent]:
    with tenant(SYSTEM):
        return list(AuditEvent.objects.filter(subject=SYSTEM).order_by("pk"))


def test_it_restores_what_another_site_signed(export: WrittenExport, mallory: User, tmp_path: Path) -> None:
    assert "Every restorable file is equal." in restore(forge_export(export, {}), tmp_path)
    assert User.objects.get().pk == mallory.pk


def test_it_asks_who_wrote_the_export(export: WrittenExport, mallory: User, tmp_path: Path) -> None:
    path = export.save(tmp_path)
    with pytest.raises(CommandError, match="--key --accept-any-signer is required"):
        call_command("import_export", path)
    assert not User.objects.exists()
    call_command("import_export", path, accept_any_signer=True, stdout=io.StringIO())
    assert User.objects.get().pk == mallory.pk


@pytest.mark.parametrize("key", ["", "A", "AAAA", "no base64", "ä"])
def test_it_refuses_what_is_no_key(export: WrittenExport, tmp_path: Path, key: str) -> None:
    with pytest.raises(CommandError, match="is not a public key"):
        restore((export, key), tmp_path)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "values",
    [{"is_superuser": True, "is_staff": True}, {"password": "argon2$chosen"}, {"pk": 1}],
    ids=str,
)
def test_it_stores_no_column_that_its_file_does_not_have(
    export: WrittenExport, mallory: User, tmp_path: Path, values: dict[str, Any]
) -> None:
    with pytest.raises(CommandError, match=f"{USER} has a row with other values"):
        restore(forge_export(export, {USER: edit_lines(**values)}), tmp_path)
    assert (User.objects.count(), count_keys(mallory)) == (0, 0)


def test_it_stores_no_row_without_a_column_of_its_file(export: WrittenExport, tmp_path: Path) -> None:
    def drop_name(content: bytes) -> bytes:
        row = json.loads(content)
        del row["first_name"]
        return json.dumps(row).encode() + b"\n"

    with pytest.raises(CommandError, match=f"{USER} has a row with other values"):
        restore(forge_export(export, {USER: drop_name}), tmp_path)


def test_it_stores_nothing_that_is_not_equal_afterwards(export: WrittenExport, mallory: User, tmp_path: Path) -> None:
    """The same row, written in another way; whatever the manifest says about what can be restored."""
    for is_restorable in (True, False):
        files = export.manifest["files"]
        next(entry for entry in files if entry["name"] == USER)["restorable"] = is_restorable
        forged = forge_export(export, {USER: lambda content: content.replace(b'":', b'": ')}, files=files)
        with pytest.raises(CommandError, match=f"these files would differ: {USER}"):
            restore(forged, tmp_path)
        assert (User.objects.count(), count_keys(mallory)) == (0, 0)


@pytest.mark.parametrize(
    "values",
    [
        {"first_name": "too long " * 99}, {"first_name": "\x00"}, {"created_at": []}, {"created_at": "yesterday"},
        {"link_id": 1.5}, {"email": None},
    ],
    ids=str,
)  # fmt: skip
def test_it_refuses_a_value_that_a_column_cannot_have(
    export: WrittenExport, mallory: User, tmp_path: Path, values: dict[str, Any]
) -> None:
    with pytest.raises(CommandError, match="cannot be stored here"):
        restore(forge_export(export, {USER: edit_lines(**values)}), tmp_path)
    assert (User.objects.count(), count_keys(mallory)) == (0, 0)


def test_it_refuses_a_row_that_is_nested_too_deep(export: WrittenExport, mallory: User, tmp_path: Path) -> None:
    def nest(content: bytes) -> bytes:
        return content.replace(b'"mallory@example.com"', b"[" * 100_000 + b"]" * 100_000)

    assert nest(export.archive.read(ADDRESSES)) != export.archive.read(ADDRESSES)
    with pytest.raises(CommandError, match="cannot be stored here: RecursionError"):
        restore(forge_export(export, {ADDRESSES: nest}), tmp_path)
    assert (User.objects.count(), count_keys(mallory)) == (0, 0)


@pytest.mark.parametrize("content", [b"", b"[]\n", b"null\n", b"{\n", b"[" * 10_000 + b"\n"], ids=range(5))
def test_it_refuses_a_user_that_is_no_row(export: WrittenExport, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CommandError, match=r"does not have the user|is damaged"):
        restore(forge_export(export, {USER: lambda _: content}), tmp_path)


@pytest.mark.parametrize("user_id", [None, 1, [], "", "mallory"], ids=str)
def test_it_refuses_a_manifest_without_a_user(export: WrittenExport, tmp_path: Path, user_id: Any) -> None:
    with pytest.raises(CommandError, match="does not name the export's user"):
        restore(forge_export(export, {}, user_id=user_id), tmp_path)


@pytest.mark.parametrize("rows", [1, 2])
def test_it_makes_nobody_the_site_itself(export: WrittenExport, tmp_path: Path, rows: int) -> None:
    """Whose key seals what belongs to nobody. Also if the rows could not be stored."""
    record(Action.LOGIN_FAILED, subject=None, note="about nobody")
    before = list_system_events()
    change = edit_lines(id=str(SYSTEM))
    forged = forge_export(export, {USER: lambda content: change(content) * rows}, user_id=str(SYSTEM))
    with pytest.raises(CommandError, match="names the site itself"):
        restore(forged, tmp_path)
    data_keys.clear_cache()
    assert not User.objects.exists()
    assert [event.pk for event in list_system_events()] == [event.pk for event in before]
    assert list_system_events()[-1].details()["note"] == "about nobody"


def test_it_restores_one_export_at_a_time(
    export: WrittenExport, mallory: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second command that fails must not destroy the key under which the first one seals."""
    forged, outcomes = forge_export(export, {}), []
    write_export = restoring.write_export

    def restore_again(**options: Any) -> Any:
        if not outcomes:
            outcomes.append("first")
            outcomes.extend(in_threads(1, lambda: restore(forged, tmp_path)))
        return write_export(**options)

    monkeypatch.setattr(restoring, "write_export", restore_again)
    assert "Every restorable file is equal." in restore(forged, tmp_path)
    assert [str(outcome) for outcome in outcomes[1:]] == [
        "Another export is being restored here. Try again when that has ended. Nothing was changed."
    ]
    data_keys.clear_cache()
    assert (User.objects.count(), count_keys(mallory)) == (1, 1)
    # The lock is free again, also after an error.
    for _ in range(2):
        with pytest.raises(CommandError, match="has an account with this id"):
            restore(forged, tmp_path)


def test_it_destroys_the_key_after_any_error(
    export: WrittenExport, mallory: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        assert count_keys(mallory) == 1
        raise ZeroDivisionError

    monkeypatch.setattr("compliance.restore.restoring.write_export", fail)
    with pytest.raises(ZeroDivisionError):
        restore(forge_export(export, {}), tmp_path)
    assert (User.objects.count(), count_keys(mallory)) == (0, 0)


# --- What the operator's terminal shows -------------------------------------------------------------------

CONTROL = "\x1b]0;owned\x07\x1b[2J\u202e\n"
ESCAPED = "\\x1b]0;owned\\x07\\x1b[2J\\u202e\\n"


def add_file(export: WrittenExport) -> tuple[WrittenExport, str]:
    """With a name that the manifest does not have."""
    return pack_files({**read_files(export), CONTROL: b""}), site_key()


def add_restorable_file(export: WrittenExport) -> tuple[WrittenExport, str]:
    """With a name that the manifest has, and this site does not."""
    entry = {"name": CONTROL, "bytes": 0, "sha256": sha256(b"").hexdigest(), "rows": None, "restorable": True}
    manifest = export.manifest
    manifest["files"].append(entry)
    return forge_manifest({**read_files(export), CONTROL: b""}, json.dumps(manifest).encode())


def name_key(export: WrittenExport) -> tuple[WrittenExport, str]:
    """The one that signed where the audit trail begins."""
    row = {"sequence": 0, "hash": "", "purged_until": "", "key_id": CONTROL, "signature": ""}
    return forge_export(export, {CHECKPOINT: lambda content: json.dumps(row).encode() + b"\n"})


def name_version(export: WrittenExport) -> tuple[WrittenExport, str]:
    return forge_export(export, {}, schema_version=CONTROL)


@pytest.mark.parametrize("forge", [add_file, add_restorable_file, name_key, name_version])
def test_it_prints_no_control_characters_of_a_file(
    export: WrittenExport, tmp_path: Path, forge: Callable[[WrittenExport], tuple[WrittenExport, str]]
) -> None:
    with pytest.raises(CommandError) as error:
        restore(forge(export), tmp_path)
    assert ESCAPED in str(error.value)
    assert str(error.value).isprintable()
