"""What keeps a process from serving people that only the database can tell: asked when it starts."""

from collections import defaultdict
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, OperationalError, connections

from compliance.isolation.role_checks import check_site_role
from compliance.vault.alerts import report_unreadable
from compliance.vault.data_keys import wrapping_aad
from compliance.vault.errors import SealError
from compliance.vault.keyring import keyring

KEYS_IN_USE = "SELECT kek FROM compliance_keys_in_use()"
# One that does not open may be damaged. Where of several none does, they have been wrapped under another key.
SAMPLES = "SELECT kek, owner, wrapped FROM compliance_key_samples(5)"
PUT_BACK = " Put the key back that does, and give a new key a name of its own."
# The database's own words stay out of logs: some of them show rows, or an address with its password.
AWAY = "The database of DATABASE_URL does not answer or does not let the site in. `manage.py doctor` tells which."
OUTDATED = "The database lacks what this version asks of it. Run `manage.py migrate --database owner` first."


def refuse_to_serve() -> None:
    """Raise ``ImproperlyConfigured`` for a role that could look past its tenant, and for keys that are missing.

    For web, worker and beat processes, when they start. So too without a database that could tell.
    """
    try:
        check_site_role()
        refuse_missing_keys()
    except OperationalError as error:
        raise ImproperlyConfigured(AWAY) from error
    except DatabaseError as error:
        raise ImproperlyConfigured(OUTDATED) from error


def refuse_missing_keys() -> None:
    """Raise ``ImproperlyConfigured`` when FIELD_KEYS lacks a key that data keys are wrapped under, or has another one.

    A single data key that does not open keeps nobody else out; an operator is told.
    """
    if missing := missing_keys(using=DEFAULT_DB_ALIAS):
        raise ImproperlyConfigured(
            f"FIELD_KEYS lacks {', '.join(missing)}, and without it sealed values of people cannot be read. "
            "Put it back, after the primary key; `manage.py rotate_keys` says when it can go."
        )
    unopened = unopened_keys(using=DEFAULT_DB_ALIAS)
    if changed := [kek for kek, owners in unopened.items() if len(owners) > 1]:
        raise ImproperlyConfigured(" ".join(doubt(kek, unopened[kek]) for kek in changed) + PUT_BACK)
    for kek, (owner,) in unopened.items():
        error = SealError(doubt(kek, [owner]))
        report_unreadable("compliance.datakey.wrapped", row="unknown", owner=owner, error=error)


def missing_keys(*, using: str) -> list[str]:
    """Name the keys that data keys are wrapped under and that are not on the ring. Asks the database."""
    with connections[using].cursor() as cursor:
        cursor.execute(KEYS_IN_USE)
        return sorted(name for (name,) in cursor.fetchall() if name not in keyring())


def unopened_keys(*, using: str) -> dict[str, list[UUID]]:
    """Name the keys on the ring that open none of a few data keys that bear their name, and whose those are."""
    with connections[using].cursor() as cursor:
        cursor.execute(SAMPLES)
        samples = [sample for sample in cursor.fetchall() if sample[0] in keyring()]
    opening = {kek for kek, owner, wrapped in samples if opens(kek, owner, wrapped)}
    unopened = defaultdict(list)
    for kek, owner, _ in samples:
        if kek not in opening:
            unopened[kek].append(owner)
    return dict(sorted(unopened.items()))


def doubt(kek: str, owners: list[UUID]) -> str:
    """Say what it means that a key opens no data key of these owners. One alone tells less than several."""
    if len(owners) == 1:
        return (
            f"The only data key under {kek} does not open: it is damaged, or FIELD_KEYS has another key by that name."
        )
    return f"What FIELD_KEYS has by the name of {kek} opens none of the data keys that were wrapped under it."


def opens(kek: str, owner: UUID, wrapped: bytes) -> bool:
    """Whether a data key can be unwrapped."""
    try:
        keyring().unwrap(kek, bytes(wrapped), wrapping_aad(owner))
    except SealError:
        return False
    return True
