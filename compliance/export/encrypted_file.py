"""A file in encrypted chunks, so that a large one is written and read in flat memory, from any position.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015) with AES-256-GCM::

    PLX1 | chunk | chunk | ... | last chunk          each chunk: 64 KiB of plaintext, encrypted, and a tag of 16 bytes

The nonce of a chunk is its number and whether it is the last one, and the AAD is the file's purpose. A file that was
shortened, extended, reordered or put together from two does not open. Every file has a key of its own, so no nonce is
used twice.
"""

import io
import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC: Final = b"PLX1"
CHUNK_BYTES: Final = 64 * 1024
TAG_BYTES: Final = 16
STORED_BYTES: Final = CHUNK_BYTES + TAG_BYTES
NONCE: Final = struct.Struct(">3xQ?")


class DamagedFile(Exception):
    """A file is not as it was written, or was written under another key."""


def generate_key() -> bytes:
    """Return a random key for one file."""
    return AESGCM.generate_key(256)


class EncryptedWriter:
    """Writes a file in encrypted chunks. ``close`` writes the last one; without it the file does not open."""

    def __init__(self, file: BinaryIO, *, key: bytes, aad: bytes) -> None:
        self._file = file
        self._cipher = AESGCM(key)
        self._aad = aad
        self._buffer = bytearray()
        self._chunks = 0
        self._file.write(MAGIC)

    def write(self, content: bytes) -> int:
        """Encrypt all chunks that are full. The last one stays in memory, because a later one may follow it."""
        self._buffer += content
        end = (max(len(self._buffer) - 1, 0)) // CHUNK_BYTES * CHUNK_BYTES
        for start in range(0, end, CHUNK_BYTES):
            self._write_chunk(bytes(self._buffer[start : start + CHUNK_BYTES]), is_last=False)
        del self._buffer[:end]
        return len(content)

    def flush(self) -> None:
        """Do nothing: a chunk that is not full cannot be written yet."""

    def close(self) -> None:
        """Write the last chunk and store the file on disk. Raises ``OSError`` when the disk is full."""
        self._write_chunk(bytes(self._buffer), is_last=True)
        self._file.flush()
        os.fsync(self._file.fileno())

    def _write_chunk(self, content: bytes, *, is_last: bool) -> None:
        self._file.write(self._cipher.encrypt(NONCE.pack(self._chunks, is_last), content, self._aad))
        self._chunks += 1


class EncryptedReader(io.RawIOBase):
    """Reads what ``EncryptedWriter`` wrote, from any position. Raises ``DamagedFile`` where it was changed."""

    def __init__(self, file: BinaryIO, *, key: bytes, aad: bytes) -> None:
        self._file = file
        self._cipher = AESGCM(key)
        self._aad = aad
        self._position = 0
        self._chunk_number, self._chunk = -1, b""
        stored = file.seek(0, io.SEEK_END) - len(MAGIC)
        file.seek(0)
        self._chunks = -(-stored // STORED_BYTES)
        self.size = stored - self._chunks * TAG_BYTES
        # An empty file has one chunk, too: without any, nothing would be authenticated.
        if file.read(len(MAGIC)) != MAGIC or stored < TAG_BYTES or self.size < 0:
            raise DamagedFile("This is not an encrypted file.")

    def iterate_chunks(self) -> Iterator[bytes]:
        """Yield the whole plaintext, chunk by chunk."""
        for number in range(self._chunks):
            yield self._read_chunk(number)

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def seekable(self) -> bool:
        """Whether it has positions: always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position in the plaintext."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        """Fill the buffer, unless the file ends before: ``zipfile`` takes fewer bytes for a damaged archive."""
        length = 0
        while length < len(buffer) and self._position < self.size:
            number, offset = divmod(self._position, CHUNK_BYTES)
            if number != self._chunk_number:
                self._chunk, self._chunk_number = self._read_chunk(number), number
            content = self._chunk[offset : offset + len(buffer) - length]
            buffer[length : length + len(content)] = content
            length += len(content)
            self._position += len(content)
        return length

    def close(self) -> None:
        """Close the encrypted file, too."""
        self._file.close()
        super().close()

    def _read_chunk(self, number: int) -> bytes:
        self._file.seek(len(MAGIC) + number * STORED_BYTES)
        stored = self._file.read(STORED_BYTES)
        try:
            return self._cipher.decrypt(NONCE.pack(number, number == self._chunks - 1), stored, self._aad)
        except InvalidTag:
            raise DamagedFile(f"Chunk {number} was changed.") from None
