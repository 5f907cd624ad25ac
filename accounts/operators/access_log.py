"""What a user's audit trail tells about the operators who looked at their data."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from accounts.sign_in.sign_in_events import _facts
from accounts.users.models import User
from compliance.audit import Action
from compliance.audit.events import AuditEvent
from compliance.vault import UNREADABLE

LOOKS: Final = (Action.OPERATOR_VIEW, Action.GLASS_BROKEN)
LOOKS_SHOWN: Final = 50
LONGEST_POSITION: Final = 18


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
