"""Writes and reads the consent ledger.

For each user and purpose the last event decides: a newer consent replaces an older one, and a withdrawal ends it. So
a replaced consent does not become active again when its successor expires or is withdrawn.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple, cast
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from compliance.audit import Action, record
from compliance.audit.recording import UserLike
from compliance.audit.request_details import current_request_details
from compliance.consent.consent_text import ConsentText, Purpose
from compliance.consent.events import ConsentEvent
from compliance.isolation import tenant
from compliance.isolation.tenant import tenant_context
from compliance.vault import SealError, report_unreadable
from compliance.vault.fields import SealedTextField

STEP: Final = timedelta(microseconds=1)
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
REQUEST: Final = cast("SealedTextField", ConsentEvent._meta.get_field("request"))
COUNTS: Final = "SELECT purpose, version, active, ended FROM compliance_consent_counts() ORDER BY purpose, version DESC"


class VersionCount(NamedTuple):
    """For how many users a version is in force, and for how many it was the last one before they withdrew."""

    purpose: str
    version: str
    active: int
    ended: int


# --- Actions ---------------------------------------------------------------------------------------------


def grant(
    *,
    user: UserLike,
    consent_text: ConsentText,
    signature: str | None = None,
    scope: Mapping[str, str] | None = None,
    valid_for: timedelta | None = None,
    locale: str = "en-us",
    method: str = "web",
) -> ConsentEvent:
    """Record that a user agrees to a text, from now on and for ``valid_for``; without it, until they withdraw.

    It replaces an earlier consent to the same purpose. ``locale`` is the language of the text. IP address and user
    agent are those of the current request. If the user's data key does not open, the consent is recorded without them,
    and operators are notified. Raises ``SealError`` only for a signature, which a signed consent cannot be without.
    """
    owner = UUID(str(user.pk))
    with tenant(owner):
        at = _next_time(_lock_last_event(owner, consent_text.purpose))
        event = ConsentEvent(
            owner=owner,
            kind=ConsentEvent.Kind.GRANTED,
            purpose=consent_text.purpose,
            version=consent_text.version,
            sha256=consent_text.sha256,
            text=consent_text.text,
            signature=signature,
            scope=dict(scope or {}),
            locale=locale,
            method=method,
            at=at,
            expires_at=None if valid_for is None else at + valid_for,
        )
        _save_with_request(event)
        _record(Action.CONSENT_GRANTED, event)
    return event


def withdraw(*, user: UserLike, purpose: Purpose) -> ConsentEvent | None:
    """End a user's consent at once; returns ``None`` when there is no active one."""
    owner = UUID(str(user.pk))
    with tenant(owner):
        last = _lock_last_event(owner, purpose)
        at = _next_time(last)
        if last is None or not last.is_active(at):
            return None
        event = ConsentEvent(
            owner=owner,
            kind=ConsentEvent.Kind.WITHDRAWN,
            purpose=purpose,
            version=last.version,
            sha256=last.sha256,
            scope=last.scope,
            locale=last.locale,
            method="web" if current_request_details().request_id else "job",
            at=at,
            withdraws=last.pk,
        )
        _save_with_request(event)
        _record(Action.CONSENT_WITHDRAWN, event)
    return event


def lock_active_consent(*, user_id: UUID, purpose: Purpose) -> ConsentEvent | None:
    """Return the consent that allows a purpose now, which nobody can withdraw until the open transaction ends."""
    last = _lock_last_event(user_id, purpose)
    return last if last is not None and last.is_active(timezone.now()) else None


def _save_with_request(event: ConsentEvent) -> None:
    details = current_request_details()
    stored = {"ip": details.ip, "user_agent": details.user_agent}
    if any(stored.values()):
        try:
            event.request = REQUEST.seal(event, json.dumps(stored))
        except SealError as error:
            report_unreadable("compliance.consentevent.request", row="new", owner=event.owner, error=error)
    event.save(force_insert=True)


def _lock_last_event(owner: UUID, purpose: Purpose) -> ConsentEvent | None:
    # One action at a time for a user and purpose: the second one waits here and then sees what the first one wrote.
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [f"consent {owner} {purpose}"])
    return ConsentEvent.objects.filter(owner=owner, purpose=purpose).first()


def _next_time(last: ConsentEvent | None) -> datetime:
    # The clocks of two machines differ, but events have to be in order.
    now = timezone.now()
    return now if last is None else max(now, last.at + STEP)


def _record(action: Action, event: ConsentEvent) -> None:
    record(
        action,
        actor=event.owner,
        subject=event.owner,
        resource=str(event.purpose),
        resource_id=str(event.pk),
        version=event.version,
        sha256=event.sha256,
    )


# --- Queries ----------------------------------------------------------------------------------------------


def get_active_consent(
    *, user_id: UUID, purpose: Purpose, version: str | None = None, at: datetime | None = None
) -> ConsentEvent | None:
    """Return the consent that allows a purpose now, or allowed it at a time in the past; one query.

    Returns ``None`` when there is none, it was withdrawn or has expired, or it is to another version than the given
    one.
    """
    events = ConsentEvent.objects.filter(owner=user_id, purpose=purpose)
    with tenant_context(user_id), transaction.atomic(savepoint=False):
        last = (events if at is None else events.filter(at__lte=at)).first()
    if last is None or not last.is_active(at or timezone.now()) or version not in (None, last.version):
        return None
    return last


def list_active_consents(*, user_id: UUID, purposes: Iterable[Purpose]) -> dict[Purpose, ConsentEvent]:
    """Return the consents to some purposes that are active now, without their texts; one query."""
    events = ConsentEvent.objects.filter(owner=user_id, purpose__in=list(purposes)).defer("text")
    newest = events.order_by("purpose", "-at", "-id").distinct("purpose")
    now = timezone.now()
    with tenant_context(user_id), transaction.atomic(savepoint=False):
        return {Purpose(event.purpose): event for event in newest if event.is_active(now)}


def list_consent_events(*, user_id: UUID, purpose: Purpose | None = None, with_text: bool = True) -> list[ConsentEvent]:
    """Return all consents and withdrawals of a user, newest first."""
    events = ConsentEvent.objects.filter(owner=user_id)
    if not with_text:
        events = events.defer("text")
    with tenant_context(user_id), transaction.atomic(savepoint=False):
        return list(events if purpose is None else events.filter(purpose=purpose))


def count_consents_by_version() -> list[VersionCount]:
    """Count the users of each version of each text, the newest version first. It names no user."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS)
        return [VersionCount(*row) for row in cursor.fetchall()]
