"""Write exports in tests, read what is in them, and empty the site as if it were another one."""

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zipfile import ZipFile

from accounts.models import User
from compliance.export.contents import write_export
from compliance.isolation import tenant
from compliance.vault import data_keys
from conftest import truncate_tables


@dataclass(frozen=True)
class WrittenExport:
    """An export as its person downloads it."""

    content: bytes

    @property
    def archive(self) -> ZipFile:
        return ZipFile(io.BytesIO(self.content))

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads(self.archive.read("manifest.json"))

    def read_text(self, name: str) -> str:
        return self.archive.read(name).decode()

    def read_rows(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.read_text(name).splitlines()]

    def count_rows(self) -> dict[str, int]:
        return {entry["name"]: entry["rows"] for entry in self.manifest["files"] if entry["rows"]}

    def save(self, folder: Path) -> Path:
        path = folder / "export.zip"
        path.write_bytes(self.content)
        return path


def export_data(user: User) -> WrittenExport:
    """Write everything about a user."""
    sink = io.BytesIO()
    write_export(owner_id=user.pk, export_id=uuid4(), at=datetime.now(UTC), sink=sink)
    return WrittenExport(sink.getvalue())


def empty_site(user_id: UUID) -> None:
    """Delete every row and the user's data key, so that the site is as a new one."""
    truncate_tables()
    with tenant(user_id):
        data_keys.shred(user_id)
    data_keys.clear_cache()
