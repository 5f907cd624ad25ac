"""Recover a link whose result did not arrive: retry until the provider responds or the public token has expired.

Pending are sessions whose exchange got no response, those that the provider had not confirmed yet, and those of a
killed process. If the public token is still unused, it is exchanged now, which recovers the Item. If it was used, the
access token is lost, because the provider returns it only once; the row stays, for operators.
"""

import logging
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from banking.linking import errors, exchange, sessions
from banking.linking.confirmation import schedule_recovery
from banking.models import Item, LinkSession
from banking.notification_messages import LinkFailedMessage
from banking.provider import ProviderError
from banking.providers import provider_for
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

PENDING_STATES = (LinkSession.State.PENDING, LinkSession.State.EXCHANGING)
# A public token is valid for half an hour. By the seventh attempt, more than that after the first, it has expired.
MAX_ATTEMPTS = 7


def recover_link(*, owner_id: UUID, session_id: UUID) -> Item | None:
    """Try once to recover a session, if it is due; returns the recovered Item."""
    session = claim_pending_session(owner_id=owner_id, session_id=session_id)
    if session is None:
        return None
    with tenant(owner_id):
        user = User.objects.get(pk=owner_id)
    try:
        return exchange.complete_link(user=user, session=session)
    except errors.DuplicateBank:
        return None
    except (errors.LinkError, ProviderError) as error:
        logger.warning("Link session %s was not recovered: %s", session.pk, error)
    reschedule_or_give_up(user=user, session=session)
    return None


def claim_pending_session(*, owner_id: UUID, session_id: UUID) -> LinkSession | None:
    """Claim a pending session, so that no other worker recovers it at the same time."""
    now = timezone.now()
    with tenant(owner_id):
        sessions = LinkSession.objects.select_for_update(of=["self"]).filter(state__in=PENDING_STATES)
        session = sessions.filter(pk=session_id).first()
        if session is None or not is_due(session):
            return None
        session.state, session.claimed_at, session.recovery_attempts = (
            LinkSession.State.EXCHANGING,
            now,
            session.recovery_attempts + 1,
        )
        session.save(update_fields=["state", "claimed_at", "recovery_attempts"])
    return session


def is_due(session: LinkSession) -> bool:
    """Whether a pending session is due and no process holds it."""
    now = timezone.now()
    if session.state == LinkSession.State.PENDING:
        return session.next_recovery_at is None or session.next_recovery_at <= now
    return session.claimed_at is None or now - session.claimed_at >= sessions.CLAIM_TIMEOUT


def reschedule_or_give_up(*, user: User, session: LinkSession) -> None:
    """After a failed attempt: schedule the next one, or give up and notify user and operators."""
    with tenant(user.pk):
        session.refresh_from_db()
    is_open = session.state in (LinkSession.State.PENDING, LinkSession.State.OPEN)
    if is_open and session.error_code != "FOREIGN_PUBLIC_TOKEN" and session.recovery_attempts < MAX_ATTEMPTS:
        schedule_recovery(user=user, session=session, code=session.error_code)
        return
    if is_open and session.exchange_sent_at is not None:
        exchange.record_lost_item(user=user, session=session, request_id=session.request_id)
    elif is_open:
        with tenant(user.pk):
            LinkSession.objects.filter(pk=session.pk).update(state=LinkSession.State.FAILED, link_token=None)
    with tenant(user.pk):
        notify(
            user_id=user.pk,
            type=NotificationType.BANK_RECONNECT,
            message=LinkFailedMessage(provider=provider_for(session.provider).name),
            url=reverse("connect"),
            fingerprint=f"link session {session.pk} came to nothing",
        )
