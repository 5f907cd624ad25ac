"""Writes the file of a requested export, verifies it, and makes it available to its person."""

import errno
import logging
from base64 import b64encode
from typing import Final
from uuid import UUID
from zipfile import BadZipFile

from django.utils import timezone

from compliance.audit.verification_results import verify_own_chain
from compliance.export import encrypted_file, storage
from compliance.export.archive import ArchiveReader
from compliance.export.attempts import ExportAttempt, ExportStopped, claim_export
from compliance.export.contents import list_part_names, write_export
from compliance.export.data_export import ExportError
from compliance.export.encrypted_file import DamagedFile, EncryptedReader, EncryptedWriter
from compliance.export.hashing import HashingSink
from compliance.export.manifest import Manifest
from compliance.export.verify_export import CannotVerify, TrailFault, verify
from compliance.isolation import tenant
from compliance.vault import SealError, build_aad

logger = logging.getLogger(__name__)

NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def build_export(*, owner_id: UUID, export_id: UUID) -> bool:
    """Write one export, if it is due. Returns whether it is ready now.

    Of two workers one does nothing. After an error of the disk the export is due again in some minutes. Any other
    exception leaves it to the next worker, once the lease has expired.
    """
    # The last step is the check of the file.
    attempt = claim_export(owner_id=owner_id, export_id=export_id, part_count=len(list_part_names()) + 1)
    if attempt is None:
        return False
    try:
        with attempt.keep_connection():
            trail_faults = _write_and_finish(attempt)
    except ExportStopped:
        logger.info("Export %s was stopped", export_id)
        return False
    except (OSError, DamagedFile, BadZipFile, CannotVerify, SealError) as error:
        logger.error("Export %s could not be written: %s", export_id, type(error).__name__)
        attempt.fail(find_error_code(error))
        return False
    if trail_faults:
        _report_trail_faults(attempt, trail_faults)
    return True


def find_error_code(error: Exception) -> ExportError:
    """Return the code of an error, by which pages say what happened."""
    if isinstance(error, OSError):
        return ExportError.DISK_FULL if error.errno in NO_SPACE else ExportError.STORAGE
    return ExportError.KEY if isinstance(error, SealError) else ExportError.DAMAGED


def file_aad(export_id: UUID) -> bytes:
    """Return the AAD of an export's file, which opens for that export only."""
    return build_aad("export/v1", export_id)


def _report_trail_faults(attempt: ExportAttempt, faults: list[str]) -> None:
    """Verify the person's audit trail where it is stored, which tells the operators and the person what is wrong."""
    with tenant(attempt.owner_id):
        code = verify_own_chain(attempt.owner_id).fault
    logger.error("Export %s has an audit trail with a fault: %s %s", attempt.export_id, code or "unknown", faults[0])


def _write_and_finish(attempt: ExportAttempt) -> list[str]:
    key = encrypted_file.generate_key()
    with storage.create_file(attempt.export_id, holder=attempt.holder) as file:
        sink = HashingSink(EncryptedWriter(file, key=key, aad=file_aad(attempt.export_id)))
        manifest = write_export(
            owner_id=attempt.owner_id,
            export_id=attempt.export_id,
            at=timezone.now(),
            sink=sink,
            progress=attempt,
        )
        sink.close()
        trail_faults = verify_file(key=key, attempt=attempt)
        _finish(attempt, key, manifest, sink)
    return trail_faults


def _finish(attempt: ExportAttempt, key: bytes, manifest: Manifest, sink: HashingSink) -> None:
    attempt.finish(
        key=b64encode(key).decode(),
        size=sink.size,
        sha256=sink.sha256,
        row_count=manifest.row_count,
        file_count=len(manifest.files),
        unreadable_count=manifest.unreadable.count,
    )


def verify_file(*, key: bytes, attempt: ExportAttempt) -> list[str]:
    """Read a complete file again, as its person will. Raises ``CannotVerify`` or ``DamagedFile`` if it is not right.

    Returns what is wrong with the person's audit trail. That is no damage of the file, which shows it as it is.
    """
    attempt.advance("")
    aad = file_aad(attempt.export_id)
    with (
        storage.partial_path(attempt.export_id, holder=attempt.holder).open("rb") as encrypted,
        EncryptedReader(encrypted, key=key, aad=aad) as reader,
        ArchiveReader(reader) as archive,
    ):
        _, faults = verify(archive)
    for fault in faults:
        if not isinstance(fault, TrailFault):
            raise CannotVerify(fault)
    attempt.renew_if_due()
    return faults
