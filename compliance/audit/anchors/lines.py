"""One line of an anchor: its form, its signature and its hashes."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple, Self, TypeVar
from uuid import UUID

from compliance.signing import Signature, sign, verify

T = TypeVar("T")
CONTEXT: Final = "plumbline/anchor/v1"


class AnchoredHead(NamedTuple):
    """The last link of a chain at the time of an anchor."""

    subject: UUID
    sequence: int
    hash: bytes


class InvalidAnchor(ValueError):
    """A line is not an anchor."""


@dataclass(frozen=True)
class AnchorLine:
    """One line of an anchor. ``is_last`` marks the last one of its anchor."""

    at: datetime
    chains: int
    root: bytes
    heads: tuple[AnchoredHead, ...]
    is_last: bool
    previous: str
    signature: Signature | None = None

    def sign(self) -> Self:
        """Return the line with a signature."""
        return replace(self, signature=sign(CONTEXT, self.to_bytes()))

    def is_signed(self) -> bool:
        """Return whether this site signed the line. Raises ``SigningKeyMissing``."""
        return self.signature is not None and verify(CONTEXT, self.to_bytes(), self.signature)

    def to_bytes(self) -> bytes:
        """Return what is signed: JSON with sorted names and no spaces."""
        return encode_json(self._fields())

    def to_text(self) -> str:
        """Return the line as it is stored: what is signed, with the signature in hexadecimal and its key's id."""
        if self.signature is None:
            raise InvalidAnchor("The line is not signed.")
        signature = {"key": self.signature.key_id, "signature": self.signature.value.hex()}
        return encode_json(self._fields() | signature).decode()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the result of ``to_text``. Raises ``InvalidAnchor``."""
        try:
            fields = json.loads(text)
            return cls(
                at=_parse_time(fields["at"]),
                chains=_parse_count(fields["chains"]),
                root=bytes.fromhex(fields["root"]),
                heads=tuple(
                    AnchoredHead(UUID(subject), _parse_count(sequence), bytes.fromhex(head_hash))
                    for subject, sequence, head_hash in _require(list, fields["heads"])
                ),
                is_last=_require(bool, fields["last"]),
                previous=_require(str, fields["previous"]),
                signature=Signature(_parse_key_id(fields["key"]), bytes.fromhex(fields["signature"])),
            )
        # What is nested too deep is a RecursionError.
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise InvalidAnchor(f"This is not an anchor: {type(error).__name__}.") from None

    def _fields(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "chains": self.chains,
            "root": self.root.hex(),
            "heads": [[str(head.subject), head.sequence, head.hash.hex()] for head in self.heads],
            "last": self.is_last,
            "previous": self.previous,
        }


def encode_json(fields: dict[str, Any]) -> bytes:
    """Return JSON in the one form that is signed."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


# --- Values of a line, as JSON has them -------------------------------------------------------------------


def _require(kind: type[T], value: Any) -> T:
    # Not isinstance: a bool is an int.
    if type(value) is not kind:
        raise TypeError
    return value


def _parse_count(value: Any) -> int:
    """A number that the database can store."""
    if not 0 <= _require(int, value) < 1 << 63:
        raise ValueError
    return int(value)


def _parse_time(value: Any) -> datetime:
    at = datetime.fromisoformat(value)
    if at.utcoffset() is None:
        raise ValueError
    return at


def _parse_key_id(value: Any) -> str:
    """A name that a terminal can show."""
    if not (_require(str, value).isascii() and value.isprintable()):
        raise ValueError
    return str(value)


# --- Hashes -----------------------------------------------------------------------------------------------


def hash_line(text: str) -> str:
    """Return the SHA-256 of a line without its end, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def hash_leaf(head: AnchoredHead) -> bytes:
    """Return the leaf of a head. The first byte tells leaves from nodes, as in RFC 6962."""
    return hashlib.sha256(b"\0" + head.subject.bytes + head.sequence.to_bytes(8, "big") + head.hash).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of a tree over leaves, in their order. A node without a sibling moves up as it is."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        unpaired = level[-1:] if len(level) % 2 else []
        level = [hashlib.sha256(b"\1" + left + right).digest() for left, right in pairs] + unpaired
    return level[0]
