"""The manifest of an export: every file with its hash, what was left out and why; and its signature."""

import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings

from compliance.export.archive import ArchivedFile
from compliance.export.rows.row_values import to_json_value
from compliance.export.rows.unreadable_rows import UNREADABLE_ROWS, UnreadableRows
from compliance.export.verify_export import CONTEXT, FORMAT
from compliance.personal_data import DataHolder
from compliance.signing import public_keys, sign

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True)
class WithheldRow:
    """A row that the export does not have, and why."""

    model: str
    row: str
    reason: str


@dataclass
class Manifest:
    """What an export has, while it is written. ``restored`` names the files that another site can take over."""

    export_id: UUID
    owner_id: UUID
    created_at: datetime
    files: list[ArchivedFile] = field(default_factory=list)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    restored: set[str] = field(default_factory=set)
    withheld_fields: list[dict[str, str]] = field(default_factory=list)
    withheld_rows: list[WithheldRow] = field(default_factory=list)
    unreadable: UnreadableRows = field(default_factory=UnreadableRows)

    @property
    def row_count(self) -> int:
        """How many rows all files have."""
        return sum(file.rows or 0 for file in self.files)

    def encode(self) -> bytes:
        """Return the manifest as JSON."""
        content = {
            "format": FORMAT,
            "schema_version": SCHEMA_VERSION,
            "site": settings.PUBLIC_URL,
            "export_id": str(self.export_id),
            "user_id": str(self.owner_id),
            "created_at": to_json_value(self.created_at),
            # Of older signatures inside, too: the key that signs may have been replaced since.
            "public_keys": public_keys(),
            "files": [self._describe(file) for file in self.files],
            "withheld_fields": self.withheld_fields,
            "withheld_rows": [asdict(row) for row in self.withheld_rows],
            "unreadable_rows": [asdict(row) for row in self.unreadable.first],
            "unreadable_count": self.unreadable.count,
            "unreadable_file": UNREADABLE_ROWS if self.unreadable.count else None,
        }
        return json.dumps(content, indent=1, ensure_ascii=False).encode()

    def _describe(self, file: ArchivedFile) -> dict[str, Any]:
        return {
            "name": file.name,
            "bytes": file.size,
            "sha256": file.sha256,
            "rows": file.rows,
            "model": self.models.get(file.name),
            "columns": self.columns.get(file.name),
            "restorable": file.name in self.restored,
        }


def list_withheld_fields(holders: Iterable[DataHolder]) -> list[dict[str, str]]:
    """List the fields that no export has, with the reasons that people read."""
    return [
        {"model": holder.model._meta.label_lower, "field": name, "reason": str(reason)}
        for holder in holders
        for name, reason in holder.withheld.items()
    ]


def sign_manifest(content: bytes) -> bytes:
    """Sign the manifest; returns the signature with the public key, as JSON."""
    signature = sign(CONTEXT, content)
    return json.dumps(
        {
            "algorithm": "Ed25519",
            "context": CONTEXT,
            "key_id": signature.key_id,
            "public_key": public_keys()[signature.key_id],
            "signature": b64encode(signature.value).decode(),
        },
        indent=1,
    ).encode()
