"""Exports from request to expiry. No file outlives its export, and no export claims a file that is gone."""

import logging
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from compliance.export import storage
from compliance.export.attempts import hold_account, record_export
from compliance.export.data_export import DataExport, ExportError, ExportState
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

PAGE_SIZE: Final = 500
OwnedId = tuple[UUID, UUID]
"""The id of an owner, and that of one of their exports."""


class ExportIsActive(Exception):
    """Another export of the same person is being prepared."""


class AccountIsDeleted(Exception):
    """The person's account was deleted, or is about to be."""


# --- Of one person ----------------------------------------------------------------------------------------


def request_export(*, owner_id: UUID) -> DataExport:
    """Request an export of everything about a person.

    Raises ``ExportIsActive`` while another one is prepared, and ``AccountIsDeleted``.
    """
    with tenant(owner_id):
        if not hold_account(owner_id):
            raise AccountIsDeleted
        try:
            with transaction.atomic():
                # The database's clock decides when it is due.
                export = DataExport.objects.create(owner_id=owner_id, next_attempt_at=Now())
        except IntegrityError:
            raise ExportIsActive from None
        record_export(export, stage="requested")
    return export


def delete_export(*, owner_id: UUID, export_id: UUID) -> None:
    """Delete an export and its file. A worker that is writing it stops. Raises ``DataExport.DoesNotExist``."""
    with tenant(owner_id):
        export = DataExport.objects.for_user(owner_id).select_for_update(of=["self"]).get(pk=export_id)
        record_export(export, stage="deleted")
        export.delete()
        _delete_files_after_commit([export_id])


def claim_notice(*, owner_id: UUID, export_id: UUID) -> DataExport | None:
    """Start to notify a person that an export is ready. None if that was done, or another worker is doing it."""
    with tenant(owner_id):
        return DataExport.objects.filter(pk=export_id).claim_notice()


def finish_notice(export: DataExport) -> None:
    """Note that a person was notified."""
    with tenant(export.owner_id):
        DataExport.objects.filter(pk=export.pk).update(notified_at=Now(), leased_until=None)


def erase_exports(user_id: UUID) -> int:
    """Delete all exports of a person, and their files. Returns how many there were."""
    with tenant(user_id):
        exports = DataExport.objects.for_user(user_id)
        ids = list(exports.values_list("pk", flat=True))
        exports.delete()
        _delete_files_after_commit(ids)
    return len(ids)


def _delete_files_after_commit(export_ids: list[UUID]) -> None:
    def delete_files() -> None:
        for export_id in export_ids:
            storage.delete_files(export_id)

    # Not before the commit: a rollback could not bring the files back. What is done then does not fail because of them.
    transaction.on_commit(delete_files, robust=True)


# --- Of everybody -----------------------------------------------------------------------------------------


def list_due_exports(*, limit: int = PAGE_SIZE) -> list[OwnedId]:
    """List exports that no worker is writing: requested, due again after an error, or left by a killed worker."""
    return _query("SELECT owner_id, export_id FROM compliance_due_exports(%s)", limit)


def list_unnotified_exports(*, limit: int = PAGE_SIZE) -> list[OwnedId]:
    """List exports that are ready, of which their people were not notified, and no worker is doing it."""
    return _query("SELECT owner_id, export_id FROM compliance_unnotified_exports(%s)", limit)


def purge_exports() -> int:
    """Delete the files of expired exports, files without an export, and what killed workers left. Returns how many.

    An export whose file is gone says so from then on, and is counted, too. If it may be the whole folder that is gone,
    because its disk is not mounted, all exports stay, and the log says so.
    """
    return _expire_exports() + _delete_orphans() + _delete_abandoned_files() + _find_missing_files()


def _expire_exports() -> int:
    count = 0
    while expired := _query("SELECT owner_id, export_id FROM compliance_expired_exports(%s)", PAGE_SIZE):
        for owner_id, export_id in expired:
            with tenant(owner_id):
                DataExport.objects.filter(pk=export_id).expire()
            count += storage.delete_files(export_id)
    return count


def _delete_orphans() -> int:
    count, ids = 0, storage.list_complete_files()
    while page := list(islice(ids, PAGE_SIZE)):
        needed = {row[0] for row in _query("SELECT export_id FROM compliance_exports_with_file(%s)", page)}
        count += sum(storage.delete_files(export_id) for export_id in page if export_id not in needed)
    return count


def _delete_abandoned_files() -> int:
    count, files = 0, storage.list_partial_files()
    while page := list(islice(files, PAGE_SIZE)):
        # After the files were listed: a worker has its lease before it creates its file.
        ids = [export_id for export_id, _holder in page]
        writers = {row[0] for row in _query("SELECT lease_holder FROM compliance_export_writers(%s)", ids)}
        for export_id, holder in page:
            if holder not in writers:
                count += storage.delete_partial_file(export_id, holder=holder)
    return count


def _find_missing_files() -> int:
    ready = [(owner_id, export_id, storage.export_path(export_id)) for owner_id, export_id in _iterate_ready_exports()]
    missing = [(owner_id, export_id) for owner_id, export_id, path in ready if not path.exists()]
    if missing and not storage.is_folder_marked():
        logger.error(
            "%s exports have no file in EXPORT_DIR, and it is not the folder that had them: is it mounted?",
            len(missing),
        )
        return 0
    if ready and not missing:
        storage.mark_folder()
    return sum(_fail_missing(owner_id, export_id) for owner_id, export_id in missing)


def _fail_missing(owner_id: UUID, export_id: UUID) -> int:
    with tenant(owner_id):
        ready = DataExport.objects.filter(pk=export_id, state=ExportState.READY)
        count = ready.update(state=ExportState.FAILED, error_code=ExportError.MISSING, file_key=None, finished_at=Now())
    if count:
        logger.error("The file of export %s is gone", export_id)
    return count


def _iterate_ready_exports() -> Iterator[OwnedId]:
    last = UUID(int=0)
    query = "SELECT owner_id, export_id FROM compliance_ready_exports(%s, %s)"
    while page := _query(query, last, PAGE_SIZE):
        yield from page
        last = page[-1][1]


def _query(sql: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[Any] = cursor.fetchall()
    return rows
