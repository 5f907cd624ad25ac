"""Writing events down. The database puts them in order and chains them, see ``migrations/0003_audit.py``."""

from dataclasses import asdict
from typing import Any, Literal, Protocol
from uuid import UUID

from compliance.audit.actions import Action
from compliance.audit.facts import current_facts
from compliance.audit.payload import sealed
from compliance.isolation.tenant import SYSTEM, autonomous_cursor, tenant_cursor

INSERT = """
    INSERT INTO audit_event (subject, actor, action, resource, resource_id, outcome, payload)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""

Outcome = Literal["ok", "refused", "failed"]


class Person(Protocol):
    """Whoever has a UUID for primary key."""

    @property
    def pk(self) -> Any:
        """Their id."""


def record(
    action: Action,
    *,
    subject: Person | UUID | None,
    actor: Person | UUID | None = None,
    resource: str = "",
    resource_id: str = "",
    outcome: Outcome = "ok",
    durable: bool = False,
    **facts: Any,
) -> None:
    """Write an event into the trail of ``subject``, or of the system when that is None.

    The event stands or falls with the current transaction, as the deed that it tells of does. ``durable``
    commits it at once on a connection of its own: for a refusal, whose transaction is rolled back.

    Further keywords are facts, kept sealed with the request's address and program. Raises ``SecretFact`` when
    one of them is named like a secret.
    """
    owner = _id_of(subject) or SYSTEM
    skeleton = (owner, _id_of(actor), str(action), resource, str(resource_id), str(outcome))
    origin = {name: value for name, value in asdict(current_facts()).items() if value}
    payload = sealed({**origin, **facts}, subject=owner, skeleton=skeleton, autonomous=durable)
    with autonomous_cursor(owner) if durable else tenant_cursor(owner) as cursor:
        cursor.execute(INSERT, [*skeleton, payload])


def _id_of(person: Person | UUID | None) -> UUID | None:
    key = person if person is None or isinstance(person, UUID) else person.pk
    # Somebody who is not signed in is a person without a key.
    return None if key is None else UUID(str(key))
