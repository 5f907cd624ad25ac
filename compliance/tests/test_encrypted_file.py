"""Encrypted files open only as they were written: complete, in order, under their own key and purpose."""

import io
from pathlib import Path
from zipfile import ZipFile

import pytest

from compliance.export.encrypted_file import (
    CHUNK_BYTES,
    MAGIC,
    STORED_BYTES,
    DamagedFile,
    EncryptedReader,
    EncryptedWriter,
    generate_key,
)

KEY, AAD = generate_key(), b"export 1"
SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 7)


def write_file(path: Path, content: bytes, *, key: bytes = KEY, aad: bytes = AAD, step: int = 10_000) -> bytes:
    with path.open("wb") as file:
        writer = EncryptedWriter(file, key=key, aad=aad)
        for start in range(0, len(content), step):
            writer.write(content[start : start + step])
        writer.close()
    return path.read_bytes()


def read_file(stored: bytes, *, key: bytes = KEY, aad: bytes = AAD) -> bytes:
    return b"".join(EncryptedReader(io.BytesIO(stored), key=key, aad=aad).iterate_chunks())


def make_content(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", [1_000, CHUNK_BYTES, 10**6])
def test_it_reads_what_was_written(tmp_path: Path, size: int, step: int) -> None:
    content = make_content(size)
    stored = write_file(tmp_path / "file", content, step=step)
    assert read_file(stored) == content
    reader = EncryptedReader(io.BytesIO(stored), key=KEY, aad=AAD)
    assert (reader.size, reader.read()) == (size, content)


def test_it_reads_from_any_position(tmp_path: Path) -> None:
    content = make_content(3 * CHUNK_BYTES + 7)
    reader = io.BufferedReader(EncryptedReader(io.BytesIO(write_file(tmp_path / "file", content)), key=KEY, aad=AAD))
    for position in (0, 5, CHUNK_BYTES - 2, CHUNK_BYTES, 2 * CHUNK_BYTES + 1, len(content) - 3, len(content), 10**9):
        reader.seek(position)
        assert reader.read(100) == content[position : position + 100]
    assert reader.seek(-3, io.SEEK_END) == len(content) - 3


def test_it_reads_as_many_bytes_as_it_is_asked_for(tmp_path: Path) -> None:
    """Also across chunks: ``zipfile`` takes a shorter answer for the end of the file."""
    content = make_content(3 * CHUNK_BYTES + 7)
    reader = EncryptedReader(io.BytesIO(write_file(tmp_path / "file", content)), key=KEY, aad=AAD)
    for position, length in ((CHUNK_BYTES - 2, 100), (5, 2 * CHUNK_BYTES), (3 * CHUNK_BYTES - 1, 100), (0, 10**9)):
        reader.seek(position)
        assert reader.read(length) == content[position : position + length]


def test_it_opens_an_archive_whose_headers_lie_across_chunks(tmp_path: Path) -> None:
    for padding in range(CHUNK_BYTES - 250, CHUNK_BYTES):
        packed = io.BytesIO()
        with ZipFile(packed, "w") as archive:
            archive.writestr("padding", b"0" * padding)
            archive.writestr("file", b"content")
        stored = write_file(tmp_path / "file", packed.getvalue())
        with ZipFile(EncryptedReader(io.BytesIO(stored), key=KEY, aad=AAD)) as archive:
            assert archive.read("file") == b"content", padding


def test_no_plaintext_is_stored(tmp_path: Path) -> None:
    assert b"secret" not in write_file(tmp_path / "file", b"secret " * 50_000)


@pytest.mark.parametrize("size", SIZES)
def test_it_finds_a_flipped_bit(tmp_path: Path, size: int) -> None:
    stored = write_file(tmp_path / "file", make_content(size))
    for position in {0, len(MAGIC), len(stored) // 2, len(stored) - 1}:
        flipped = bytearray(stored)
        flipped[position] ^= 1
        with pytest.raises(DamagedFile):
            read_file(bytes(flipped))


def test_it_finds_a_shortened_file(tmp_path: Path) -> None:
    """Also one that ends after a whole chunk."""
    stored = write_file(tmp_path / "file", make_content(3 * CHUNK_BYTES))
    for length in (0, 3, len(MAGIC), len(MAGIC) + STORED_BYTES, len(MAGIC) + 2 * STORED_BYTES, len(stored) - 1):
        with pytest.raises(DamagedFile):
            assert read_file(stored[:length]) is None


def test_it_finds_chunks_that_were_moved_repeated_or_added(tmp_path: Path) -> None:
    stored = write_file(tmp_path / "file", make_content(3 * CHUNK_BYTES))
    first, second, third = (stored[len(MAGIC) + STORED_BYTES * number :][:STORED_BYTES] for number in range(3))
    for chunks in ((second, first, third), (first, first, third), (first, second, third, third), (first, third)):
        with pytest.raises(DamagedFile):
            read_file(MAGIC + b"".join(chunks))


def test_it_finds_a_chunk_of_another_file(tmp_path: Path) -> None:
    stored, other = (write_file(tmp_path / name, make_content(3 * CHUNK_BYTES)) for name in ("a", "b"))
    assert stored == other
    other = write_file(tmp_path / "c", make_content(3 * CHUNK_BYTES), aad=b"export 2")
    middle = slice(len(MAGIC) + STORED_BYTES, len(MAGIC) + 2 * STORED_BYTES)
    with pytest.raises(DamagedFile):
        read_file(stored[: middle.start] + other[middle] + stored[middle.stop :])


def test_it_opens_under_its_own_key_and_purpose_only(tmp_path: Path) -> None:
    stored = write_file(tmp_path / "file", b"content")
    for options in ({"key": generate_key()}, {"aad": b"export 2"}):
        with pytest.raises(DamagedFile):
            read_file(stored, **options)


def test_a_file_without_its_last_chunk_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        EncryptedWriter(file, key=KEY, aad=AAD).write(make_content(3 * CHUNK_BYTES))
    with pytest.raises(DamagedFile):
        read_file(path.read_bytes())
