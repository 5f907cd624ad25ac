"""Sends each user's email digest of new notifications: immediately, daily or weekly, outside their quiet hours.

There is no monthly digest. Celery beat calls ``tasks.dispatch_due_digests`` every minute, and ``send_digest`` sends
one. A digest has only the types of notifications and none of their content, see ``notification_types``. A worker
claims a digest for ``CLAIM_DURATION`` by moving the user's ``digest_due_at`` ahead. The email is sent with no
transaction open, and its notifications are marked as sent afterwards. If the worker is killed in between, they stay
unmarked, and the digest is sent again when the claim expires, so that none is lost. Both emails have the same
Message-ID, so many mailboxes show only one of them.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts.notifications import emails
from accounts.notifications.models import Notification, NotificationSettings
from accounts.notifications.notification_types import TEXTS, NotificationType
from accounts.users.models import User
from compliance.audit import Action, record
from compliance.isolation import tenant
from compliance.personal_data.account_lock import lock_account

CLAIM_DURATION: Final = timedelta(minutes=10)
STEP: Final = timedelta(microseconds=1)
CLAIM_DUE_DIGESTS: Final = "SELECT owner_id FROM accounts_claim_due_digests(%s, %s, %s)"


class NotificationDigest(NamedTuple):
    """One email to send: its recipient, and the notifications that it is about, the oldest first."""

    user: User
    rows: list[Notification]

    @property
    def types(self) -> list[NotificationType]:
        """The types of its notifications, in the order of ``TEXTS``."""
        present = {row.type for row in self.rows}
        return [notification_type for notification_type in TEXTS if notification_type in present]

    @property
    def name(self) -> str:
        """A hash of its notifications' ids: the same for the same notifications."""
        return sha256(" ".join(str(row.pk) for row in self.rows).encode()).hexdigest()[:32]


def claim_due_digests(*, limit: int) -> tuple[datetime, list[UUID]]:
    """Claim up to ``limit`` digests that are due.

    Returns when the claim expires, by which ``send_digest`` recognizes it, and the users' ids.
    """
    now = timezone.now()
    until = now + CLAIM_DURATION
    with connection.cursor() as cursor:
        cursor.execute(CLAIM_DUE_DIGESTS, [now, until, limit])
        return until, [owner for (owner,) in cursor.fetchall()]


def send_digest(*, user_id: UUID, claimed_until: datetime) -> bool:
    """Send one user's claimed digest. ``False`` if there is nothing to send, or another worker has the claim.

    Raises ``SMTPException`` or ``OSError``; the digest is then due again when the claim expires.
    """
    collected = _collect_digest(user_id, claimed_until)
    if collected is None:
        return False
    emails.send_digest_email(
        collected.user,
        [str(TEXTS[notification_type].email_line) for notification_type in collected.types],
        name=collected.name,
    )
    _mark_sent(collected)
    return True


def _collect_digest(user_id: UUID, claimed_until: datetime) -> NotificationDigest | None:
    with tenant(user_id):
        lock_account(user_id)
        user = User.objects.get(pk=user_id)
        settings = NotificationSettings.objects.filter(owner=user_id, digest_due_at=claimed_until).first()
        if settings is None:
            return None
        rows = list(Notification.objects.filter(owner=user_id, email_pending=True).order_by("id"))
        now = timezone.now()
        send_at = (
            settings.delivery_schedule.end_of_quiet_hours(now)
            if rows and user.is_active and not user.is_deletion_pending
            else None
        )
        # Moved again, so that a second task with the same claim does not send the digest too.
        settings.digest_due_at = max(now + CLAIM_DURATION, claimed_until + STEP) if send_at == now else send_at
        settings.save(update_fields=["digest_due_at"])
        return NotificationDigest(user, rows) if send_at == now else None


def _mark_sent(sent: NotificationDigest) -> None:
    user_id = sent.user.pk
    with tenant(user_id):
        lock_account(user_id)
        sent_ids = [row.pk for row in sent.rows]
        Notification.objects.filter(pk__in=sent_ids).update(email_pending=False, emailed_at=timezone.now())
        settings = NotificationSettings.for_user(user_id)
        is_pending = Notification.objects.filter(owner=user_id, email_pending=True).exists()
        settings.digest_due_at = settings.next_delivery(timezone.now()) if is_pending else None
        settings.save(update_fields=["digest_due_at"])
        record(Action.DIGEST_SENT, subject=user_id, resource="mail", types=sent.types, count=len(sent_ids))
