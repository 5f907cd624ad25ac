"""Active sessions: list a user's sessions, and end them.

Sessions are rows of the database that every request reads, so a session that is ended here no longer works at its next
request. allauth's ``UserSession`` stores the device, IP address and times of each; only the row of ``django_session``
signs a user in. Both identify a session by the hash of its key (``session_store``). allauth has no setting for this, so
``patch_allauth_sessions`` replaces its methods.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession, UserSessionManager
from django.conf import settings
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone

from accounts.sessions.lifetime import LAST_SEEN_INTERVAL_SECONDS, MAX_USER_AGENT_LENGTH
from accounts.sessions.session_store import StoredSession, session_hash
from accounts.sessions.user_agents import describe_device
from accounts.users.models import User
from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit import Action, record
from compliance.audit.request_details import current_request_details


@dataclass(frozen=True)
class ActiveSession:
    """One session for the security page."""

    id: int
    device: str
    ip: str
    first_seen: datetime
    last_seen: datetime
    is_current: bool


def patch_allauth_sessions() -> None:
    """Make allauth find sessions by the hashes of their keys, for example at each sign-in."""
    UserSessionManager.create_from_request = _create_user_session
    UserSession._session_store = lambda self, *key: StoredSession(*key)
    UserSession.end = _end_user_session


def _create_user_session(rows: UserSessionManager, request: AuthenticatedHttpRequest) -> None:
    if not request.session.session_key:
        request.session.save()
    defaults = {
        "user": request.user,
        "ip": get_adapter().get_client_ip(request),
        "user_agent": current_request_details().user_agent[:MAX_USER_AGENT_LENGTH],
        "last_seen_at": timezone.now(),
    }
    rows.update_or_create(session_key=session_hash(request.session), defaults=defaults)


def _end_user_session(row: UserSession) -> None:
    StoredSession().delete(row.session_key)
    row.delete()


# --- Listing ----------------------------------------------------------------------------------------------


def list_sessions(request: AuthenticatedHttpRequest) -> list[ActiveSession]:
    """List the user's active sessions, the current one first, then the latest used."""
    current = session_hash(request.session)
    rows = [row for row in UserSession.objects.filter(user=request.user) if not _end_if_expired(row)]
    rows.sort(key=lambda row: (row.session_key == current, row.last_seen_at), reverse=True)
    return [_to_active_session(row, is_current=row.session_key == current) for row in rows]


def _to_active_session(row: UserSession, *, is_current: bool) -> ActiveSession:
    return ActiveSession(row.pk, describe_device(row.user_agent), row.ip, row.created_at, row.last_seen_at, is_current)


def _end_if_expired(row: UserSession) -> bool:
    now = timezone.now()
    is_idle = now - row.last_seen_at > settings.SESSION_IDLE + timedelta(seconds=LAST_SEEN_INTERVAL_SECONDS)
    if is_idle or now - row.created_at > settings.SESSION_MAX_LIFETIME:
        row.end()
        return True
    return bool(row.purge())


# --- Ending -----------------------------------------------------------------------------------------------


def end_session(*, user: User, session_id: int) -> str:
    """End one session of a user, and return the name of its device. Raises ``UserSession.DoesNotExist``."""
    row = UserSession.objects.get(user=user, pk=session_id)
    _end_session(row, actor=user, reason="user")
    return describe_device(row.user_agent)


def end_other_sessions(request: HttpRequest, user: User, *, reason: str) -> int:
    """End all sessions of a user except the current one. Returns how many."""
    rows = UserSession.objects.filter(user=user).exclude(session_key=session_hash(request.session))
    return _end_sessions(rows, actor=user, reason=reason)


def end_all_sessions(user: User, *, actor: User | None, reason: str) -> int:
    """End every session of a user. Returns how many."""
    return _end_sessions(UserSession.objects.filter(user=user), actor=actor, reason=reason)


def delete_sessions_that_name(user_id: UUID) -> None:
    """Delete every session with the id or an address of a user in its data, expired or not.

    Those of sign-ins and sign-ups that are not finished have no ``UserSession``. A session of somebody else whose
    address contains this one ends, too. Reads all sessions, so it is for erasures only.
    """
    addresses = EmailAddress.objects.filter(user=user_id).values_list("email", flat=True)
    accounts = User.objects.filter(pk=user_id).values_list("email", flat=True)
    # As JSON, in which other letters than those of ASCII are escaped.
    traces = {json.dumps(trace.lower())[1:-1] for trace in (str(user_id), user_id.hex, *addresses, *accounts)}
    store = StoredSession()
    for key, stored in Session.objects.values_list("session_key", "session_data").iterator(chunk_size=1000):
        data = json.dumps(store.decode(stored)).lower()
        if any(trace in data for trace in traces):
            store.delete(key)


def rotate_session_key(request: HttpRequest) -> None:
    """Give a session a new key, so that the old one no longer works, and update its row."""
    old = session_hash(request.session)
    request.session.cycle_key()
    UserSession.objects.filter(session_key=old).update(session_key=session_hash(request.session))


def delete_expired_sessions() -> None:
    """Delete the rows of expired and ended sessions."""
    engine = import_module(settings.SESSION_ENGINE)
    engine.SessionStore.clear_expired()
    unused = UserSession.objects.filter(last_seen_at__lt=timezone.now() - settings.SESSION_MAX_LIFETIME)
    unused.exclude(session_key__in=engine.SessionStore.get_model_class().objects.values("session_key")).delete()


def _end_sessions(rows: Iterable[UserSession], *, actor: User | None, reason: str) -> int:
    ended = list(rows)
    for row in ended:
        _end_session(row, actor=actor, reason=reason)
    return len(ended)


def _end_session(row: UserSession, *, actor: User | None, reason: str) -> None:
    row.end()
    details = {"from_user_agent": row.user_agent, "from_ip": row.ip, "reason": reason}
    record(
        Action.SESSION_ENDED, actor=actor, subject=row.user_id, resource="session", resource_id=str(row.pk), **details
    )
