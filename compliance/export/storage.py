"""The files of exports in ``EXPORT_DIR``: encrypted, readable only by the site, and complete or not there at all.

A file is written under a temporary name, stored on disk, and then renamed. What a killed worker left behind has its
temporary name still, and is deleted when the next attempt of the same export begins, or by the hourly purge.

What cannot be deleted is logged, and left to the next purge. Without its key, which is in the export's row, nobody can
open it.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

from django.conf import settings

logger = logging.getLogger(__name__)

SUFFIX: Final = ".zip.enc"
PARTIAL_SUFFIX: Final = ".partial"
# Is in the folder, and not in an empty one that is there while the disk of exports is not mounted.
MARKER: Final = ".exports"


def export_dir() -> Path:
    """Return the folder of exports, and create it. Only this user of the machine can open it."""
    folder = Path(settings.EXPORT_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def export_path(export_id: UUID) -> Path:
    """Return where the file of an export is once it is complete."""
    return Path(settings.EXPORT_DIR) / f"{export_id}{SUFFIX}"


def partial_path(export_id: UUID, *, holder: UUID) -> Path:
    """Return where a worker writes the file of an export."""
    return Path(settings.EXPORT_DIR) / f"{export_id}.{holder}{PARTIAL_SUFFIX}"


@contextmanager
def create_file(export_id: UUID, *, holder: UUID) -> Iterator[BinaryIO]:
    """Write the file of an export under the name of ``partial_path``.

    It is deleted when the block ends, unless ``complete_file`` has given it its own name.
    """
    export_dir()
    partial = partial_path(export_id, holder=holder)
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
    finally:
        _delete(partial)


def complete_file(export_id: UUID, *, holder: UUID) -> None:
    """Give the file that a worker has written, and stored on disk, the name of the export's complete file.

    Raises ``OSError``, with no file left, also if the new name could not be stored on disk.
    """
    complete = partial_path(export_id, holder=holder).replace(export_path(export_id))
    try:
        _sync_folder()
    except OSError:
        _delete(complete)
        raise


def delete_files(export_id: UUID) -> int:
    """Delete every file of an export, complete or not. Returns how many were deleted."""
    return _delete(export_path(export_id)) + delete_partial_files(export_id)


def delete_partial_files(export_id: UUID) -> int:
    """Delete the unfinished files of an export, of workers that were killed or have lost it. Returns how many."""
    try:
        partial = list(Path(settings.EXPORT_DIR).glob(f"{export_id}.*{PARTIAL_SUFFIX}"))
    except OSError as error:
        logger.error("The unfinished files of export %s cannot be listed: %s", export_id, error.strerror)
        return 0
    return sum(map(_delete, partial))


def delete_partial_file(export_id: UUID, *, holder: UUID) -> bool:
    """Delete the unfinished file of one worker. Returns whether there was one."""
    return _delete(partial_path(export_id, holder=holder))


def list_complete_files() -> Iterator[UUID]:
    """Yield the id of each export that has a complete file. Other files in the folder are none of ours, and stay."""
    yield from (export_id for (export_id,) in _list_ids(SUFFIX, count=1))


def list_partial_files() -> Iterator[tuple[UUID, UUID]]:
    """Yield the id of the export and of the worker of each unfinished file."""
    yield from ((export_id, holder) for export_id, holder in _list_ids(PARTIAL_SUFFIX, count=2))


def mark_folder() -> None:
    """Mark the folder as the one that has the files of exports."""
    Path(settings.EXPORT_DIR, MARKER).touch(mode=0o600)


def is_folder_marked() -> bool:
    """Return whether the folder is there, and the one that has the files of exports."""
    return Path(settings.EXPORT_DIR, MARKER).exists()


def _list_ids(suffix: str, *, count: int) -> Iterator[list[UUID]]:
    if not Path(settings.EXPORT_DIR).is_dir():
        return
    with os.scandir(settings.EXPORT_DIR) as entries:
        names = sorted(entry.name.removesuffix(suffix) for entry in entries if entry.name.endswith(suffix))
    for name in names:
        try:
            ids = list(map(UUID, name.split(".")))
        except ValueError:
            continue
        if len(ids) == count:
            yield ids


def _delete(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        logger.error("%s cannot be deleted, and is left to the next purge: %s", path.name, error.strerror)
        return False
    return True


def _sync_folder() -> None:
    descriptor = os.open(settings.EXPORT_DIR, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
