"""Writes what an export contains: the files of every registered model, the manifest, and how to verify it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string

from compliance.export.archive import ArchivedFile, ArchiveWriter, ByteSink
from compliance.export.manifest import Manifest, WithheldRow, list_withheld_fields, sign_manifest
from compliance.export.rows.row_values import to_json_value
from compliance.export.rows.table_rows import FileRows, RowBlock, gather_blocks, select_rows
from compliance.export.rows.unreadable_rows import UNREADABLE_ROWS, UnreadableRow
from compliance.export.verify_export import MANIFEST, SIGNATURE
from compliance.isolation.snapshot import snapshot
from compliance.personal_data import DataHolder, ExportFile, UnreadableValue
from compliance.personal_data.registry import list_holders
from compliance.signing import public_keys
from compliance.vault import SealError

README: Final = "README.txt"
VERIFIER: Final = Path(__file__).with_name("verify_export.py")


class Progress(Protocol):
    """Who wants to know how far the writing is. Both methods may raise an exception, which ends it."""

    def advance(self, name: str) -> None:
        """Begin the next file or group of files."""

    def renew_if_due(self) -> None:
        """Go on with the same file."""


class NoProgress:
    """Nobody wants to know."""

    def advance(self, name: str) -> None:
        """Do nothing."""

    def renew_if_due(self) -> None:
        """Do nothing."""


def list_part_names() -> list[str]:
    """List the files and folders of an export, in the order in which they are written."""
    return [name for holder in list_holders() for name in _part_names(holder)]


def _part_names(holder: DataHolder) -> list[str]:
    return [file.name for file in holder.export_files] + ([holder.attached.folder] if holder.attached else [])


def find_label(part_name: str) -> str:
    """Return what a file or folder of an export has, for pages; empty for a name of another version."""
    labels = (str(holder.label) for holder in list_holders() if part_name in _part_names(holder))
    return next(labels, "")


def write_export(
    *,
    owner_id: UUID,
    export_id: UUID,
    at: datetime,
    sink: ByteSink,
    progress: Progress | None = None,
    open_transaction: Callable[[UUID], AbstractContextManager[None]] = snapshot,
) -> Manifest:
    """Write everything about a person into a ZIP file, as it is at one moment. Returns the manifest."""
    manifest = Manifest(export_id, owner_id, at)
    progress = progress or NoProgress()
    with closing(manifest.unreadable), ArchiveWriter(sink, at=at) as archive:
        with open_transaction(owner_id):
            for holder in list_holders():
                HolderWriter(archive, manifest, holder, progress).write()
        if manifest.unreadable.count:
            lines = renew_while(gather_blocks(manifest.unreadable.iterate_lines()), progress)
            manifest.files.append(archive.write_blocks(UNREADABLE_ROWS, lines))
        manifest.withheld_fields = list_withheld_fields(list_holders())
        manifest.files.append(archive.write_bytes(README, render_readme(manifest)))
        manifest.files.append(archive.write_bytes(VERIFIER.name, VERIFIER.read_bytes()))
        content = manifest.encode()
        archive.write_bytes(MANIFEST, content)
        archive.write_bytes(SIGNATURE, sign_manifest(content))
    return manifest


def renew_while(blocks: Iterable[RowBlock], progress: Progress) -> Iterator[RowBlock]:
    """Yield blocks of rows, and let the progress know before each of them."""
    for block in blocks:
        progress.renew_if_due()
        yield block


def render_readme(manifest: Manifest) -> bytes:
    """Say in plain words what the files are, and how to check and restore them."""
    key_id, public_key = next(iter(public_keys().items()))
    holders = [holder for holder in list_holders() if holder.export_files]
    context = {
        "site": settings.PUBLIC_URL,
        "at": to_json_value(manifest.created_at),
        "holders": holders,
        "key_id": key_id,
        "public_key": public_key,
        "unreadable_rows": UNREADABLE_ROWS if manifest.unreadable.count else None,
    }
    return render_to_string("compliance/export_readme.txt", context).encode()


class HolderWriter:
    """Writes the rows of one model."""

    def __init__(self, archive: ArchiveWriter, manifest: Manifest, holder: DataHolder, progress: Progress) -> None:
        self._archive = archive
        self._manifest = manifest
        self._holder = holder
        self._progress = progress
        self._excluded: tuple[Any, ...] = ()

    def write(self) -> None:
        """Write all files of the model."""
        self._excluded = tuple(self._note_withheld_rows())
        for file in self._holder.export_files:
            self._progress.advance(file.name)
            self._write_file(file)
        if self._holder.attached:
            self._progress.advance(self._holder.attached.folder)
            self._write_attached()

    def _note_withheld_rows(self) -> Iterator[Any]:
        for withheld in self._holder.withheld_rows:
            rows = select_rows(self._holder, self._manifest.owner_id).filter(withheld.rows).order_by("pk")
            for key in rows.values_list("pk", flat=True):
                reason = WithheldRow(self._holder.model._meta.label_lower, str(key), str(withheld.reason))
                self._manifest.withheld_rows.append(reason)
                yield key

    def _write_file(self, file: ExportFile) -> None:
        rows = FileRows(self._holder, file, self._manifest.owner_id, self._excluded, self._manifest.unreadable)
        # Closed also when the writing fails: no other statement, not even a rollback, can run during a COPY.
        with closing(rows.iterate_blocks()) as blocks:
            written = self._archive.write_blocks(file.name, renew_while(blocks, self._progress), head=rows.head)
        self._add(written, is_restored=file.restored is not None)
        self._manifest.columns[file.name] = rows.names

    def _write_attached(self) -> None:
        attached = self._holder.attached
        if attached is None:
            return
        rows = select_rows(self._holder, self._manifest.owner_id, self._excluded).order_by("pk")
        for row in rows.iterator(chunk_size=attached.batch_size):
            self._progress.renew_if_due()
            name = f"{attached.folder}/{row.pk}{attached.suffix}"
            try:
                content = attached.read(row)
            except (SealError, UnreadableValue):
                self._manifest.unreadable.append(UnreadableRow(name, str(row.pk), (attached.attribute,)))
                continue
            self._add(self._archive.write_bytes(name, content), is_restored=True)

    def _add(self, file: ArchivedFile, *, is_restored: bool) -> None:
        self._manifest.files.append(file)
        self._manifest.models[file.name] = self._holder.model._meta.label_lower
        if is_restored:
            self._manifest.restored.add(file.name)
