"""A person's sessions: how long they last, which there are, and how they end.

Sessions are rows of the database that every request reads, so one that is ended here is over at its next request.
allauth's ``UserSession`` stands beside each and says from where and since when; nothing but the session's own row
lets anybody in. Both know a session by the hash of its key (``recognition``), for which allauth has no setting, so
``take_over`` puts what stands here in the place of its methods.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Final

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession, UserSessionManager
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.agents import device_words
from accounts.recognition import StoredSession, row_key
from accounts.users.models import User
from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit import Action, record
from compliance.audit.facts import current_facts

BEGAN: Final = "began_at"
SEEN: Final = "seen_at"
NOTICES: Final = "notices"

# How often "last seen" is written: exact enough for both limits, and no write for most requests.
TOUCH_SECONDS: Final = 60
# As much of a User-Agent header as allauth's column holds.
LONGEST_AGENT: Final = UserSession._meta.get_field("user_agent").max_length


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


def key_of(session: SessionBase) -> str:
    """What stands in the database for a session's key; empty for a session that was never stored."""
    return row_key(session.session_key) if session.session_key else ""


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


def begin(session: SessionBase) -> None:
    """Let a new session's time run from now."""
    session[BEGAN] = session[SEEN] = time.time()


def outlived(session: SessionBase) -> str:
    """Why a session may not go on: ``idle`` or ``absolute``; empty while it may."""
    now = time.time()
    if now - session.get(BEGAN, 0) > settings.SESSION_LONGEST.total_seconds():
        return "absolute"
    if now - session.get(SEEN, 0) > settings.SESSION_IDLE.total_seconds():
        return "idle"
    return ""


def expire(request: HttpRequest, reason: str) -> None:
    """End the session of a request that came too late, and treat it as a stranger's."""
    UserSession.objects.filter(session_key=key_of(request.session)).delete()
    record(Action.SESSION_ENDED, subject=request.user, resource="session", reason=reason)
    request.session.flush()
    request.user = AnonymousUser()


def touch(request: AuthenticatedHttpRequest) -> list[str]:
    """Write down that a session is in use, at most once a minute; returns what its person has to be told once."""
    now = time.time()
    if now - request.session[SEEN] < TOUCH_SECONDS:
        return []
    request.session[SEEN] = now
    return _seen(key_of(request.session))


@transaction.atomic
def _seen(session_key: str) -> list[str]:
    row = UserSession.objects.select_for_update().filter(session_key=session_key).first()
    if row is None:
        # Ended a moment ago; there is no session left to save either.
        return []
    facts = current_facts()
    row.ip, row.user_agent, row.last_seen_at = facts.ip or row.ip, facts.user_agent[:LONGEST_AGENT], timezone.now()
    told: list[str] = row.data.pop(NOTICES, [])
    row.save(update_fields=["ip", "user_agent", "last_seen_at", "data"])
    return told


@transaction.atomic
def tell_others(request: HttpRequest, user: User, sentence: str) -> None:
    """Have the person's other sessions say something once, within a minute of being used."""
    # Locked, because each session rewrites its own row when it reads its notices; in one order, so that none waits
    # for another in a circle.
    rows = UserSession.objects.select_for_update().filter(user=user).order_by("pk")
    for row in rows.exclude(session_key=key_of(request.session)):
        row.data[NOTICES] = [*row.data.get(NOTICES, []), sentence]
        row.save(update_fields=["data"])


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
