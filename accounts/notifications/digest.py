"""Sends the mails that say there is news. They name kinds of things and no thing, see ``notification_types``.

Whoever moves a person's ``mail_due_at`` on holds their mail for as long as ``HELD``. The mail is sent with no
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
from accounts.notifications.inbox import lock
from accounts.notifications.models import Notification, NotificationSettings
from accounts.notifications.notification_types import WORDS, Kind
from accounts.users.models import User
from compliance.audit import Action, record
from compliance.isolation import tenant

HELD: Final = timedelta(minutes=10)
STEP: Final = timedelta(microseconds=1)
CLAIM: Final = "SELECT owner_id FROM accounts_claim_due_mails(%s, %s, %s)"


class Letter(NamedTuple):
    """One mail to send: to whom, and the notifications that it tells of, the oldest first."""

    user: User
    rows: list[Notification]

    @property
    def kinds(self) -> list[Kind]:
        """What it tells of, in the order of the list of kinds."""
        found = {row.kind for row in self.rows}
        return [kind for kind in WORDS if kind in found]

    @property
    def name(self) -> str:
        """The same for the same notifications, and telling nothing of them."""
        return sha256(" ".join(str(row.pk) for row in self.rows).encode()).hexdigest()[:32]


def claim_due(*, limit: int) -> tuple[datetime, list[UUID]]:
    """Hold the mails of up to ``limit`` people that are due; returns until when, by which ``deliver`` knows them."""
    now = timezone.now()
    until = now + HELD
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [now, until, limit])
        return until, [owner for (owner,) in cursor.fetchall()]


def deliver(*, person_id: UUID, held_until: datetime) -> bool:
    """Send one person what waits for them; ``False`` when there is nothing, or somebody else holds it by now.

    Raises ``SMTPException`` or ``OSError``; the mail is then due again when the hold is over.
    """
    found = _collect(person_id, held_until)
    if found is None:
        return False
    emails.send_alerts(found.user, [WORDS[kind].mailed for kind in found.kinds], name=found.name)
    _tick_off(found)
    return True


def _collect(person_id: UUID, held_until: datetime) -> Letter | None:
    with tenant(person_id):
        user = lock(person_id)
        settings = NotificationSettings.objects.filter(owner=person_id, mail_due_at=held_until).first()
        if settings is None:
            return None
        rows = list(Notification.objects.filter(owner=person_id, awaits_mail=True).order_by("id"))
        now = timezone.now()
        goes = settings.rhythm.end_of_quiet(now) if rows and user.is_active else None
        # Held anew and for longer, so that a second job with the same hold finds it taken.
        settings.mail_due_at = max(now + HELD, held_until + STEP) if goes == now else goes
        settings.save(update_fields=["mail_due_at"])
        return Letter(user, rows) if goes == now else None


def _tick_off(sent: Letter) -> None:
    person_id = sent.user.pk
    with tenant(person_id):
        lock(person_id)
        told = [row.pk for row in sent.rows]
        Notification.objects.filter(pk__in=told).update(awaits_mail=False, mailed_at=timezone.now())
        settings = NotificationSettings.of(person_id)
        waits = Notification.objects.filter(owner=person_id, awaits_mail=True).exists()
        settings.mail_due_at = settings.next_mail(timezone.now()) if waits else None
        settings.save(update_fields=["mail_due_at"])
        record(Action.ALERT_SENT, subject=person_id, resource="mail", kinds=sent.kinds, count=len(told))
