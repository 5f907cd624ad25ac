"""All tasks of this app, for Celery; each is defined beside the code that it runs."""

from accounts.emails.tasks import send_notice
from accounts.notifications.tasks import dispatch_due_digests, send_due_digest
from accounts.sign_in.tasks import forget_old, send_unlock_link

__all__ = ["dispatch_due_digests", "forget_old", "send_due_digest", "send_notice", "send_unlock_link"]
