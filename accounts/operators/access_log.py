"""The data access log: operators' accesses to a user's data, from the user's audit trail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.utils.translation import gettext as _

from accounts.sign_in.sign_in_events import read_details
from accounts.users.models import User
from compliance.audit import Action
from compliance.audit.events import AuditEvent
from compliance.vault import UNREADABLE

ACCESS_ACTIONS: Final = (Action.OPERATOR_VIEW, Action.BREAK_GLASS)
PAGE_SIZE: Final = 50
MAX_CURSOR_DIGITS: Final = 18


@dataclass(frozen=True)
class DataAccess:
    """One access of an operator to a user's data.

    ``role`` is the operator's role, and ``rows`` how many rows were shown. ``is_break_glass`` means that the operator
    only entered the reason, after which they could view bank and credit data for 15 minutes.
    """

    id: int
    at: datetime
    role: str
    what: str
    rows: int
    reason: str
    is_break_glass: bool


def parse_cursor(text: str) -> int | None:
    """Parse the id of the access after which a page starts. An invalid one gives None, the first page."""
    return int(text) if text.isdecimal() and len(text) <= MAX_CURSOR_DIGITS else None


def list_data_accesses(user: User, *, before: int | None = None) -> list[DataAccess]:
    """List operators' accesses to the user's data, newest first. Needs the user as tenant."""
    events = AuditEvent.objects.filter(subject=user.pk, action__in=ACCESS_ACTIONS)
    if before is not None:
        events = events.filter(pk__lt=before)
    return [_to_data_access(event) for event in events[:PAGE_SIZE]]


def _to_data_access(event: AuditEvent) -> DataAccess:
    details = read_details(event)
    is_unreadable = details is None
    details = details or {}
    return DataAccess(
        id=event.pk,
        at=event.at,
        role=details.get("role") or _("Administrator"),
        what=str(UNREADABLE) if is_unreadable else describe_data(details.get("what", "")),
        rows=len(details.get("rows", ())),
        reason=details.get("reason", ""),
        is_break_glass=event.action == Action.BREAK_GLASS,
    )


def describe_data(model_label: str) -> str:
    """Return the description of a model's rows; "Your data" for a model that operators can no longer view."""
    try:
        model_admin = admin.site.get_model_admin(apps.get_model(model_label))
    except (LookupError, ValueError, NotRegistered):
        return _("Your data")
    return str(getattr(model_admin, "data_label", ""))
