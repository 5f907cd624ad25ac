"""Writes exports in the background, and deletes their files when they expire."""

import logging
from uuid import UUID

from celery import shared_task
from kombu.exceptions import OperationalError

from accounts.privacy.export import exports
from compliance.export import lifecycle
from compliance.export.data_export import DataExport
from compliance.isolation.tasks import TenantTask
from compliance.queues import Lane

logger = logging.getLogger(__name__)


@shared_task(base=TenantTask)
def build_export(owner_id: str, export_id: str) -> None:
    """Write one export if it is due. A duplicate job does nothing."""
    exports.build_and_notify(owner_id=UUID(owner_id), export_id=UUID(export_id))


@shared_task(base=TenantTask)
def send_ready_email(owner_id: str, export_id: str) -> None:
    """Email a user that an export is ready, if nobody has done so. A duplicate job does nothing."""
    exports.send_ready_email(owner_id=UUID(owner_id), export_id=UUID(export_id))


@shared_task
def dispatch_due_exports() -> None:
    """Queue exports that wait: after an error, after a worker was killed, or because the queue did not answer.

    Queue also the emails that were not sent, because the worker was killed or the mail server was down.
    """
    for owner_id, export_id in lifecycle.list_due_exports():
        queue_export(owner_id, export_id)
    for owner_id, export_id in lifecycle.list_unnotified_exports():
        send_ready_email.delay(str(owner_id), str(export_id))


@shared_task
def purge_old_exports() -> None:
    """Delete the files of expired exports, and files that belong to no export."""
    lifecycle.purge_exports()


def enqueue_export(export: DataExport) -> None:
    """Queue an export; Celery beat does it within a minute if the queue does not answer."""
    try:
        queue_export(export.owner_id, export.pk)
    except OperationalError as error:
        logger.warning("The queue does not answer, export %s waits for Celery beat: %s", export.pk, error)


def queue_export(owner_id: UUID, export_id: UUID) -> None:
    """Queue an export in the slow lane. Raises ``OperationalError`` when the queue does not answer."""
    build_export.apply_async((str(owner_id), str(export_id)), queue=Lane.SLOW.queue)
