"""Additional authenticated data (AAD): what a sealed value is bound to, such as its model, field, row and owner."""

import struct
from typing import Final
from uuid import UUID

LENGTH: Final = struct.Struct(">I")


def build_aad(*parts: object) -> bytes:
    """Join the parts. Each one is preceded by its length, so no two lists give the same bytes."""
    encoded = map(_encode, parts)
    return b"".join(LENGTH.pack(len(part)) + part for part in encoded)


def _encode(part: object) -> bytes:
    if isinstance(part, UUID):
        return part.bytes
    return part if isinstance(part, bytes) else str(part).encode()
