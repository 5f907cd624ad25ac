"""Restores an export into this site, and compares what is stored with the export."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4
from zipfile import BadZipFile

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection
from django.utils import timezone
from msgspec import MsgspecError

from compliance.audit import Action, record
from compliance.export.contents import write_export
from compliance.export.hashing import HashingSink
from compliance.export.manifest import SCHEMA_VERSION
from compliance.export.verify_export import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    CannotVerify,
    ExportArchive,
    open_export,
    read_all,
    read_entries,
    read_json,
    read_rows,
    verify,
)
from compliance.isolation import tenant
from compliance.isolation.snapshot import join_transaction
from compliance.isolation.tenant import SYSTEM
from compliance.personal_data import DataHolder, ExportFile
from compliance.personal_data.registry import list_holders
from compliance.restore.rows import MAX_LINE_BYTES, CannotRestore, RowBuilder
from compliance.vault import data_keys
from compliance.vault.errors import KeyDestroyed

# What columns, parsers and the database raise for a value that they cannot have, or that is nested too deep.
NOT_STORABLE: Final = (
    IntegrityError, DataError, ValidationError, MsgspecError, KeyError, TypeError, ValueError, RecursionError,
)  # fmt: skip
LOCK: Final = "SELECT pg_try_advisory_lock(hashtextextended('restore', 0))"
UNLOCK: Final = "SELECT pg_advisory_unlock(hashtextextended('restore', 0))"


@dataclass(frozen=True)
class RestoredFile:
    """A file of the export whose rows are stored, and give the same file again. ``rows`` is None if it has none."""

    name: str
    rows: int | None
    sha256: str


@dataclass(frozen=True)
class Restoration:
    """A restored account: its user, how many rows, what the verification found, and each file."""

    user_id: UUID
    rows: int
    findings: list[str]
    files: list[RestoredFile]


def restore_export(path: Path, *, key: str | None) -> Restoration:
    """Restore an export, all of it or nothing. ``key`` is the public key of the site that wrote it.

    Without a key, whoever made the file chose every value in it. Raises ``CannotRestore`` if the export is not as its
    site wrote it, its user exists here, or what would be stored here is not equal.
    """
    try:
        with lock_restoring(), open_export(path) as archive:
            findings, faults = verify(archive, key)
            if faults:
                raise CannotRestore(f"The export is not as its site wrote it. {' '.join(faults)}")
            manifest = read_json(read_all(archive, MANIFEST, MAX_MANIFEST_BYTES), MANIFEST)
            user_id = _read_user_id(manifest)
            _require_new_user(archive, user_id)
            rows, files = _store_account(archive, manifest, user_id)
    except (BadZipFile, CannotVerify, OSError, zlib.error) as error:
        raise CannotRestore(f"The file cannot be read: {error}") from error
    return Restoration(user_id, rows, findings, files)


@contextmanager
def lock_restoring() -> Iterator[None]:
    """Let one export be restored at a time: another one could destroy the key under which this one seals its rows.

    Raises ``CannotRestore`` instead of waiting. The lock belongs to the connection, so it is free again when it closes.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        if cursor.fetchone() != (True,):
            raise CannotRestore(
                "Another export is being restored here. Try again when that has ended. Nothing was changed."
            )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(UNLOCK)


def _read_user_id(manifest: dict[str, Any]) -> UUID:
    version = manifest.get("schema_version")
    if version != SCHEMA_VERSION:
        raise CannotRestore(f"The export has schema version {version}, and this site {SCHEMA_VERSION}.")
    try:
        user_id = UUID(manifest["user_id"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CannotRestore("The manifest does not name the export's user.") from error
    if user_id == SYSTEM:
        raise CannotRestore("The manifest names the site itself instead of a user.")
    return user_id


def _require_new_user(archive: ExportArchive, user_id: UUID) -> None:
    users, user_model = get_user_model()._default_manager, get_user_model()
    file = next(file for holder, file in _restorable_files() if holder.model is user_model)
    exported = next(read_rows(archive, file.name, MAX_LINE_BYTES), None) if file.name in archive.namelist() else None
    if not isinstance(exported, dict) or exported.get("id") != str(user_id):
        raise CannotRestore("The export does not have the user whom its manifest names.")
    if users.filter(pk=user_id).exists() or users.filter(email__iexact=str(exported.get("email"))).exists():
        raise CannotRestore("This site has an account with this id or this email address. Nothing was changed.")


def _store_account(archive: ExportArchive, manifest: dict[str, Any], user_id: UUID) -> tuple[int, list[RestoredFile]]:
    """Store all rows, and compare what they give with the export before the account stays."""
    try:
        with tenant(user_id):
            rows = _store_files(archive, user_id)
            record(
                Action.DATA_IMPORT,
                subject=user_id,
                resource="export",
                resource_id=str(manifest.get("export_id")),
                rows=rows,
            )
            return rows, _compare_files(manifest, user_id)
    except NOT_STORABLE as error:
        _forget_key(user_id)
        raise CannotRestore(f"A row cannot be stored here: {type(error).__name__}.") from error
    except KeyDestroyed as error:
        raise CannotRestore("This site has erased this user, and never stores anything of them again.") from error
    except BaseException:
        _forget_key(user_id)
        raise


def _store_files(archive: ExportArchive, user_id: UUID) -> int:
    present = set(archive.namelist())
    rows = sum(
        RowBuilder(archive, holder, file, user_id).store()
        for holder, file in _restorable_files()
        if file.name in present
    )
    for _, file in _restorable_files():
        if file.restored and file.restored.finish:
            file.restored.finish(user_id)
    return rows


def _restorable_files() -> Iterator[tuple[DataHolder, ExportFile]]:
    for holder in list_holders():
        for file in holder.export_files:
            if file.restored is not None:
                yield holder, file


def _forget_key(user_id: UUID) -> None:
    """Destroy the key of an account that was not stored: a data key is committed apart from the rows that it seals."""
    if get_user_model()._default_manager.filter(pk=user_id).exists():
        # Somebody else has stored this user meanwhile.
        return
    with tenant(user_id):
        data_keys.shred(user_id)


def _compare_files(manifest: dict[str, Any], user_id: UUID) -> list[RestoredFile]:
    """Export the account in the open transaction, and compare each restorable file. Raises ``CannotRestore``."""
    again = write_export(
        owner_id=user_id,
        export_id=uuid4(),
        at=timezone.now(),
        sink=HashingSink(),
        open_transaction=join_transaction,
    )
    # The manifest was verified, but it may be a forged one that calls nothing restorable.
    exported = read_entries(manifest)
    measures = {name: (entry["rows"], entry["sha256"]) for name, entry in exported.items()}
    written = {file.name: (file.rows, file.sha256) for file in again.files}
    names = [name for name, entry in exported.items() if entry.get("restorable") or name in again.restored]
    different = [name for name in names if measures[name] != written.get(name)]
    if different:
        raise CannotRestore(f"Nothing was restored, because these files would differ: {', '.join(different)}.")
    return [RestoredFile(name, *measures[name]) for name in names]
