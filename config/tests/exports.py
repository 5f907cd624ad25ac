"""Request and write exports in tests, read what is in them, and empty the site as if it were another one."""

import errno
import io
import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from accounts.models import User
from compliance.export import attempts, building, downloads, lifecycle, storage
from compliance.export.archive import ArchiveWriter
from compliance.export.contents import write_export
from compliance.export.data_export import DataExport
from compliance.export.verify_export import CONTEXT, MANIFEST, SIGNATURE, ExportArchive
from compliance.isolation import tenant
from compliance.signing import public_keys
from compliance.signing.signatures import build_signed_bytes
from compliance.vault import data_keys
from config.tests.table_emptying import empty_tables
from conftest import connect_as_role


@dataclass(frozen=True)
class WrittenExport:
    """An export as its person downloads it."""

    content: bytes

    @property
    def archive(self) -> ExportArchive:
        return ExportArchive(io.BytesIO(self.content))

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads(self.archive.read("manifest.json"))

    def read_text(self, name: str) -> str:
        return self.archive.read(name).decode()

    def read_rows(self, name: str) -> list[dict[str, Any]]:
        # A text would be split at other ends of lines, too, which a value may have.
        return [json.loads(line) for line in self.archive.read(name).splitlines()]

    def count_rows(self) -> dict[str, int]:
        return {entry["name"]: entry["rows"] for entry in self.manifest["files"] if entry["rows"]}

    def save(self, folder: Path) -> Path:
        path = folder / "export.zip"
        path.write_bytes(self.content)
        return path


@pytest.fixture
def write_progress_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the progress of an export with every file, not twice a second."""
    monkeypatch.setattr(attempts, "PROGRESS_SECONDS", 0)


@pytest.fixture
def folder(settings, tmp_path: Path) -> Path:
    """Where the files of exports are stored during one test."""
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
    """List the files of a folder, without its marker."""
    names = (path.name for path in folder.iterdir()) if folder.exists() else ()
    return sorted(name for name in names if name != storage.MARKER)


def download(export: DataExport) -> WrittenExport:
    code = downloads.make_download_code(owner_id=export.owner_id, export_id=export.pk)
    started = downloads.start_download(owner_id=export.owner_id, export_id=export.pk, code=code)
    with closing(started.content):
        return WrittenExport(b"".join(started.content))


def refuse_to_delete(monkeypatch: pytest.MonkeyPatch, *paths: Path) -> None:
    """Let the disk refuse to delete some files, or all of them."""
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if not paths or path in paths:
            raise OSError(errno.EROFS, "Read-only file system")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)


def run_elsewhere(statement: str, *values: object) -> None:
    """Run a statement on a connection of its own, as the role that sees all rows."""
    with connect_as_role("ops") as operator:
        operator.execute(statement, values)


def export_data(user: User) -> WrittenExport:
    """Write everything about a user."""
    sink = io.BytesIO()
    write_export(owner_id=user.pk, export_id=uuid4(), at=datetime.now(UTC), sink=sink)
    return WrittenExport(sink.getvalue())


def pack_files(files: Mapping[str, bytes]) -> WrittenExport:
    """Write files as they are into an archive, in the form in which the site writes one."""
    content = io.BytesIO()
    with ArchiveWriter(content, at=datetime.now(UTC)) as archive:
        for name, text in files.items():
            archive.write_bytes(name, text)
    return WrittenExport(content.getvalue())


def forge_export(
    export: WrittenExport, changes: Mapping[str, Callable[[bytes], bytes]], **manifest_values: Any
) -> tuple[WrittenExport, str]:
    """Change files, and sign a manifest that fits with a key of the forger's own. Returns the public key, too."""
    files = {name: export.archive.read(name) for name in export.archive.namelist()}
    for name, change in changes.items():
        files[name] = change(files[name])
    manifest = export.manifest | manifest_values
    for entry in manifest["files"]:
        content = files[entry["name"]]
        entry["bytes"], entry["sha256"] = len(content), sha256(content).hexdigest()
        entry["rows"] = entry["rows"] and content.count(b"\n")
    return forge_manifest(files, json.dumps(manifest).encode())


def forge_manifest(files: Mapping[str, bytes], manifest: bytes) -> tuple[WrittenExport, str]:
    """Put a manifest beside files, signed with a key of the forger's own. Returns the public key, too."""
    key = Ed25519PrivateKey.generate()
    public_key = b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    signature = key.sign(build_signed_bytes(CONTEXT, manifest))
    signed = {"key_id": "forged", "public_key": public_key, "signature": b64encode(signature).decode()}
    return pack_files({**files, MANIFEST: manifest, SIGNATURE: json.dumps(signed).encode()}), public_key


def site_key() -> str:
    """Return the public key of this site."""
    return next(iter(public_keys().values()))


def empty_site(user_id: UUID) -> None:
    """Delete every row and the user's data key, so that the site is as a new one."""
    empty_tables()
    with tenant(user_id):
        data_keys.shred(user_id)
    data_keys.clear_cache()


def read_files(export: WrittenExport) -> dict[str, bytes]:
    with export.archive as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def run_verifier(
    export: WrittenExport, folder: Path, *arguments: str, program: WrittenExport | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the program that the export, or another one, contains, in a folder with nothing else."""
    folder.mkdir()
    (folder / "verify_export.py").write_bytes((program or export).archive.read("verify_export.py"))
    command = [sys.executable, "-I", "verify_export.py", str(export.save(folder)), *arguments]
    return subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False)
