"""One attempt of one worker to write an export: its lease, its progress, and how it ends.

The rows are read in one long transaction, which sees neither a cancellation nor a deleted account. So progress is
written on a connection of its own, by a statement that fails if this worker should stop.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self
from uuid import UUID, uuid4

from django.contrib.auth import get_user_model
from django.db.models.functions import Now
from django.utils import timezone

from compliance.audit import Action, record
from compliance.export import storage
from compliance.export.data_export import (
    KEPT_FOR,
    LEASE_DURATION,
    MAX_ATTEMPTS,
    RETRY_DELAY,
    DataExport,
    ExportError,
    ExportState,
)
from compliance.isolation import tenant
from compliance.isolation.tenant import cursor_of_own_connection, open_own_connection

RENEW_SECONDS: Final = 10.0
# Most files take some milliseconds, and each write of the progress is a commit.
PROGRESS_SECONDS: Final = 0.5
ADVANCE: Final = """
    UPDATE compliance_dataexport SET part = %(part)s, part_name = %(name)s, leased_until = now() + %(lease)s
     WHERE id = %(export)s AND state = 'running' AND lease_holder = %(holder)s
       -- The account was not deleted meanwhile.
       AND EXISTS (SELECT FROM {users} WHERE id = %(owner)s AND deleted_at IS NULL)
"""


class ExportStopped(Exception):
    """The export was cancelled, its person's account was deleted, or another worker took it over."""


@dataclass
class ExportAttempt:
    """The right of one worker to write one export, as long as it renews it."""

    owner_id: UUID
    export_id: UUID
    holder: UUID
    part: int = 0
    part_name: str = ""
    _connection: Any = None
    _renewed_at: float = field(default=0.0)

    @contextmanager
    def keep_connection(self) -> Iterator[Self]:
        """Open the connection of the progress, and close it at the end."""
        with open_own_connection() as self._connection:
            yield self

    def advance(self, name: str) -> None:
        """Note that the next file is being written; pages see it within half a second. Raises ``ExportStopped``."""
        self.part, self.part_name = self.part + 1, name
        if time.monotonic() - self._renewed_at >= PROGRESS_SECONDS:
            self._write_progress()

    def renew_if_due(self) -> None:
        """Renew the lease if the last renewal is some seconds ago. Raises ``ExportStopped``."""
        if time.monotonic() - self._renewed_at >= RENEW_SECONDS:
            self._write_progress()

    def _write_progress(self) -> None:
        users = self._connection.ops.quote_name(get_user_model()._meta.db_table)
        values: dict[str, Any] = {
            "part": self.part,
            "name": self.part_name,
            "lease": LEASE_DURATION,
            "export": self.export_id,
            "holder": self.holder,
            "owner": self.owner_id,
        }
        with cursor_of_own_connection(self._connection, self.owner_id) as cursor:
            cursor.execute(ADVANCE.format(users=users), values)
            is_held = cursor.rowcount == 1
        self._renewed_at = time.monotonic()
        if not is_held:
            raise ExportStopped

    def finish(self, *, key: str, **figures: Any) -> None:
        """Store the file's key and figures, and give it its name: the export is ready.

        Raises ``ExportStopped``, with nothing changed: also if the account was deleted since the last progress.
        """
        with tenant(self.owner_id):
            if not hold_account(self.owner_id):
                raise ExportStopped
            export = (
                DataExport.objects.select_for_update(of=["self"])
                .filter(pk=self.export_id, lease_holder=self.holder, state=ExportState.RUNNING)
                .first()
            )
            if export is None:
                raise ExportStopped
            export.state, export.file_key, export.error_code = ExportState.READY, key, ""
            export.finished_at = timezone.now()
            export.expires_at = export.finished_at + KEPT_FOR
            export.lease_holder = export.leased_until = None
            for name, value in figures.items():
                setattr(export, name, value)
            export.save()
            record_export(export, stage="ready")
            # While the row is locked, so that no other worker has taken over and stored a file under another key.
            storage.complete_file(self.export_id, holder=self.holder)

    def fail(self, error: ExportError) -> None:
        """Queue the export again in some minutes, or fail it after the last attempt."""
        with tenant(self.owner_id):
            held = DataExport.objects.filter(pk=self.export_id, lease_holder=self.holder, state=ExportState.RUNNING)
            cleared = {"error_code": error, "lease_holder": None, "leased_until": None}
            if held.filter(attempts__lt=MAX_ATTEMPTS).update(
                state=ExportState.QUEUED, next_attempt_at=Now() + RETRY_DELAY, **cleared
            ):
                return
            held.update(state=ExportState.FAILED, finished_at=Now(), **cleared)


def claim_export(*, owner_id: UUID, export_id: UUID, part_count: int) -> ExportAttempt | None:
    """Start an attempt. None if the export is gone, not due, held by another worker, or failed for good.

    While the person's account is to be deleted, it waits, and no attempt counts: they may cancel the deletion.
    """
    attempt = ExportAttempt(owner_id, export_id, uuid4())
    with tenant(owner_id):
        export = DataExport.objects.filter(pk=export_id)
        is_kept = hold_account(owner_id)
        export.fail_abandoned()
        if not is_kept:
            export.delay_attempt()
            return None
        is_claimed = export.claim(holder=attempt.holder, part_count=part_count)
        if is_claimed:
            # While the row is locked, so that none of these files is one that a later attempt has begun.
            storage.delete_partial_files(export_id)
    return attempt if is_claimed else None


def hold_account(owner_id: UUID) -> bool:
    """Let no deletion of a person's account begin before the open transaction ends. False if it was deleted.

    Call it before other rows are locked, as a deletion does.
    """
    users = get_user_model()._default_manager.select_for_update(no_key=True)
    return users.filter(pk=owner_id, deleted_at=None).exists()


def record_export(export: DataExport, *, stage: str) -> None:
    """Record a step of an export in its person's audit trail."""
    record(
        Action.DATA_EXPORT,
        actor=export.owner_id,
        subject=export.owner_id,
        resource="export",
        resource_id=str(export.pk),
        stage=stage,
        bytes=export.size,
    )
