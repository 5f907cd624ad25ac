"""Sends the mails that say there is news. They name kinds of things and no thing, see ``notification_types``.

Whoever moves a person's ``digest_due_at`` on holds their mail for as long as ``HELD``. The mail is sent with no
transaction open, and its notifications are ticked off afterwards. A worker that is killed in between leaves them
unticked, so the mail comes a second time when the hold is over: better twice than never, as it says so little. Both
carry the same Message-ID, by which many mailboxes show one of them alone.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts.notifications import emails
from accounts.notifications.inbox import lock_user
from accounts.notifications.models import Notification, NotificationSettings
from accounts.notifications.notification_types import TEXTS, NotificationType
from accounts.users.models import User
from compliance.audit import Action, record
from compliance.isolation import tenant

CLAIM_DURATION: Final = timedelta(minutes=10)
STEP: Final = timedelta(microseconds=1)
CLAIM_DUE_DIGESTS: Final = "SELECT owner_id FROM accounts_claim_due_digests(%s, %s, %s)"


class NotificationDigest(NamedTuple):
    """One mail to send: to whom, and the notifications that it tells of, the oldest first."""

    user: User
    rows: list[Notification]

    @property
    def kinds(self) -> list[NotificationType]:
        """What it tells of, in the order of the list of kinds."""
        found = {row.type for row in self.rows}
        return [notification_type for notification_type in TEXTS if notification_type in found]

    @property
    def name(self) -> str:
        """The same for the same notifications, and telling nothing of them."""
        return sha256(" ".join(str(row.pk) for row in self.rows).encode()).hexdigest()[:32]


def claim_due_digests(*, limit: int) -> tuple[datetime, list[UUID]]:
    """Hold the mails of up to ``limit`` people that are due; returns until when, by which ``deliver`` knows them."""
    now = timezone.now()
    until = now + CLAIM_DURATION
    with connection.cursor() as cursor:
        cursor.execute(CLAIM_DUE_DIGESTS, [now, until, limit])
        return until, [owner for (owner,) in cursor.fetchall()]


def send_digest(*, user_id: UUID, claimed_until: datetime) -> bool:
    """Send one person what waits for them; ``False`` when there is nothing, or somebody else holds it by now.

    Raises ``SMTPException`` or ``OSError``; the mail is then due again when the hold is over.
    """
    found = _collect_digest(user_id, claimed_until)
    if found is None:
        return False
    emails.send_digest_email(
        found.user, [TEXTS[notification_type].email_line for notification_type in found.kinds], name=found.name
    )
    _mark_sent(found)
    return True


def _collect_digest(user_id: UUID, claimed_until: datetime) -> NotificationDigest | None:
    with tenant(user_id):
        user = lock_user(user_id)
        settings = NotificationSettings.objects.filter(owner=user_id, digest_due_at=claimed_until).first()
        if settings is None:
            return None
        rows = list(Notification.objects.filter(owner=user_id, email_pending=True).order_by("id"))
        now = timezone.now()
        goes = settings.delivery_schedule.end_of_quiet_hours(now) if rows and user.is_active else None
        # Held anew and for longer, so that a second job with the same hold finds it taken.
        settings.digest_due_at = max(now + CLAIM_DURATION, claimed_until + STEP) if goes == now else goes
        settings.save(update_fields=["digest_due_at"])
        return NotificationDigest(user, rows) if goes == now else None


def _mark_sent(sent: NotificationDigest) -> None:
    user_id = sent.user.pk
    with tenant(user_id):
        lock_user(user_id)
        told = [row.pk for row in sent.rows]
        Notification.objects.filter(pk__in=told).update(email_pending=False, emailed_at=timezone.now())
        settings = NotificationSettings.for_user(user_id)
        waits = Notification.objects.filter(owner=user_id, email_pending=True).exists()
        settings.digest_due_at = settings.next_delivery(timezone.now()) if waits else None
        settings.save(update_fields=["digest_due_at"])
        record(Action.DIGEST_SENT, subject=user_id, resource="mail", kinds=sent.kinds, count=len(told))
