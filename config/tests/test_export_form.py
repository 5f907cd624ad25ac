"""The program inside an export accepts a ZIP file only in the form that the site writes, which all programs read alike.

Info-ZIP's ``unzip`` reads other files than Python's ``zipfile`` in each of these, or the program that unpacks a stream.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import pytest

from compliance.export import archive, verify_export
from compliance.export.archive import ArchiveWriter
from compliance.export.verify_export import EVENTS, MANIFEST, ExportArchive, find_form_faults
from config.tests.exports import WrittenExport, pack_files, read_files, run_verifier, site_key

uses_database = pytest.mark.django_db(transaction=True, databases=["default", "ops"])
END_BYTES = 22


def list_faults(content: bytes) -> list[str]:
    with ExportArchive(io.BytesIO(content)) as opened:
        return list(find_form_faults(opened))


def describe_fault(place: str) -> str:
    return f"The ZIP file is not as the site writes it, at {place}. Other programs may unpack something else."


# --- Other files for other programs -----------------------------------------------------------------------


def split_archive(content: bytes) -> tuple[bytes, list[bytearray]]:
    """Return the files of an archive, and the entries of its directory."""
    count, size, start = struct.unpack("<HLL", content[-12:-2])
    entries, position = [], start
    for _ in range(count):
        length = 46 + sum(struct.unpack("<3H", content[position + 28 : position + 34]))
        entries.append(bytearray(content[position : position + length]))
        position += length
    assert position == start + size
    return content[:start], entries


def build_end(count: int, size: int, start: int) -> bytes:
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, start, 0)


def join_archive(files: bytes, entries: list[bytearray]) -> bytes:
    directory = b"".join(entries)
    return files + directory + build_end(len(entries), len(directory), len(files))


def hide_directory(content: bytes, other: bytes) -> bytes:
    """Put the files of another archive into one, for programs that do not follow ZIP64 records without need.

    ``zipfile`` follows them to the true directory, which is in the comment of the last entry of the other one.
    """
    files, entries = split_archive(content)
    other_files, other_entries = split_archive(other)
    for entry in other_entries:
        entry[42:46] = struct.pack("<L", struct.unpack("<L", entry[42:46])[0] + len(files))
    start, directory = len(files) + len(other_files), b"".join(entries)
    hidden = start + sum(map(len, other_entries))
    counts = (len(entries), len(entries), len(directory), hidden)
    comment = directory + struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, *counts)
    comment += struct.pack("<4sLQL", b"PK\6\7", 0, hidden + len(directory), 1)
    other_entries[-1][32:34] = struct.pack("<H", len(comment))
    return join_archive(files + other_files, [*other_entries, bytearray(comment)])[:-END_BYTES] + build_end(
        len(other_entries), sum(map(len, other_entries)) + len(comment), start
    )


@uses_database
def test_it_finds_a_directory_that_only_other_programs_read(export: WrittenExport, tmp_path: Path) -> None:
    other = pack_files(read_files(export) | {"bank/accounts.csv": b"name,current\nChecking,1000000\n"})
    forged = WrittenExport(hide_directory(export.content, other.content))
    assert forged.archive.read("bank/accounts.csv") == export.archive.read("bank/accounts.csv")
    done = run_verifier(forged, tmp_path / "empty", "--key", site_key(), program=export)
    assert (done.returncode, done.stderr) == (1, "")
    assert "Other programs may unpack something else." in done.stdout


def add_field(entry: bytearray, field: bytes) -> None:
    """Add an extra field to an entry of the directory."""
    name, extra = struct.unpack("<2H", entry[28:32])
    entry[46 + name + extra : 46 + name + extra] = field
    entry[30:32] = struct.pack("<H", extra + len(field))


@uses_database
def test_it_finds_a_file_with_another_name_for_other_programs(export: WrittenExport, tmp_path: Path) -> None:
    """By a "Unicode Path" field, which ``unzip`` prefers to the name."""
    files, entries = split_archive(export.content)
    name, other = b"profile/user.jsonl", b"profile/status.jsonl"
    entry = next(entry for entry in entries if entry[46:].startswith(name))
    path = struct.pack("<BL", 1, zlib.crc32(name)) + other
    add_field(entry, struct.pack("<2H", 0x7075, len(path)) + path)
    forged = WrittenExport(join_archive(files, entries))
    done = run_verifier(forged, tmp_path / "empty", "--key", site_key(), program=export)
    assert (done.returncode, done.stderr) == (1, "")
    assert describe_fault(name.decode()) in done.stdout


@uses_database
@pytest.mark.parametrize("name", ["profile/user.jsonl", EVENTS, MANIFEST])
@pytest.mark.parametrize("header", [{"flags": 1}, {"flags": 32}, {"method": 97}, {"method": 14}], ids=str)
def test_it_finds_a_file_that_is_stored_in_another_way(
    export: WrittenExport, tmp_path: Path, name: str, header: dict[str, int]
) -> None:
    content, entry = bytearray(export.content), export.archive.getinfo(name)
    for position in (content.rindex(name.encode()) - 38, entry.header_offset + 6):
        content[position] |= header.get("flags", 0)
        content[position + 2] = header.get("method", ZIP_DEFLATED)
    done = run_verifier(WrittenExport(bytes(content)), tmp_path / "empty", program=export)
    assert (done.returncode, done.stderr) == (1, "")
    assert describe_fault(name) in done.stdout


@uses_database
def test_it_finds_that_another_program_packed_the_files_again(export: WrittenExport) -> None:
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as again:
        for name, content in read_files(export).items():
            again.writestr(name, content)
    assert verify_export.verify(WrittenExport(packed.getvalue()).archive)[1] == [
        describe_fault(export.archive.namelist()[0])
    ]


# --- Every byte that is not of a compressed file ----------------------------------------------------------


@pytest.fixture
def two_files() -> bytes:
    return pack_files({"a": b"first", "b": b"second"}).content


def test_it_finds_any_other_byte(two_files: bytes) -> None:
    """Unless it stays within what a file is compressed to, or is a time, which is at both places the same."""
    assert list_faults(two_files) == []
    packed: set[int] = set()
    for entry in ExportArchive(io.BytesIO(two_files)).infolist():
        start = entry.header_offset + 30 + 1 + 20
        packed |= set(range(start, start + entry.compress_size))
    for position in set(range(len(two_files))) - packed:
        for bit in range(8):
            changed = bytearray(two_files)
            changed[position] ^= 1 << bit
            try:
                faults = list_faults(bytes(changed))
            except verify_export.UNREADABLE:
                continue
            assert faults, (position, bit)


def insert(content: bytes, position: int, added: bytes, *, shift: bool) -> bytes:
    """Put bytes between the files of an archive, with the directory moved accordingly."""
    files, entries = split_archive(content)
    for entry in entries if shift else entries[1:]:
        entry[42:46] = struct.pack("<L", struct.unpack("<L", entry[42:46])[0] + len(added))
    return join_archive(files[:position] + added + files[position:], entries)


def change_entry(content: bytes, change: Callable[[bytearray], None]) -> bytes:
    files, entries = split_archive(content)
    change(entries[1])
    return join_archive(files, entries)


def comment(entry: bytearray) -> None:
    entry += b"comment"
    entry[32:34] = struct.pack("<H", 7)


def link(entry: bytearray) -> None:
    """As a symbolic link to the path that the file has, and which ``unzip`` makes."""
    entry[38:42] = struct.pack("<L", 0o120777 << 16)


def add_large_end(content: bytes) -> bytes:
    """Add ZIP64 records that say the same, without need."""
    files, entries = split_archive(content)
    size, start = sum(map(len, entries)), len(files)
    large = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 2, 2, size, start)
    large += struct.pack("<4sLQL", b"PK\6\7", 0, start + size, 1)
    return content[:-END_BYTES] + large + content[-END_BYTES:]


FORGERIES: dict[str, Callable[[bytes], bytes]] = {
    "before the first file": lambda content: insert(content, 0, b"more", shift=True),
    "before the first file, without the directory": lambda content: b"more" + content,
    "between two files": lambda content: insert(content, content.index(b"PK\3\4", 1), b"more", shift=False),
    "before the directory": lambda content: content.replace(b"PK\1\2", b"morePK\1\2", 1),
    "before the end": lambda content: content[:-END_BYTES] + b"more" + content[-END_BYTES:],
    "after the end": lambda content: content + b"more",
    "comment": lambda content: content[:-2] + struct.pack("<H", 4) + b"more",
    "comment of a file": lambda content: change_entry(content, comment),
    "unknown field": lambda content: change_entry(content, lambda entry: add_field(entry, b"\x75\x70\0\0")),
    "field of 64 bits without need": lambda content: change_entry(
        content, lambda entry: add_field(entry, struct.pack("<2HQ", 1, 8, 6))
    ),
    "symbolic link": lambda content: change_entry(content, link),
    "end of 64 bits without need": add_large_end,
    "another order": lambda content: join_archive(split_archive(content)[0], split_archive(content)[1][::-1]),
    "one file twice": lambda content: join_archive(split_archive(content)[0], split_archive(content)[1][:1] * 2),
    "one file less": lambda content: join_archive(split_archive(content)[0], split_archive(content)[1][:1]),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_it_finds_what_the_site_does_not_write(two_files: bytes, name: str) -> None:
    forged = FORGERIES[name](two_files)
    assert forged != two_files
    try:
        assert len(list_faults(forged)) == 1
    except BadZipFile:
        # ``zipfile`` does not read it either.
        assert name in ("before the directory", "before the end", "after the end")


# --- What a compressed file unpacks to --------------------------------------------------------------------


def deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=verify_export.RAW_DEFLATE)
    return packer.compress(content) + packer.flush()


def repack_file(content: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """Replace the compressed bytes of one file, in the form of the site, with the size and checksum that it had."""
    with ExportArchive(io.BytesIO(content)) as opened:
        entries, result = opened.infolist(), b""
        for entry in entries:
            header = verify_export.build_file_headers(entry)[0]
            packed = verify_export.read_at(opened, entry.header_offset + len(header), entry.compress_size)
            packed = change(packed) if entry.filename == name else packed
            entry.compress_size = len(packed)
            result += header + packed
            result += verify_export.FILE_END.pack(b"PK\7\x08", entry.CRC, entry.compress_size, entry.file_size)
        for _, position, forms in verify_export.list_written_parts(entries):
            result += forms[0] if position == len(result) else b""
    return result


MORE_THAN_UNPACKED = {
    "bytes after the end": lambda packed: packed + b"PK\3\4",
    "another end": lambda packed: packed + deflate(b"more"),
    "more than its size": lambda packed: deflate(zlib.decompress(packed, verify_export.RAW_DEFLATE) + b"more"),
    "no end": lambda packed: without_end(zlib.decompress(packed, verify_export.RAW_DEFLATE)),
}


def without_end(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=verify_export.RAW_DEFLATE)
    return packer.compress(content) + packer.flush(zlib.Z_SYNC_FLUSH)


@uses_database
@pytest.mark.parametrize("name", MORE_THAN_UNPACKED)
def test_it_finds_a_file_that_other_programs_unpack_further(export: WrittenExport, name: str) -> None:
    """``zipfile`` passes over what is after the size of a file, and after the end of what it is compressed to."""
    file = "bank/accounts.csv"
    forged = WrittenExport(repack_file(export.content, file, MORE_THAN_UNPACKED[name]))
    assert ZipFile(io.BytesIO(forged.content)).read(file) == export.archive.read(file)
    assert verify_export.verify(WrittenExport(repack_file(export.content, file, bytes)).archive)[1] == []
    fault = f"{file} was changed." if name == "more than its size" else f"{file} is damaged."
    assert verify_export.verify(forged.archive)[1] == [fault]


@pytest.mark.parametrize("size", [0, 1, (1 << 16) - 1, 1 << 18, (1 << 18) + 1, 1 << 20])
@pytest.mark.parametrize("reader", [ExportArchive, archive.ArchiveReader])
def test_it_unpacks_what_was_packed(size: int, reader: type[ExportArchive]) -> None:
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    with reader(io.BytesIO(pack_files({"a": content}).content)) as opened:
        assert verify_export.open_member(opened, "a").read() == content


# --- Forms of large and of older exports ------------------------------------------------------------------


class Hole:
    """Compressed bytes that nobody reads, and that take no place on the disk."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size


class SparseSink:
    """Writes into a file, and passes over holes."""

    def __init__(self, file: io.BufferedRandom) -> None:
        self.file = file
        self.flush = file.flush

    def write(self, content: Any) -> int:
        if isinstance(content, Hole):
            self.file.seek(len(content), io.SEEK_CUR)
            return len(content)
        return self.file.write(content)


class HolePacker:
    """Takes every content to be compressed to a hole."""

    def __init__(self, size: int) -> None:
        self.size = size

    def compress(self, content: bytes) -> Hole:
        return Hole(self.size)

    def flush(self) -> bytes:
        return b""


@contextmanager
def packing_to_a_hole(monkeypatch: pytest.MonkeyPatch, size: int) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(archive.isal_zlib, "compressobj", lambda *args: HolePacker(size))
        yield


@pytest.mark.parametrize("size", [(1 << 31) - 200, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 34])
def test_it_accepts_large_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Numbers above two gigabytes are in fields of 64 bits, although those of 32 bits have room for twice as much."""
    with (tmp_path / "large.zip").open("w+b") as file:
        with ArchiveWriter(SparseSink(file), at=datetime(2026, 11, 30)) as writer:  # type: ignore[arg-type] # noqa: DTZ001
            with packing_to_a_hole(monkeypatch, size):
                writer.write_bytes("large", b"x")
            writer.write_bytes("after", b"y")
        with ExportArchive(file) as opened:
            assert opened.getinfo("large").compress_size == size
            assert list(find_form_faults(opened)) == []
            assert verify_export.measure_file(opened, "after", 1)[0] == 1


@pytest.mark.parametrize("count", [(1 << 16) - 1, 1 << 16])
def test_it_accepts_many_files(count: int) -> None:
    """From 65,536 on, their number is in a record of 64 bits."""
    content = pack_files({str(number): b"" for number in range(count)}).content
    assert list_faults(content) == []
    assert (b"PK\6\6" in content) == (count > verify_export.MAX_COUNT)


def test_it_accepts_what_an_older_python_writes(two_files: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 3.11.4 it wrote zeros for sizes that follow, and version 2.0."""
    write_header = ZipInfo.FileHeader

    def write_older_header(entry: ZipInfo, zip64: bool) -> bytes:
        header = bytearray(write_header(entry, zip64))
        entry.create_version = entry.extract_version = 20
        header[4:6], header[18:26] = struct.pack("<H", 20), bytes(8)
        return bytes(header)

    monkeypatch.setattr(ZipInfo, "FileHeader", write_older_header)
    older = pack_files({"a": b"first", "b": b"second"}).content
    assert (older == two_files, list_faults(older)) == (False, [])
