"""Writing and asking the consent ledger.

For each person and purpose the last event decides: a newer consent takes the place of an older one, and a
withdrawal ends what there is. So nothing that was replaced comes back to life when its successor ends.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from compliance.audit import Action, record
from compliance.audit.recording import Person
from compliance.audit.request_details import current_request_details
from compliance.consent.events import ConsentEvent
from compliance.consent.wording import Purpose, Wording
from compliance.isolation import tenant
from compliance.isolation.tenant import tenant_context

STEP: Final = timedelta(microseconds=1)
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"

# --- Deeds ------------------------------------------------------------------------------------------------


def give(
    *,
    person: Person,
    wording: Wording,
    typed_name: str,
    scope: dict[str, str],
    lives_for: timedelta,
    locale: str = "en-us",
    method: str = "web",
) -> ConsentEvent:
    """Write down that a person agrees to a text, from now on and for as long as ``lives_for``.

    It takes the place of an earlier consent to the same purpose. Address and program come from the request.
    """
    owner = UUID(str(person.pk))
    with tenant(owner):
        at = _next_moment(_last_alone(owner, wording.purpose))
        details = current_request_details()
        event = ConsentEvent.objects.create(
            owner=owner,
            kind=ConsentEvent.Kind.GIVEN,
            purpose=wording.purpose,
            version=wording.version,
            sha256=wording.sha256,
            text=wording.text,
            typed_name=typed_name,
            scope=scope,
            locale=locale,
            method=method,
            ip=details.ip or None,
            user_agent=details.user_agent,
            at=at,
            expires_at=at + lives_for,
        )
        _record(Action.CONSENT_GIVEN, event)
    return event


def withdraw(*, person: Person, purpose: Purpose) -> ConsentEvent | None:
    """End a person's consent at once; ``None`` when there is none that lives."""
    owner = UUID(str(person.pk))
    with tenant(owner):
        last = _last_alone(owner, purpose)
        at = _next_moment(last)
        if last is None or not _lives(last, at):
            return None
        details = current_request_details()
        event = ConsentEvent.objects.create(
            owner=owner,
            kind=ConsentEvent.Kind.WITHDRAWN,
            purpose=purpose,
            version=last.version,
            sha256=last.sha256,
            scope=last.scope,
            locale=last.locale,
            method="web" if details.request_id else "job",
            ip=details.ip or None,
            user_agent=details.user_agent,
            at=at,
            ends=last.pk,
        )
        _record(Action.CONSENT_WITHDRAWN, event)
    return event


def _last_alone(owner: UUID, purpose: Purpose) -> ConsentEvent | None:
    # One deed at a time for a person and purpose: the second one waits here and then sees what the first wrote.
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [f"consent {owner} {purpose}"])
    return ConsentEvent.objects.filter(owner=owner, purpose=purpose).first()


def _next_moment(last: ConsentEvent | None) -> datetime:
    # Clocks of two machines differ; the order of the events must not.
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


# --- Questions --------------------------------------------------------------------------------------------


def living(
    *, person_id: UUID, purpose: Purpose, version: str | None = None, at: datetime | None = None
) -> ConsentEvent | None:
    """The consent that allows a purpose now, or at a moment of the past; one query.

    ``None`` when it was never given, is withdrawn or over, or, where a version is named, is to another one.
    """
    events = ConsentEvent.objects.filter(owner=person_id, purpose=purpose)
    with tenant_context(person_id), transaction.atomic(savepoint=False):
        last = (events if at is None else events.filter(at__lte=at)).first()
    if last is None or not _lives(last, at or timezone.now()) or version not in (None, last.version):
        return None
    return last


def history(*, person_id: UUID, purpose: Purpose | None = None) -> list[ConsentEvent]:
    """All that a person agreed to and took back, the newest first."""
    events = ConsentEvent.objects.filter(owner=person_id)
    with tenant_context(person_id), transaction.atomic(savepoint=False):
        return list(events if purpose is None else events.filter(purpose=purpose))


def _lives(event: ConsentEvent, at: datetime) -> bool:
    return event.expires_at is not None and event.expires_at > at
