"""Breaking the glass: how an operator gets to see one person's bank and credit data, for a while and for a reason.

The leave lies in the operator's own session and ends with it. The person is told by mail, and reads the reason beside
every look under "Who looked at my data".
"""

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from django import forms
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils.formats import date_format
from django.utils.timezone import localtime

from accounts.emails.tasks import queue_notice
from accounts.users.models import User
from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit import Action, record

LEAVE: Final = "leave_to_look"
SECONDS: Final = 15 * 60
SHORTEST_REASON: Final = 20
# The audit trail cuts longer texts.
LONGEST_REASON: Final = 500


class ReasonForm(forms.Form):
    """Asks why."""

    reason = forms.CharField(
        label="Why do you need to see this person's bank and credit data?",
        help_text="They read your words as they stand. A ticket's number alone tells them nothing.",
        min_length=SHORTEST_REASON,
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


@dataclass(frozen=True)
class Leave:
    """Whose bank and credit data an operator may see, why, and until when (seconds since 1970)."""

    person: str
    reason: str
    until: float

    @property
    def until_words(self) -> str:
        """The end of it as people read it, in the site's time zone: ``16:20 UTC``."""
        return date_format(localtime(datetime.fromtimestamp(self.until, UTC)), "H:i e")


def leave_of(session: SessionBase) -> Leave | None:
    """The leave that a session holds; None when there is none or its time is over."""
    held = session.get(LEAVE)
    if held is None or held["until"] <= time.time():
        return None
    return Leave(**held)


@transaction.atomic
def break_glass(*, request: AuthenticatedHttpRequest, person: User, reason: str) -> Leave:
    """Let the operator who asks see the bank and credit data of ``person`` for 15 minutes, and of nobody else."""
    operator = request.user
    leave = Leave(str(person.pk), reason, time.time() + SECONDS)
    record(Action.GLASS_BROKEN, actor=operator, subject=person, role=role_of(operator), reason=reason)
    queue_notice("accounts/email/glass_broken", user=person)
    request.session[LEAVE] = asdict(leave)
    return leave


def role_of(operator: User) -> str:
    """What a person is told of who looked: the operator's groups, in words, and no name."""
    if operator.is_superuser:
        return "Administrator"
    return ", ".join(operator.groups.order_by("name").values_list("name", flat=True)) or "Operator"
