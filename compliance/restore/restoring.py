"""Restores an export into this site, and compares what is stored with the export."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zipfile import BadZipFile, ZipFile

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone
from msgspec import MsgspecError

from compliance.audit import Action, record
from compliance.export.contents import write_export
from compliance.export.hashing import HashingSink
from compliance.export.manifest import SCHEMA_VERSION
from compliance.export.verify_export import MANIFEST, CannotVerify, verify
from compliance.isolation import tenant
from compliance.personal_data import DataHolder, ExportFile
from compliance.personal_data.registry import list_holders
from compliance.restore.rows import CannotRestore, RowBuilder
from compliance.vault import data_keys


@dataclass(frozen=True)
class FileComparison:
    """A restorable file in the export, and the same file written again: rows and SHA-256; None where it is missing."""

    name: str
    exported: tuple[int | None, str]
    restored: tuple[int | None, str] | None

    @property
    def is_equal(self) -> bool:
        """Whether nothing was lost or changed."""
        return self.exported == self.restored


@dataclass(frozen=True)
class Restoration:
    """A restored account: its user, how many rows, what the verification found, and each file compared."""

    user_id: UUID
    rows: int
    findings: list[str]
    files: list[FileComparison]


def restore_export(path: Path, *, key: str | None = None) -> Restoration:
    """Restore an export, all of it or nothing. ``key`` is the public key of the site that wrote it.

    Raises ``CannotRestore`` if the export is not as its site wrote it, or its user exists here.
    """
    try:
        with ZipFile(path) as archive:
            findings, faults = verify(archive, key)
            if faults:
                raise CannotRestore(f"The export is not as its site wrote it. {' '.join(faults)}")
            manifest = json.loads(archive.read(MANIFEST))
            user_id = UUID(manifest["user_id"])
            rows = _store_files(archive, manifest, user_id)
    except (BadZipFile, CannotVerify, OSError) as error:
        raise CannotRestore(f"The file cannot be read: {error}") from error
    return Restoration(user_id, rows, findings, compare_files(manifest, user_id))


def _store_files(archive: ZipFile, manifest: dict[str, Any], user_id: UUID) -> int:
    if manifest["schema_version"] != SCHEMA_VERSION:
        raise CannotRestore(
            f"The export has schema version {manifest['schema_version']}, and this site {SCHEMA_VERSION}."
        )
    _require_new_user(archive, user_id)
    present = {entry["name"] for entry in manifest["files"]}
    try:
        with tenant(user_id):
            rows = sum(
                RowBuilder(archive, holder, file, user_id).store()
                for holder, file in _restorable_files()
                if file.name in present
            )
            for _, file in _restorable_files():
                if file.restored and file.restored.finish:
                    file.restored.finish(user_id)
            record(Action.DATA_IMPORT, subject=user_id, resource="export", resource_id=manifest["export_id"], rows=rows)
    except (IntegrityError, ValidationError, MsgspecError, KeyError) as error:
        _forget_key(user_id)
        raise CannotRestore(f"A row cannot be stored here: {type(error).__name__}.") from error
    return rows


def _restorable_files() -> Iterator[tuple[DataHolder, ExportFile]]:
    for holder in list_holders():
        for file in holder.export_files:
            if file.restored is not None:
                yield holder, file


def _require_new_user(archive: ZipFile, user_id: UUID) -> None:
    users, user_model = get_user_model()._default_manager, get_user_model()
    file = next(file for holder, file in _restorable_files() if holder.model is user_model)
    with archive.open(file.name) as stream:
        exported = json.loads(stream.readline() or b"null")
    if exported is None or exported["id"] != str(user_id):
        raise CannotRestore("The export does not have the user whom its manifest names.")
    if users.filter(pk=user_id).exists() or users.filter(email__iexact=exported["email"]).exists():
        raise CannotRestore("This site has an account with this id or this email address. Nothing was changed.")


def _forget_key(user_id: UUID) -> None:
    # A data key is committed apart from the rows that it seals, which are gone.
    with tenant(user_id):
        data_keys.shred(user_id)


def compare_files(manifest: dict[str, Any], user_id: UUID) -> list[FileComparison]:
    """Export the restored account, and compare every restorable file with that of a manifest."""
    again = write_export(owner_id=user_id, export_id=uuid4(), at=timezone.now(), sink=HashingSink())
    restored = {file.name: (file.rows, file.sha256) for file in again.files}
    return [
        FileComparison(entry["name"], (entry["rows"], entry["sha256"]), restored.get(entry["name"]))
        for entry in manifest["files"]
        if entry["restorable"]
    ]
