"""Recent sign-ins: the events of a user's audit trail about signing in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.sessions.user_agents import describe_device
from accounts.users.models import User
from compliance.audit import Action
from compliance.audit.events import AuditEvent
from compliance.vault import UNREADABLE, SealError

MAX_EVENTS: Final = 10
PERIOD: Final = timedelta(days=90)
LABELS: Final = {
    Action.USER_LOGIN: _("Signed in"),
    Action.LOGIN_FAILED: _("Sign-in failed"),
    Action.LOCKED: _("Password sign-in paused after too many failed attempts"),
    Action.UNLOCKED: _("Unlocked by email link"),
    Action.RECOVERY_CODE_USED: _("Recovery code used"),
    Action.PASSWORD_RESET: _("Password reset by email link"),
}


@dataclass(frozen=True)
class SignInEvent:
    """One event about signing in: what happened, when, with which device, from which IP address."""

    what: str
    at: datetime
    device: str
    ip: str
    is_refused: bool


def list_recent_sign_ins(user: User) -> list[SignInEvent]:
    """List the user's last sign-ins and refused attempts, newest first. Needs the user as tenant."""
    events = AuditEvent.objects.filter(subject=user.pk, action__in=list(LABELS), at__gte=timezone.now() - PERIOD)
    return [_to_sign_in_event(event) for event in events[:MAX_EVENTS]]


def _to_sign_in_event(event: AuditEvent) -> SignInEvent:
    details = read_details(event)
    device = str(UNREADABLE) if details is None else describe_device(details.get("user_agent", ""))
    ip = "" if details is None else details.get("ip", "")
    return SignInEvent(str(LABELS[Action(event.action)]), event.at, device, ip, event.outcome == "refused")


def read_details(event: AuditEvent) -> dict[str, Any] | None:
    """Return the sealed details of an event. None if they cannot be decrypted."""
    try:
        return event.details()
    except SealError:
        return None
