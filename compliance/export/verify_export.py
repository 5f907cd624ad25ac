"""Verifies an export or the receipt of a deletion without the site: python verify_export.py FILE [--key BASE64]

Needs Python 3.9 or later and the package "cryptography" (pip install cryptography). It changes nothing and uses no
network. Of an export it checks that the ZIP file has exactly the form in which the site writes one, that the manifest's
signature is valid, that every file has the bytes and rows that the manifest says, that no file is missing or was added,
and that no entry of your activity was changed, removed or moved.
Where old entries were deleted because their time was over, it checks that the site signed where your activity begins
since then. Of a receipt it checks the signature, and says what the site signed.

The public keys of the site are on its page "Security overview". Without --key, the key inside the file is used: that
shows that nothing was changed, but not who made the file. Ends with 0 if everything is as it should be, with 1 if not,
and with 2 if the file cannot be checked at all.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import struct
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import IO, Any
from uuid import UUID

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    sys.exit("This needs the package cryptography: pip install cryptography")

CONTEXT = "plumbline/export-manifest/v1"
CHECKPOINT_CONTEXT = "plumbline/audit-checkpoint/v1"
RECEIPT_CONTEXT = "plumbline/erasure-receipt/v1"
FORMAT = "plumbline/export/v1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig.json"
EVENTS, LINKS, HEAD = "activity/events.jsonl", "activity/hashes.jsonl", "activity/last_hash.jsonl"
CHECKPOINT = "activity/checkpoint.jsonl"
BLOCK_BYTES = 1 << 18
KEY_BYTES = 32
# How much of a compressed file is read at once: large enough that blocks of all sizes do not fragment the memory.
PACKED_BYTES = 1 << 18
RAW_DEFLATE = -15
# A small file may unpack to any size. The manifest says how long the others are.
MAX_MANIFEST_BYTES = 1 << 26
MAX_SIGNATURE_BYTES = 1 << 16
MAX_RECEIPT_BYTES = 1 << 20
# Longer than any row that is read here.
MAX_LINE_BYTES = 1 << 20
# How many entries of the audit trail may be out of place before one counts as removed, and how much is said about it.
MAX_WAITING = 100
MAX_FAULTS = 100
TRUSTED = "Everything is as the site wrote it."
UNCHANGED = "Nothing was changed since it was signed. To know who signed it, give the site's key with --key."
NOT_TRUSTED = "Do not trust this file."
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017  (Python 3.9 has no datetime.UTC)

# What a ZIP file has besides the compressed files: before and after each of them, in the directory, and at the end.
FILE_HEADER, FILE_END = struct.Struct("<4s5H3L2H"), struct.Struct("<4sL2Q")
DIRECTORY_ENTRY = struct.Struct("<4s6H3L5H2L")
ARCHIVE_END, LARGE_ARCHIVE_END = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q4sLQL")
# The site compresses every file, for its owner to read, and writes the sizes of a file after it.
SIZES_FOLLOW, UTF8_NAME, UNIX, READABLE_BY_OWNER = 1 << 3, 1 << 11, 3 << 8, 0o600 << 16
# The version of the format, and what is in the place of sizes that follow; the second one by Python before 3.11.4.
HEADER_FORMS = ((45, 0xFFFFFFFF), (20, 0))
# What is larger is in fields of 64 bits (ZIP64), and each bit of the field that it does not fit into is set.
MAX_SIZE, MAX_COUNT = (1 << 31) - 1, (1 << 16) - 1
ALL_BITS = (1 << 32) - 1

Row = dict[str, Any]
Findings = tuple[list[str], list[str]]
"""What is as it should be, and what is not, in sentences."""


# What reading a damaged ZIP file raises: RuntimeError for encrypted files, and its subclasses for unknown compressions
# and for JSON that is nested too deep.
UNREADABLE = (EOFError, OSError, RuntimeError, ValueError, struct.error, zipfile.BadZipFile, zlib.error)


class TrailFault(str):
    """What is wrong with the audit trail. It may have been changed in the site's database, and the file be right."""


class CannotVerify(Exception):
    """This is not an export or a receipt that can be checked."""


class ExportArchive(zipfile.ZipFile):
    """An export. The site unpacks its files with a faster ``decompressobj``."""

    decompressobj: Callable[[int], Any] = staticmethod(zlib.decompressobj)


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify the file that the command line names, and print what was found."""
    parser = argparse.ArgumentParser(description="Verify an export of your data, or the receipt of a deletion.")
    parser.add_argument("file", help="the ZIP file, or the JSON file of the receipt")
    parser.add_argument("--key", help="the site's public key in base64, from the site itself")
    options = parser.parse_args(arguments)
    try:
        sentences, faults = verify_file(options.file, options.key)
    except (CannotVerify, OSError) as error:
        print_line(f"This file cannot be checked: {error}")
        return 2
    for sentence in sentences:
        print_line(f"OK      {sentence}")
    for fault in faults:
        print_line(f"FAILED  {fault}")
    verdict = UNCHANGED if options.key is None else TRUSTED
    print_line(NOT_TRUSTED if faults else verdict)
    return 1 if faults else 0


def print_line(text: str) -> None:
    """Print a line. What a file says in it cannot control the terminal, and any terminal can show it."""
    sys.stdout.write(escape_text(text) + "\n")


def escape_text(text: str) -> str:
    """Return a text with an escape for each character that is not printable ASCII, and for backslashes."""
    return text.encode("unicode_escape").decode("ascii")


def verify_file(path: str, key: str | None) -> Findings:
    """Check an export or a receipt. Raises CannotVerify, and OSError for a file that cannot be opened."""
    if zipfile.is_zipfile(path):
        with open_export(path) as archive:
            return verify(archive, key)
    with Path(path).open("rb") as stream:
        return verify_receipt(stream.read(MAX_RECEIPT_BYTES + 1), key)


def verify_receipt(content: bytes, key: str | None = None) -> Findings:
    """Check the receipt of a deletion, and repeat what the site signed. Raises CannotVerify."""
    try:
        receipt: Row = json.loads(content) if len(content) <= MAX_RECEIPT_BYTES else {}
        document = receipt["document"].encode("utf-8", "surrogatepass")
    except (AttributeError, KeyError, TypeError, *UNREADABLE):
        raise CannotVerify("it is neither a complete export nor a receipt.") from None
    sentences, faults = verify_signature("receipt", RECEIPT_CONTEXT, document, receipt, key)
    if faults:
        return [], faults
    try:
        facts = json.loads(document)
        counts = facts["deleted"].values()
        if not all(map(is_count, counts)):
            raise ValueError
        done = f"{facts['site']} deleted {sum(counts)} rows of the account {facts['account']}"
        return [*sentences, f"It says that {done}, completed at {facts['erased_at']}."], []
    except (AttributeError, KeyError, TypeError, *UNREADABLE):
        raise CannotVerify("the receipt has a form that this program does not know.") from None


def verify(archive: ExportArchive, key: str | None = None) -> Findings:
    """Check the whole export. If its manifest was not signed, nothing of it is read: not even JSON."""
    for name in (MANIFEST, SIGNATURE):
        if name not in archive.namelist():
            raise CannotVerify(f"{name} is missing, so it is not an export or not a complete one.")
    if form_faults := list(find_form_faults(archive)):
        return [], form_faults
    content = read_all(archive, MANIFEST, MAX_MANIFEST_BYTES)
    signature = read_json(read_all(archive, SIGNATURE, MAX_SIGNATURE_BYTES), SIGNATURE)
    sentences, faults = verify_signature("manifest", CONTEXT, content, signature, key)
    if faults:
        return [], faults
    manifest = read_json(content, MANIFEST)
    if manifest.get("format") != FORMAT:
        raise CannotVerify("its manifest has a format that this program does not know.")
    files = read_entries(manifest)
    file_faults = [*find_name_faults(archive, files), *find_file_faults(archive, files)]
    if not file_faults:
        rows = sum(entry["rows"] or 0 for entry in files.values())
        sentences.append(f"{len(files)} files with {rows} rows are complete and unchanged.")
    chain_sentences, chain_faults = verify_chain(archive, manifest)
    return sentences + chain_sentences, file_faults + list(map(TrailFault, chain_faults))


def verify_signature(what: str, context: str, content: bytes, signature: Row, key: str | None) -> Findings:
    """Check a signature by the key of the command line, or by the one beside the signature if there is none.

    Raises CannotVerify if the command line's is no key.
    """
    given = None if key is None else parse_key(key)
    try:
        public_key = decode(signature["public_key"]) if given is None else given
        verify_bytes(context, content, public_key, decode(signature["signature"]))
    except (InvalidSignature, KeyError, TypeError, ValueError):
        return [], [f"The {what}'s signature is not valid: it was changed, or another key signed it."]
    return [describe_signer(what, public_key, is_given=given is not None)], []


def describe_signer(what: str, public_key: bytes, *, is_given: bool) -> str:
    """Say which key a signature was verified with. Names of keys in the file are not signed, so they prove nothing."""
    which = "the key that you gave" if is_given else "a key that is in this file itself"
    fingerprint = hashlib.sha256(public_key).hexdigest()
    return f"The {what} is signed with {which}. Its fingerprint (SHA-256): {fingerprint}"


def parse_key(text: str) -> bytes:
    """Parse the public key of the command line. Raises CannotVerify, also for an empty one."""
    try:
        key = decode(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise CannotVerify("what you gave with --key is not a public key, which is 32 bytes in base64.")
    return key


def verify_bytes(context: str, content: bytes, public_key: bytes, value: bytes) -> None:
    """Check a signature in its context. Raises InvalidSignature, and ValueError for what is no key."""
    encoded = context.encode()
    signed = struct.pack(">I", len(encoded)) + encoded + content
    Ed25519PublicKey.from_public_bytes(public_key).verify(value, signed)


def find_form_faults(archive: zipfile.ZipFile) -> Iterator[str]:
    """Describe the first byte range that is not as the site writes it.

    ``zipfile`` passes over what is between files, and follows records that other programs do not follow, so that they
    could unpack other files than the ones that are checked here.
    """
    end = 0
    for what, position, forms in list_written_parts(archive.infolist()):
        end = position + len(forms[0])
        if read_at(archive, position, len(forms[0])) not in forms:
            yield f"The ZIP file is not as the site writes it, at {what}. Other programs may unpack something else."
            return
    if read_at(archive, end, 1):
        yield "The ZIP file goes on after its end."


def list_written_parts(entries: Sequence[zipfile.ZipInfo]) -> Iterator[tuple[str, int, list[bytes]]]:
    """Yield all that the site writes besides compressed files: what it is, where, and the forms that it may have."""
    position, offsets = 0, []
    for entry in entries:
        offsets.append(position)
        headers = build_file_headers(entry)
        yield entry.filename, position, headers
        position += len(headers[0]) + entry.compress_size
        yield entry.filename, position, [FILE_END.pack(b"PK\7\x08", entry.CRC, entry.compress_size, entry.file_size)]
        position += FILE_END.size
    start = position
    for entry, offset in zip(entries, offsets):  # noqa: B905  (Python 3.9 has no strict)
        directory_entries = build_directory_entries(entry, offset)
        yield entry.filename, position, directory_entries
        position += len(directory_entries[0])
    yield "its end", position, [build_archive_end(len(entries), position - start, start)]


def build_file_headers(entry: zipfile.ZipInfo) -> list[bytes]:
    """Build what may be before a compressed file: with each form of sizes that follow, which a ZIP64 field repeats."""
    name, times = entry.filename.encode(), pack_times(entry)
    sizes = struct.pack("<2H2Q", 1, 16, 0, 0)
    return [
        FILE_HEADER.pack(
            b"PK\3\4", version, find_flags(entry), zipfile.ZIP_DEFLATED, *times, 0, size, size, len(name), len(sizes)
        )
        + name
        + sizes
        for version, size in HEADER_FORMS
    ]


def build_directory_entries(entry: zipfile.ZipInfo, offset: int) -> list[bytes]:
    """Build what the directory may say about a file: with no comment, and no more fields than its sizes need."""
    name, sizes, large = entry.filename.encode(), (entry.compress_size, entry.file_size), b""
    if max(sizes) > MAX_SIZE:
        large, sizes = struct.pack("<2Q", entry.file_size, entry.compress_size), (ALL_BITS, ALL_BITS)
    if offset > MAX_SIZE:
        large, offset = large + struct.pack("<Q", offset), ALL_BITS
    field = struct.pack("<2H", 1, len(large)) + large if large else b""
    lengths = (len(name), len(field), 0, 0, 0)
    return [
        DIRECTORY_ENTRY.pack(
            *(b"PK\1\2", version | UNIX, version, find_flags(entry), zipfile.ZIP_DEFLATED, *pack_times(entry)),
            *(entry.CRC, *sizes, *lengths, READABLE_BY_OWNER, offset),
        )
        + name
        + field
        for version, _ in HEADER_FORMS
    ]


def build_archive_end(count: int, size: int, start: int) -> bytes:
    """Build what is after the directory: large numbers are before the ordinary record, where some programs look."""
    large, version = b"", HEADER_FORMS[0][0]
    if max(size, start) > MAX_SIZE or count > MAX_COUNT:
        numbers = (44, version, version, 0, 0, count, count, size, start)
        large = LARGE_ARCHIVE_END.pack(b"PK\6\6", *numbers, b"PK\6\7", 0, start + size, 1)
    counts = [min(count, MAX_COUNT)] * 2
    return large + ARCHIVE_END.pack(b"PK\5\6", 0, 0, *counts, min(size, ALL_BITS), min(start, ALL_BITS), 0)


def find_flags(entry: zipfile.ZipInfo) -> int:
    """Return how a file is stored: with its sizes after it, and a name in UTF-8 if it is not in ASCII."""
    return SIZES_FOLLOW if entry.filename.isascii() else SIZES_FOLLOW | UTF8_NAME


def pack_times(entry: zipfile.ZipInfo) -> tuple[int, int]:
    """Return the time and the day as a ZIP file has them."""
    year, month, day, hour, minute, second = entry.date_time
    return hour << 11 | minute << 5 | second // 2, year - 1980 << 9 | month << 5 | day


def read_at(archive: zipfile.ZipFile, position: int, size: int) -> bytes:
    """Read bytes of the ZIP file itself: fewer, or none, if it ends before."""
    stream = archive.fp
    if stream is None or position >= stream.seek(0, io.SEEK_END):
        return b""
    stream.seek(position)
    return stream.read(size)


def find_name_faults(archive: zipfile.ZipFile, files: dict[str, Any]) -> Iterator[str]:
    """Describe files that are missing, that the manifest does not name, or that are there twice."""
    names = [name for name in archive.namelist() if name not in (MANIFEST, SIGNATURE)]
    for name in sorted(set(files) - set(names)):
        yield f"{name} is missing."
    for name in sorted(set(names) - set(files)):
        yield f"{name} was added: the manifest does not name it."
    for name in sorted(name for name, count in Counter(archive.namelist()).items() if count > 1):
        yield f"{name} is there twice."


def find_file_faults(archive: ExportArchive, files: dict[str, Any]) -> Iterator[str]:
    """Describe files whose bytes or rows are not those of the manifest."""
    present = set(archive.namelist())
    for name, entry in files.items():
        if name not in present:
            continue
        try:
            size, digest, lines = measure_file(archive, name, entry["bytes"])
        except UNREADABLE:
            yield f"{name} is damaged."
            continue
        if (size, digest) != (entry["bytes"], entry["sha256"]):
            yield f"{name} was changed."
        elif entry["rows"] is not None and name.endswith(".jsonl") and lines != entry["rows"]:
            yield f"{name} has {lines} rows, but should have {entry['rows']}."


def measure_file(archive: ExportArchive, name: str, most: int) -> tuple[int, str, int]:
    """Return a file's size, its SHA-256 and its number of lines, in flat memory. Reads one byte after ``most``."""
    digest, size, lines = hashlib.sha256(), 0, 0
    with open_member(archive, name) as stream:
        for block in read_blocks(stream, most + 1):
            digest.update(block)
            size += len(block)
            lines += block.count(b"\n")
    return size, digest.hexdigest(), lines


def verify_chain(archive: ExportArchive, manifest: dict[str, Any]) -> Findings:
    """Recompute the hashes of the audit trail, which link each entry to the one before it."""
    sizes = {name: entry["bytes"] for name, entry in read_entries(manifest).items()}
    present = set(sizes) & set(archive.namelist())
    if not {EVENTS, LINKS, HEAD} <= present:
        return [], []
    try:
        events, links = (read_rows(archive, name, sizes[name]) for name in (EVENTS, LINKS))
        head = next(read_rows(archive, HEAD, sizes[HEAD]), None)
        # A second one is a fault, so there is no need to read more.
        checkpoints = list(islice(read_rows(archive, CHECKPOINT, sizes.get(CHECKPOINT, 0)), 2))
        faults = list(find_checkpoint_faults(checkpoints, manifest))
        checkpoint = next(iter(checkpoints), None)
        if not all(is_count(row["sequence"]) for row in (head, checkpoint) if row):
            raise ValueError
        faults += islice(find_chain_faults(EventReader(events), links, head, checkpoint), MAX_FAULTS)
    except (AttributeError, CannotVerify, KeyError, TypeError, *UNREADABLE) as error:
        return [], [f"The audit trail cannot be read: {type(error).__name__}."]
    if len(faults) >= MAX_FAULTS:
        faults.append("There may be more that is wrong with the audit trail.")
    if faults:
        return [], faults
    first, last = (row["sequence"] if row else 0 for row in (checkpoint, head))
    older = f" The site signed that it deleted entries up to number {first} when their time was over." if first else ""
    return [f"{last - first} entries of the audit trail are unchanged, complete and in order.{older}"], []


def find_checkpoint_faults(checkpoints: list[Row], manifest: dict[str, Any]) -> Iterator[str]:
    """Describe why the site did not sign where the audit trail begins after its old entries were deleted."""
    if len(checkpoints) > 1:
        yield "The audit trail has more than one beginning."
    for checkpoint in checkpoints:
        key = manifest["public_keys"].get(checkpoint["key_id"])
        if key is None:
            yield f"The key {checkpoint['key_id']}, which signed where the audit trail begins, is not in this file."
            continue
        try:
            signed = encode_checkpoint(checkpoint, manifest["user_id"])
            verify_bytes(CHECKPOINT_CONTEXT, signed, decode(key), decode(checkpoint["signature"]))
        except InvalidSignature:
            yield "The site did not sign that old entries of the audit trail were deleted."


def encode_checkpoint(checkpoint: Row, subject: str) -> bytes:
    """Return what the site signed about the last deleted entry."""
    fields = {
        "subject": subject,
        "sequence": checkpoint["sequence"],
        "hash": decode(checkpoint["hash"]).hex(),
        "purged_until": (parse_time(checkpoint["purged_until"]) - EPOCH) // timedelta(microseconds=1),
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


class EventReader:
    """Finds the event of each link. Both are in the order of the chain, so that few events wait in memory."""

    def __init__(self, events: Iterator[Row]) -> None:
        self.events = events
        self.waiting: dict[int, Row] = {}

    def find(self, identifier: int) -> Row | None:
        """Return the event with this id, which is the next one unless somebody changed the files."""
        if identifier in self.waiting:
            return self.waiting.pop(identifier)
        while len(self.waiting) < MAX_WAITING and (event := next(self.events, None)) is not None:
            if event["id"] == identifier:
                return event
            self.waiting[event["id"]] = event
        return None

    def list_others(self) -> Iterator[int]:
        """Yield the ids of the events that no link has."""
        yield from self.waiting
        yield from (event["id"] for event in self.events)


def find_chain_faults(
    events: EventReader, links: Iterator[Row], head: Row | None, checkpoint: Row | None
) -> Iterator[str]:
    """Describe entries that were changed, removed or moved. The first one continues the checkpoint, if there is one."""
    previous = checkpoint
    for link in links:
        number, event = link["sequence"], events.find(link["event_id"])
        if event is None:
            yield f"Entry {number} of the audit trail is gone."
        elif number != (previous["sequence"] if previous else 0) + 1:
            yield f"What came before entry {number} of the audit trail is gone."
        elif decode(link["hash"]) != hash_entry(number, previous, event):
            yield f"Entry {number} of the audit trail was changed."
        previous = link
    for identifier in events.list_others():
        yield f"The entry with the id {identifier} is not part of the audit trail."
    if (head and (head["sequence"], head["hash"])) != (previous and (previous["sequence"], previous["hash"])):
        yield "The audit trail does not end where it should."


def hash_entry(number: int, previous: Row | None, event: Row) -> bytes:
    """Compute the hash of an entry: of its number, the hash before it, and everything that it says."""
    subject = UUID(event["subject"]).bytes
    before = decode(previous["hash"]) if previous else hashlib.sha256(subject).digest()
    microseconds = (parse_time(event["at"]) - EPOCH) // timedelta(microseconds=1)
    parts = [
        subject,
        UUID(event["actor"]).bytes if event["actor"] else b"",
        *(event[name].encode() for name in ("action", "resource", "resource_id", "outcome")),
        decode(event["payload"]),
    ]
    content = struct.pack(">qq", event["id"], microseconds)
    content += b"".join(struct.pack(">i", len(part)) + part for part in parts)
    return hashlib.sha256(struct.pack(">q", number) + before + content).digest()


def decode(text: str) -> bytes:
    """Decode base64."""
    return base64.b64decode(text, validate=True)


def parse_time(text: str) -> datetime:
    """Parse a time of the export: 2026-11-30T08:15:00.123456Z."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)  # noqa: UP017


@contextmanager
def open_export(path: str | Path) -> Iterator[ExportArchive]:
    """Open a ZIP file. Raises CannotVerify if it is none."""
    try:
        archive = ExportArchive(path)
    except UNREADABLE as error:
        raise CannotVerify(str(error)) from None
    with archive:
        yield archive


def open_member(archive: ExportArchive, name: str) -> IO[bytes]:
    """Open a file of the archive. Reading its end raises BadZipFile if that is not where the archive says."""
    return io.BufferedReader(UnpackedFile(unpack(archive, archive.getinfo(name))), BLOCK_BYTES)


class UnpackedFile(io.RawIOBase):
    """A file that is unpacked while it is read."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.blocks = blocks
        self.block = memoryview(b"")

    def readable(self) -> bool:
        """Return whether it can be read: always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with as much of a block as fits into it."""
        while not self.block:
            content = next(self.blocks, None)
            if content is None:
                return 0
            self.block = memoryview(content)
        size = min(len(buffer), len(self.block))
        buffer[:size], self.block = self.block[:size], self.block[size:]
        return size


def unpack(archive: ExportArchive, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield what a compressed file unpacks to, in blocks. Raises BadZipFile unless it ends where its sizes say.

    ``zipfile`` stops at either end, in silence. Other programs unpack what is after it.
    """
    position = entry.header_offset + len(build_file_headers(entry)[0])
    end, unpacker = position + entry.compress_size, archive.decompressobj(RAW_DEFLATE)
    packed, size, checksum = b"", 0, 0
    while not unpacker.eof:
        if not packed:
            packed = read_at(archive, position, min(PACKED_BYTES, end - position))
            position += len(packed)
        content = unpacker.decompress(packed, BLOCK_BYTES)
        if not packed and not content:
            break
        packed = unpacker.unconsumed_tail
        size, checksum = size + len(content), zlib.crc32(content, checksum)
        yield content
    is_whole = unpacker.eof and position == end and not unpacker.unused_data
    if not is_whole or (size, checksum) != (entry.file_size, entry.CRC):
        raise zipfile.BadZipFile("A file does not end where the archive says.")


def read_blocks(stream: IO[bytes], most: int) -> Iterator[bytes]:
    """Yield the blocks of a file, up to a number of bytes."""
    while most and (block := stream.read(min(most, BLOCK_BYTES))):
        most -= len(block)
        yield block


def read_rows(archive: ExportArchive, name: str, most: int) -> Iterator[Row]:
    """Yield each row of a file with one JSON object per line. Raises CannotVerify, also after ``most`` bytes."""
    if name not in archive.namelist():
        return
    try:
        with open_member(archive, name) as stream:
            while line := stream.readline(min(most, MAX_LINE_BYTES) + 1):
                most -= len(line)
                if most < 0 or len(line) > MAX_LINE_BYTES:
                    raise CannotVerify(f"{name} is too long.")
                yield json.loads(line)
    except UNREADABLE:
        raise CannotVerify(f"{name} is damaged.") from None


def read_all(archive: ExportArchive, name: str, most: int) -> bytes:
    """Return the bytes of the manifest or its signature. Raises CannotVerify, also for more than ``most``."""
    try:
        with open_member(archive, name) as stream:
            content = b"".join(read_blocks(stream, most + 1))
    except UNREADABLE:
        raise CannotVerify(f"{name} is damaged.") from None
    if len(content) > most:
        raise CannotVerify(f"{name} is too long.")
    return content


def read_json(content: bytes, name: str) -> dict[str, Any]:
    """Parse a JSON object. Raises CannotVerify."""
    try:
        value = json.loads(content)
    except UNREADABLE:
        raise CannotVerify(f"{name} is damaged.") from None
    if not isinstance(value, dict):
        raise CannotVerify(f"{name} is damaged.")
    return value


def read_entries(manifest: dict[str, Any]) -> dict[str, Row]:
    """Return what a manifest says about each file, by its name. Raises CannotVerify."""
    entries = manifest.get("files")
    if not isinstance(entries, list) or not all(map(is_entry, entries)):
        raise CannotVerify(f"{MANIFEST} does not describe its files.")
    return {entry["name"]: entry for entry in entries}


def is_entry(entry: Any) -> bool:
    """Return whether this describes a file: its name, its bytes, their SHA-256, and its rows if it has any."""
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("name"), str)
        and isinstance(entry.get("sha256"), str)
        and is_count(entry.get("bytes"))
        and "rows" in entry
        and (entry["rows"] is None or is_count(entry["rows"]))
    )


def is_count(value: Any) -> bool:
    """Return whether this is a number of bytes, rows or entries: no other JSON, and no more than a site can store."""
    return type(value) is int and 0 <= value < 1 << 63


if __name__ == "__main__":
    sys.exit(main())
