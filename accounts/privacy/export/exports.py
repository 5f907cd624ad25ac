"""A user's exports as pages show them, and the email that one is ready."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.emails import sending
from accounts.users.models import User
from compliance.export import lifecycle
from compliance.export.building import build_export
from compliance.export.contents import find_label
from compliance.export.data_export import DataExport, ExportError, ExportState
from formats import dates

logger = logging.getLogger(__name__)

MAX_SHOWN: Final = 20
FAST_POLLING_PERIOD: Final = timedelta(seconds=30)
SLOW_AFTER: Final = timedelta(minutes=10)
ERROR_MESSAGES: Final = {
    ExportError.DISK_FULL: gettext_lazy("We couldn't finish this export because our storage is full."),
    ExportError.STORAGE: gettext_lazy("We couldn't store this export."),
    ExportError.DAMAGED: gettext_lazy("We stored this export, but it didn't pass our check, so we deleted it."),
    ExportError.INTERRUPTED: gettext_lazy("This export was interrupted."),
    ExportError.KEY: gettext_lazy("We couldn't encrypt this export, so we didn't store it."),
    ExportError.MISSING: gettext_lazy("The file of this export is gone."),
}


@dataclass(frozen=True, slots=True)
class ExportProgress:
    """``state`` is running or slow; ``part`` counts up to ``part_count``."""

    state: str
    sentence: str
    part: int
    part_count: int
    poll_seconds: int


def list_exports(user: User) -> list[DataExport]:
    """List the user's last exports, newest first."""
    return list(DataExport.objects.for_user(user).order_by("-requested_at", "-id")[:MAX_SHOWN])


def describe_progress(exports: list[DataExport], *, at: datetime) -> ExportProgress | None:
    """Describe the export that is being prepared. None if there is none."""
    export = next((export for export in exports if export.is_active), None)
    if export is None:
        return None
    age = at - export.requested_at
    return ExportProgress(
        state="slow" if age > SLOW_AFTER else "running",
        sentence=describe_step(export, at=at),
        part=export.part,
        part_count=export.part_count,
        poll_seconds=2 if age < FAST_POLLING_PERIOD else 5,
    )


def describe_step(export: DataExport, *, at: datetime) -> str:
    """Return the sentence about what happens now, which a screen reader reads out when it changes."""
    if export.state == ExportState.QUEUED and export.error_code:
        next_attempt = dates.zoned_time(localtime(max(export.next_attempt_at, at)))
        return _("%(error)s Next attempt: %(time)s.") % {"error": describe_error(export), "time": next_attempt}
    if export.state == ExportState.QUEUED:
        return _("Your export starts in a moment.")
    label = find_label(export.part_name)
    return _("Preparing: %(what)s") % {"what": label} if label else _("Checking the file.")


def describe_outcome(exports: list[DataExport]) -> str:
    """Return what became of the newest export, read out when its preparation ends; empty if it has expired."""
    newest = next(iter(exports), None)
    if newest is None or newest.is_active:
        return ""
    return _("Your export is ready.") if newest.is_downloadable else describe_error(newest)


def describe_error(export: DataExport) -> str:
    """Return what went wrong in the last attempt, as a sentence; empty if nothing did."""
    return str(ERROR_MESSAGES[ExportError(export.error_code)]) if export.error_code else ""


def build_and_notify(*, owner_id: UUID, export_id: UUID) -> None:
    """Write an export, and email its user when it is ready."""
    if build_export(owner_id=owner_id, export_id=export_id):
        send_ready_email(owner_id=owner_id, export_id=export_id)


def send_ready_email(*, owner_id: UUID, export_id: UUID) -> None:
    """Email a user once that an export is ready.

    A worker that is killed between the mail server's answer and its note of it leaves the email to be sent twice; one
    that is killed before, or a mail server that is down, to be sent later.
    """
    export = lifecycle.claim_notice(owner_id=owner_id, export_id=export_id)
    if export is None or not User.objects.filter(pk=owner_id, deleted_at=None).exists():
        return
    context = {"timestamp": str(export.finished_at), "user_agent": "", "expires_at": export.expires_at}
    try:
        sending.send_security_email("accounts/email/export_ready", user_id=owner_id, context=context)
    except sending.DELIVERY_ERRORS as error:
        logger.warning("The email about export %s is sent later: %s", export_id, type(error).__name__)
        return
    lifecycle.finish_notice(export)
