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
LOOKS: Final = (Action.OPERATOR_VIEW, Action.GLASS_BROKEN)
LOOKS_SHOWN: Final = 50
LONGEST_POSITION: Final = 18


@dataclass(frozen=True)
class Visit:
    """One line about signing in: what happened, when, with which device, from which address."""

    what: str
    at: datetime
    device: str
    ip: str
    is_refused: bool


@dataclass(frozen=True)
class Look:
    """One look of an operator's: when, who by their role, at what, how many rows, and the reason they had to give.

    ``opens`` says that they only gave the reason, with which they could look at bank and credit data for a while.
    """

    id: int
    at: datetime
    who: str
    what: str
    rows: int
    reason: str
    opens: bool


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


def position(text: str) -> int | None:
    """Read from an address after which look a page begins; None, the first page, for whatever we did not write."""
    return int(text) if text.isdecimal() and len(text) <= LONGEST_POSITION else None


def looks(user: User, *, before: int | None = None) -> list[Look]:
    """Operators' looks at the data of the person who is bound, the latest first, those before one when it is named."""
    events = AuditEvent.objects.filter(subject=user.pk, action__in=LOOKS)
    if before is not None:
        events = events.filter(pk__lt=before)
    return [_look(event) for event in events[:LOOKS_SHOWN]]


def _look(event: AuditEvent) -> Look:
    facts = _facts(event)
    unreadable = facts is None
    facts = facts or {}
    return Look(
        id=event.pk,
        at=event.at,
        who=facts.get("role", "Operator"),
        what=UNREADABLE if unreadable else facts.get("what", ""),
        rows=len(facts.get("rows", ())),
        reason=facts.get("reason", ""),
        opens=event.action == Action.GLASS_BROKEN,
    )
