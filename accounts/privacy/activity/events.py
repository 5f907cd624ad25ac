"""A person's own events in words, newest first, a page at a time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.operators.access_log import describe_data
from accounts.privacy.activity import labels
from accounts.privacy.activity.resource_names import find_resource_names
from accounts.sessions.user_agents import describe_device
from accounts.sign_in.sign_in_events import read_details
from compliance.audit import Action
from compliance.audit.daily_access import DataKind
from compliance.audit.events import AuditEvent, DailyAccess
from formats.dates import day

PAGE_SIZE: Final = 50

Names = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class ActivityEvent:
    """One event in words.

    ``subject_matter`` is what it is about; empty if nothing has a name. ``device`` and ``ip`` are empty for what no
    request caused. ``is_readable`` is false if the sealed part cannot be decrypted.
    """

    id: int
    at: datetime
    code: str
    action: str
    subject_matter: str
    by: str
    device: str
    ip: str
    outcome: str
    is_ok: bool
    is_readable: bool


def list_events(events: QuerySet[AuditEvent], *, owner: UUID, before: int | None = None) -> list[ActivityEvent]:
    """List a page of events that are older than the one with the id ``before``. Needs the owner as tenant."""
    rows = list((events if before is None else events.filter(pk__lt=before))[:PAGE_SIZE])
    return list(describe_events(rows, owner=owner))


def describe_events(rows: Iterable[AuditEvent], *, owner: UUID) -> Iterator[ActivityEvent]:
    """Describe events of one person. Needs the owner as tenant."""
    rows = list(rows)
    names = find_resource_names(owner, rows)
    for row in rows:
        yield _describe_event(row, names)


def _describe_event(event: AuditEvent, names: Names) -> ActivityEvent:
    details = read_details(event)
    known = details or {}
    user_agent = known.get("user_agent", "")
    return ActivityEvent(
        id=event.pk,
        at=event.at,
        code=event.action,
        action=labels.describe_action(event.action),
        subject_matter=_describe_subject_matter(event, known, names),
        by=_describe_actor(event),
        device=describe_device(user_agent) if user_agent else "",
        ip=known.get("ip", ""),
        outcome=str(labels.OUTCOME_LABELS[event.outcome]),
        is_ok=event.outcome == "ok",
        is_readable=details is not None,
    )


def _describe_subject_matter(event: AuditEvent, details: Mapping[str, Any], names: Names) -> str:
    if event.action == Action.DATA_ACCESSED:
        return describe_access(event.resource, date.fromisoformat(event.resource_id), details.get("count"))
    if event.action == Action.OPERATOR_VIEW:
        return describe_data(details.get("what", ""))
    label = labels.RESOURCE_LABELS.get(event.resource, "")
    name = names.get((event.resource, event.resource_id)) or str(label)
    purpose = labels.PURPOSE_LABELS.get(details.get("purpose", ""))
    return _("%(name)s, %(purpose)s") % {"name": name, "purpose": purpose} if purpose else name


def describe_access(kind: str, on: date, count: int | None) -> str:
    """Return which kind of data was looked at on a day, and how often, unless that is not known."""
    label = describe_kind(kind)
    if count is None:
        return _("%(kind)s on %(day)s") % {"kind": label, "day": day(on)}
    text = ngettext("%(kind)s on %(day)s, once", "%(kind)s on %(day)s, %(count)s times", count)
    return text % {"kind": label, "day": day(on), "count": count}


def describe_kind(kind: str) -> str:
    """Return a kind of data in words; one of another version is shown as it is stored."""
    try:
        return str(labels.KIND_LABELS[DataKind(kind)])
    except (KeyError, ValueError):
        return kind


def _describe_actor(event: AuditEvent) -> str:
    if event.actor == event.subject:
        return str(labels.ACTOR_LABELS[labels.BY_YOU])
    if event.actor is not None:
        return str(labels.ACTOR_LABELS[labels.BY_ADMINISTRATOR])
    if event.action in labels.NOT_SIGNED_IN:
        return str(labels.NOT_SIGNED_IN_LABEL)
    return str(labels.ACTOR_LABELS[labels.BY_SITE])


def list_recent_accesses() -> list[str]:
    """List the accesses that are not events yet: those of today, in UTC. Needs a tenant."""
    rows = DailyAccess.objects.order_by("-day", "kind")
    return [describe_access(row.kind, row.day, row.count) for row in rows]
