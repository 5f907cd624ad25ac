"""The size and the SHA-256 of a file, computed while it is written."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from compliance.export.encrypted_file import EncryptedWriter


@dataclass
class HashingSink:
    """Passes bytes on, if there is somewhere to, and counts and hashes them."""

    target: EncryptedWriter | None = None
    size: int = 0
    _hash: Any = field(default_factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        """The hash of all bytes so far, in hexadecimal."""
        return str(self._hash.hexdigest())

    def write(self, content: bytes) -> int:
        """Count and hash bytes, and pass them on."""
        self._hash.update(content)
        self.size += len(content)
        if self.target is not None:
            self.target.write(content)
        return len(content)

    def flush(self) -> None:
        """Do nothing: the target decides when to write."""

    def close(self) -> None:
        """Complete the target."""
        if self.target is not None:
            self.target.close()
