"""Ask the provider again what became of a dialog whose end did not reach us, until it says or it is too late.

Owed are sessions whose exchange brought no answer, that the provider had not confirmed yet, and that a killed process
left behind. A token that is not spent is exchanged now, so the Item is got back. One that is spent has an Item that
nobody holds: the provider gives its access token a second time to nobody, so the row stays, for operators.
"""

import logging
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.notifications.inbox import notify
from accounts.notifications.notification_types import NotificationType
from banking.linking import sessions
from banking.linking.confirmation import owe
from banking.models import Item, LinkSession
from banking.provider import ProviderError
from banking.providers import provider_for
from compliance.isolation import tenant

logger = logging.getLogger(__name__)

OWED = (LinkSession.State.OWED, LinkSession.State.EXCHANGING)
# A public token lives for half an hour. By the seventh look, half an hour and more after the first, it is dead.
MOST_LOOKS = 7
NO_ACCESS = "{provider} did not give Plumbline the access that you agreed to. Please connect the bank again."


def look_up(*, owner_id: UUID, session_id: UUID) -> Item | None:
    """Ask once what became of a session, if its time has come; returns the Item that was got back."""
    session = take(owner_id=owner_id, session_id=session_id)
    if session is None:
        return None
    with tenant(owner_id):
        user = User.objects.get(pk=owner_id)
    try:
        return sessions.complete(user=user, session=session)
    except sessions.DuplicateBank:
        return None
    except (sessions.LinkRefused, ProviderError) as error:
        logger.warning("Link session %s was asked about: %s", session.pk, error)
    settle(user=user, session=session)
    return None


def take(*, owner_id: UUID, session_id: UUID) -> LinkSession | None:
    """Claim a session that is owed a look, so that nobody else asks at the same time."""
    now = timezone.now()
    with tenant(owner_id):
        sessions = LinkSession.objects.select_for_update(of=["self"]).filter(state__in=OWED)
        session = sessions.filter(pk=session_id).first()
        if session is None or not is_due(session):
            return None
        session.state, session.claimed_at, session.looks = LinkSession.State.EXCHANGING, now, session.looks + 1
        session.save(update_fields=["state", "claimed_at", "looks"])
    return session


def is_due(session: LinkSession) -> bool:
    """Whether nobody is busy with a session that is owed, and its next look has come."""
    now = timezone.now()
    if session.state == LinkSession.State.OWED:
        return session.next_look_at is None or session.next_look_at <= now
    return session.claimed_at is None or now - session.claimed_at >= sessions.CLAIM_LASTS


def settle(*, user: User, session: LinkSession) -> None:
    """After a look that brought no Item: another one later, or the end of it, of which person and operator are told."""
    with tenant(user.pk):
        session.refresh_from_db()
    is_open = session.state in (LinkSession.State.OWED, LinkSession.State.OPEN)
    if is_open and session.error_code != "FOREIGN_PUBLIC_TOKEN" and session.looks < MOST_LOOKS:
        owe(user=user, session=session, code=session.error_code)
        return
    if is_open and session.exchange_sent_at is not None:
        sessions.lose(user=user, session=session, request_id=session.request_id)
    elif is_open:
        with tenant(user.pk):
            LinkSession.objects.filter(pk=session.pk).update(state=LinkSession.State.FAILED, link_token=None)
    with tenant(user.pk):
        notify(
            user_id=user.pk,
            type=NotificationType.BANK_RECONNECT,
            title="A bank could not be connected",
            text=NO_ACCESS.format(provider=provider_for(session.provider).name),
            url=reverse("connect"),
            fingerprint=f"link session {session.pk} came to nothing",
        )
