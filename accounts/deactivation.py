"""Deactivates an account: nobody can sign in to it, no data of it is fetched, and nothing is deleted."""

from django.db import transaction

from accounts.notifications import inbox
from accounts.sessions import active_sessions
from accounts.users.models import User
from compliance.audit import Action, record


@transaction.atomic
def deactivate(*, user: User, actor: User | None) -> None:
    """Stop a user from signing in, end their sessions, and stop syncs and credit reports."""
    User.objects.filter(pk=user.pk).update(is_active=False)
    user.is_active = False
    active_sessions.end_all_sessions(user, actor=actor, reason="deactivated")
    record(Action.ACCOUNT_DEACTIVATED, actor=actor, subject=user)


@transaction.atomic
def reactivate(*, user: User, actor: User | None) -> None:
    """Let a user sign in again. Syncs and credit reports go on when they are due."""
    User.objects.filter(pk=user.pk).update(is_active=True)
    user.is_active = True
    inbox.schedule_pending_email(user.pk)
    record(Action.ACCOUNT_REACTIVATED, actor=actor, subject=user)
