"""Writes events. The database orders and links them, see ``migrations/0003_audit.py``."""

from dataclasses import asdict
from typing import Any, Literal, Protocol
from uuid import UUID

from compliance.audit.actions import Action
from compliance.audit.payload import NOT_SEALED, PublicFields, hide_other_client, seal_details
from compliance.audit.request_details import current_request_details
from compliance.isolation.tenant import SYSTEM, autonomous_cursor, tenant_cursor
from compliance.vault import SealError, report_unreadable

INSERT = """
    INSERT INTO audit_event (subject, actor, action, resource, resource_id, outcome, payload)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""

Outcome = Literal["ok", "refused", "failed"]


class UserLike(Protocol):
    """A user: anything with a UUID as primary key."""

    @property
    def pk(self) -> Any:
        """The primary key."""


def record(
    action: Action,
    *,
    subject: UserLike | UUID | None,
    actor: UserLike | UUID | None = None,
    resource: str = "",
    resource_id: str = "",
    outcome: Outcome = "ok",
    durable: bool = False,
    **details: Any,
) -> None:
    """Write an event into the trail of ``subject``, or of the system when that is None.

    The event is part of the current transaction, like the action that it records. ``durable`` commits it at once in an
    autonomous transaction: for a refused action, whose transaction is rolled back.

    Further keywords are sealed together with the request's details. If the subject's data key does not open, the event
    is written without them, and operators are notified: the action that it records must not fail for it. Raises
    ``SensitiveFieldError`` when a keyword is named like a secret.
    """
    owner = _id_of(subject) or SYSTEM
    public_fields = (owner, _id_of(actor), str(action), resource, str(resource_id), str(outcome))
    request = {name: value for name, value in asdict(current_request_details()).items() if value}
    details = hide_other_client(request, subject=owner, actor=_id_of(actor)) | details
    payload = _seal_or_report(details, subject=owner, public_fields=public_fields, autonomous=durable)
    with autonomous_cursor(owner) if durable else tenant_cursor(owner) as cursor:
        cursor.execute(INSERT, [*public_fields, payload])


def _seal_or_report(details: dict[str, Any], *, subject: UUID, public_fields: PublicFields, autonomous: bool) -> bytes:
    try:
        return seal_details(details, subject=subject, public_fields=public_fields, autonomous=autonomous)
    except SealError as error:
        report_unreadable("compliance.auditevent.payload", row="new", owner=subject, error=error)
        return NOT_SEALED


def _id_of(user: UserLike | UUID | None) -> UUID | None:
    key = user if user is None or isinstance(user, UUID) else user.pk
    # An anonymous user has no primary key.
    return None if key is None else UUID(str(key))
