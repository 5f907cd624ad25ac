"""Messages that a user's other sessions show once."""

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.http import HttpRequest

from accounts.sessions.lifetime import PENDING_MESSAGES
from accounts.sessions.session_store import session_hash
from accounts.users.models import User


@transaction.atomic
def queue_message_for_other_sessions(request: HttpRequest, user: User, sentence: str) -> None:
    """Let the user's other sessions show a message once, within a minute of being used."""
    # Locked, because each session rewrites its own row when it reads its messages; in one order, so that no two
    # transactions deadlock.
    rows = UserSession.objects.select_for_update().filter(user=user).order_by("pk")
    for row in rows.exclude(session_key=session_hash(request.session)):
        row.data[PENDING_MESSAGES] = [*row.data.get(PENDING_MESSAGES, []), sentence]
        row.save(update_fields=["data"])
