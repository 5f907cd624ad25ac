"""What a person's audit trail tells about signing in, and about who looked at their data, in words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from accounts.sessions.user_agents import device_words
from accounts.users.models import User
from compliance.audit import Action
from compliance.audit.events import AuditEvent
from compliance.vault import UNREADABLE, SealError

SHOWN: Final = 10
PERIOD: Final = timedelta(days=90)
WORDS: Final = {
    Action.USER_LOGIN: "Signed in",
    Action.LOGIN_FAILED: "A try was refused",
    Action.LOCKED: "Locked after too many tries",
    Action.UNLOCKED: "Unlocked by mail",
    Action.RECOVERY_CODE_USED: "Recovery code used",
    Action.PASSWORD_RESET: "Password reset by mail",
}


@dataclass(frozen=True)
class Visit:
    """One line about signing in: what happened, when, with which device, from which address."""

    what: str
    at: datetime
    device: str
    ip: str
    is_refused: bool


# --- Signing in -------------------------------------------------------------------------------------------


def recent_sign_ins(user: User) -> list[Visit]:
    """The last sign-ins and refusals of the person who is bound, the latest first."""
    events = AuditEvent.objects.filter(subject=user.pk, action__in=list(WORDS), at__gte=timezone.now() - PERIOD)
    return [_visit(event) for event in events[:SHOWN]]


def _visit(event: AuditEvent) -> Visit:
    facts = _facts(event)
    device = UNREADABLE if facts is None else device_words(facts.get("user_agent", ""))
    ip = "" if facts is None else facts.get("ip", "")
    return Visit(WORDS[Action(event.action)], event.at, device, ip, event.outcome == "refused")


def _facts(event: AuditEvent) -> dict[str, Any] | None:
    """What is sealed in an event; None where it cannot be read."""
    try:
        return event.facts()
    except SealError:
        return None


# --- Who looked -------------------------------------------------------------------------------------------
