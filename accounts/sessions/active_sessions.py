"""A person's sessions: how long they last, which there are, and how they end.

Sessions are rows of the database that every request reads, so one that is ended here is over at its next request.
allauth's ``UserSession`` stands beside each and says from where and since when; nothing but the session's own row
lets anybody in. Both know a session by the hash of its key (``recognition``), for which allauth has no setting, so
``take_over`` puts what stands here in the place of its methods.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession, UserSessionManager
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from accounts.sessions.lifetime import LONGEST_AGENT, TOUCH_SECONDS
from accounts.sessions.session_store import StoredSession, key_of
from accounts.sessions.user_agents import device_words
from accounts.users.models import User
from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit import Action, record
from compliance.audit.facts import current_facts


@dataclass(frozen=True)
class Place:
    """One session as its person sees it."""

    id: int
    device: str
    ip: str
    first_seen: datetime
    last_seen: datetime
    is_current: bool


def take_over() -> None:
    """Let allauth's own walks, such as the one at each sign-in, know sessions by the hashes of their keys."""
    UserSessionManager.create_from_request = _create_row
    UserSession._session_store = lambda self, *key: StoredSession(*key)
    UserSession.end = _end_row


def _create_row(rows: UserSessionManager, request: AuthenticatedHttpRequest) -> None:
    if not request.session.session_key:
        request.session.save()
    facts = {
        "user": request.user,
        "ip": get_adapter().get_client_ip(request),
        "user_agent": current_facts().user_agent[:LONGEST_AGENT],
        "last_seen_at": timezone.now(),
    }
    rows.update_or_create(session_key=key_of(request.session), defaults=facts)


def _end_row(row: UserSession) -> None:
    StoredSession().delete(row.session_key)
    row.delete()


# --- How long they last -----------------------------------------------------------------------------------


# --- Which there are --------------------------------------------------------------------------------------


def places(request: AuthenticatedHttpRequest) -> list[Place]:
    """The person's sessions that still let somebody in, the one that asks first, then the latest used."""
    current = key_of(request.session)
    rows = [row for row in UserSession.objects.filter(user=request.user) if not _is_over(row)]
    rows.sort(key=lambda row: (row.session_key == current, row.last_seen_at), reverse=True)
    return [_place(row, is_current=row.session_key == current) for row in rows]


def _place(row: UserSession, *, is_current: bool) -> Place:
    return Place(row.pk, device_words(row.user_agent), row.ip, row.created_at, row.last_seen_at, is_current)


def _is_over(row: UserSession) -> bool:
    now = timezone.now()
    late = now - row.last_seen_at > settings.SESSION_IDLE + timedelta(seconds=TOUCH_SECONDS)
    if late or now - row.created_at > settings.SESSION_LONGEST:
        row.end()
        return True
    return bool(row.purge())


# --- How they end -----------------------------------------------------------------------------------------


def end(*, user: User, session_id: int) -> str:
    """End one session of a person; returns its device in words. Raises ``UserSession.DoesNotExist``."""
    row = UserSession.objects.get(user=user, pk=session_id)
    _end(row, actor=user, reason="person")
    return device_words(row.user_agent)


def end_others(request: HttpRequest, user: User, *, reason: str) -> int:
    """End all sessions of a person but the one that asks; returns how many."""
    rows = UserSession.objects.filter(user=user).exclude(session_key=key_of(request.session))
    return _end_each(rows, actor=user, reason=reason)


def end_all(user: User, *, actor: User | None, reason: str) -> int:
    """End every session of a person; returns how many."""
    return _end_each(UserSession.objects.filter(user=user), actor=actor, reason=reason)


def renew_key(request: HttpRequest) -> None:
    """Give a session a new key, after which the old one opens nothing, and let its row follow."""
    old = key_of(request.session)
    request.session.cycle_key()
    UserSession.objects.filter(session_key=old).update(session_key=key_of(request.session))


def forget_over() -> None:
    """Delete the rows of sessions that let nobody in any more."""
    engine = import_module(settings.SESSION_ENGINE)
    engine.SessionStore.clear_expired()
    unused = UserSession.objects.filter(last_seen_at__lt=timezone.now() - settings.SESSION_LONGEST)
    unused.exclude(session_key__in=engine.SessionStore.get_model_class().objects.values("session_key")).delete()


def _end_each(rows: Iterable[UserSession], *, actor: User | None, reason: str) -> int:
    ended = list(rows)
    for row in ended:
        _end(row, actor=actor, reason=reason)
    return len(ended)


def _end(row: UserSession, *, actor: User | None, reason: str) -> None:
    row.end()
    facts = {"device": device_words(row.user_agent), "from_ip": row.ip, "reason": reason}
    record(Action.SESSION_ENDED, actor=actor, subject=row.user_id, resource="session", resource_id=str(row.pk), **facts)
