"""Download an export: by a link that works once, decrypted while it is sent."""

import secrets
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from django.utils import timezone

from compliance.export import storage
from compliance.export.attempts import record_export
from compliance.export.building import file_aad
from compliance.export.data_export import DOWNLOAD_LINK_LIFETIME, DataExport
from compliance.export.encrypted_file import DamagedFile, EncryptedReader
from compliance.isolation import tenant


class FileContent:
    """The bytes of an open file, decrypted chunk by chunk. Whoever sends them closes it, also if nobody reads them."""

    def __init__(self, reader: EncryptedReader) -> None:
        self._reader = reader

    def __iter__(self) -> Iterator[bytes]:
        return self._reader.iterate_chunks()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()


@dataclass(frozen=True)
class Download:
    """The name, the size and the bytes of a file that is about to be sent."""

    name: str
    size: int
    content: "FileContent"


def make_download_code(*, owner_id: UUID, export_id: UUID) -> str:
    """Make the code of a link that downloads the file once, within some minutes. An earlier link stops working.

    Raises ``DataExport.DoesNotExist`` if there is nothing to download.
    """
    code = secrets.token_urlsafe(24)
    with tenant(owner_id):
        is_stored = (
            DataExport.objects.for_user(owner_id)
            .downloadable()
            .filter(pk=export_id)
            .update(download_hash=hash_code(code), download_until=timezone.now() + DOWNLOAD_LINK_LIFETIME)
        )
    if not is_stored:
        raise DataExport.DoesNotExist
    return code


def start_download(*, owner_id: UUID, export_id: UUID, code: str) -> Download:
    """Use up a link, and open the file. Raises ``DataExport.DoesNotExist`` for a link that does not work any more.

    Raises ``SealError``, ``OSError`` and ``DamagedFile`` if the file cannot be opened.
    """
    with tenant(owner_id):
        exports = DataExport.objects.for_user(owner_id).downloadable().filter(pk=export_id)
        is_valid = exports.filter(download_hash=hash_code(code), download_until__gt=timezone.now()).update(
            download_hash="", downloaded_at=timezone.now()
        )
        if not is_valid:
            raise DataExport.DoesNotExist
        export = exports.get()
        reader = _open_file(export)
        record_export(export, stage="downloaded")
    return Download(f"plumbline-export-{export.requested_at:%Y-%m-%d}.zip", reader.size, FileContent(reader))


def hash_code(code: str) -> str:
    """Return the hash of a link's code. The code itself is not stored."""
    return sha256(code.encode()).hexdigest()


def _open_file(export: DataExport) -> EncryptedReader:
    key = b64decode(export.file_key.reveal())
    file = storage.export_path(export.pk).open("rb")
    try:
        reader = EncryptedReader(file, key=key, aad=file_aad(export.pk))
        if reader.size != export.size:
            raise DamagedFile("The file does not have the size that it had.")
    except DamagedFile:
        file.close()
        raise
    return reader
