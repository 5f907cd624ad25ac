"""All tasks of this app, for Celery. Each is defined beside the code that it runs."""

from accounts.deletion.tasks import (
    dispatch_due_deletions,
    erase_account,
    send_deletion_request_email,
    send_receipt,
)
from accounts.emails.tasks import send_security_email
from accounts.notifications.tasks import dispatch_due_digests, send_due_digest
from accounts.privacy.export.tasks import build_export, dispatch_due_exports, purge_old_exports
from accounts.privacy.retention.tasks import apply_retention, dispatch_due_retention
from accounts.sign_in.tasks import delete_expired_sessions_and_failures, send_unlock_email

__all__ = [
    "apply_retention",
    "build_export",
    "delete_expired_sessions_and_failures",
    "dispatch_due_deletions",
    "dispatch_due_digests",
    "dispatch_due_exports",
    "dispatch_due_retention",
    "erase_account",
    "purge_old_exports",
    "send_deletion_request_email",
    "send_due_digest",
    "send_receipt",
    "send_security_email",
    "send_unlock_email",
]
