"""The lifetime of a session: when it starts, when it was last used, and when it expires."""

import time
from typing import Any, Final

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.sessions.session_store import session_hash
from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit import Action, record
from compliance.audit.request_details import current_request_details

STARTED_AT: Final = "started_at"
LAST_SEEN_AT: Final = "last_seen_at"
PENDING_MESSAGES: Final = "pending_messages"
# How often "last seen" is written: precise enough for both limits, and no write for most requests.
LAST_SEEN_INTERVAL_SECONDS: Final = 60
# The length of allauth's column for User-Agent headers.
MAX_USER_AGENT_LENGTH: Final = UserSession._meta.get_field("user_agent").max_length


def start_session(session: SessionBase) -> None:
    """Set the start and the last use of a new session to now."""
    session[STARTED_AT] = session[LAST_SEEN_AT] = time.time()


def expiry_reason(session: SessionBase) -> str:
    """Return why a session has expired, ``idle`` or ``absolute``; empty while it has not."""
    now = time.time()
    if now - session.get(STARTED_AT, 0) > settings.SESSION_MAX_LIFETIME.total_seconds():
        return "absolute"
    if now - session.get(LAST_SEEN_AT, 0) > settings.SESSION_IDLE.total_seconds():
        return "idle"
    return ""


def expire_session(request: HttpRequest, reason: str) -> None:
    """End the expired session of a request, and treat the request as anonymous."""
    UserSession.objects.filter(session_key=session_hash(request.session)).delete()
    record(Action.SESSION_ENDED, subject=request.user, resource="session", reason=reason)
    request.session.flush()
    request.user = AnonymousUser()


def update_last_seen(request: AuthenticatedHttpRequest) -> list[dict[str, Any]]:
    """Record that a session is in use, at most once a minute. Returns its pending messages, each only once.

    ``session_messages.describe_message`` returns their text.
    """
    now = time.time()
    if now - request.session[LAST_SEEN_AT] < LAST_SEEN_INTERVAL_SECONDS:
        return []
    request.session[LAST_SEEN_AT] = now
    return _record_use(session_hash(request.session))


@transaction.atomic
def _record_use(session_key: str) -> list[dict[str, Any]]:
    row = UserSession.objects.select_for_update().filter(session_key=session_key).first()
    if row is None:
        # The session was ended meanwhile.
        return []
    details = current_request_details()
    row.ip, row.user_agent, row.last_seen_at = (
        details.ip or row.ip,
        details.user_agent[:MAX_USER_AGENT_LENGTH],
        timezone.now(),
    )
    pending: list[dict[str, Any]] = row.data.pop(PENDING_MESSAGES, [])
    row.save(update_fields=["ip", "user_agent", "last_seen_at", "data"])
    return pending
