"""Deactivates an account: nobody can sign in to it any more, but nothing is deleted."""

from django.db import transaction

from accounts.sessions import active_sessions
from accounts.users.models import User
from compliance.audit import Action, record


@transaction.atomic
def deactivate(*, user: User, actor: User | None) -> None:
    """Stop a user from signing in, and end their sessions."""
    User.objects.filter(pk=user.pk).update(is_active=False)
    user.is_active = False
    active_sessions.end_all_sessions(user, actor=actor, reason="deactivated")
    record(Action.ACCOUNT_DEACTIVATED, actor=actor, subject=user)
