"""Break glass: an operator gets access to one user's bank and credit data, for 15 minutes and with a reason.

The grant is stored in the operator's own session. It expires after ``GRANT_SECONDS``, at the end of the session, or
when the operator gets access to another user; ``current_grant`` checks it for every page. The user gets an email, and
sees the reason beside every access in the data access log.
"""

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from django import forms
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils.timezone import localtime

from accounts.emails.tasks import enqueue_security_email
from accounts.users.models import User
from accounts.users.requests import AuthenticatedHttpRequest
from compliance.audit import Action, record
from formats import dates

SESSION_KEY: Final = "break_glass_grant"
GRANT_SECONDS: Final = 15 * 60
MIN_REASON_LENGTH: Final = 20
# The audit trail truncates longer texts.
MAX_REASON_LENGTH: Final = 500


class BreakGlassForm(forms.Form):
    reason = forms.CharField(
        label="Why do you need to view this user's bank and credit data?",
        help_text="The user reads this reason as you enter it. Don't enter only a ticket number.",
        min_length=MIN_REASON_LENGTH,
        max_length=MAX_REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


@dataclass(frozen=True)
class BreakGlassGrant:
    """Whose bank and credit data an operator may see, why, and when that expires (seconds since 1970)."""

    user_id: str
    reason: str
    expires_at: float

    @property
    def expires_at_text(self) -> str:
        """The time when it expires, in the site's time zone: ``4:20 PM UTC``."""
        return dates.zoned_time(localtime(datetime.fromtimestamp(self.expires_at, UTC)))


def current_grant(session: SessionBase) -> BreakGlassGrant | None:
    """Return the grant of a session. None if there is none or it has expired."""
    stored = session.get(SESSION_KEY)
    if stored is None or stored["expires_at"] <= time.time():
        return None
    return BreakGlassGrant(**stored)


@transaction.atomic
def break_glass(*, request: AuthenticatedHttpRequest, user: User, reason: str) -> BreakGlassGrant:
    """Give the operator access to one user's bank and credit data for 15 minutes. Replaces an earlier grant."""
    operator = request.user
    grant = BreakGlassGrant(str(user.pk), reason, time.time() + GRANT_SECONDS)
    record(Action.BREAK_GLASS, actor=operator, subject=user, role=describe_role(operator), reason=reason)
    enqueue_security_email("accounts/email/break_glass", user=user)
    request.session[SESSION_KEY] = asdict(grant)
    return grant


def describe_role(operator: User) -> str:
    """Return how users see an operator: the names of the operator's groups, never the operator's own name.

    Empty for a superuser, whom the pages call an administrator.
    """
    if operator.is_superuser:
        return ""
    return ", ".join(operator.groups.order_by("name").values_list("name", flat=True))
