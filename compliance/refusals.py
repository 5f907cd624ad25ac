"""What keeps a process from serving people that only the database can tell: asked when it starts."""

from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, OperationalError, connections

from compliance.isolation.refusals import refuse_unsafe_role
from compliance.vault.datakeys import wrapping_context
from compliance.vault.keyring import keyring
from compliance.vault.sealing import SealError

KEYS_IN_USE = "SELECT kek FROM compliance_keys_in_use()"
# A single data key may be damaged. Several that do not open have been wrapped under another key.
SAMPLES = "SELECT kek, owner, wrapped FROM compliance_key_samples(5)"
# The database's own words stay out of logs: some of them show rows, or an address with its password.
AWAY = "The database of DATABASE_URL does not answer or does not let the site in. `manage.py doctor` tells which."
OUTDATED = "The database lacks what this version asks of it. Run `manage.py migrate --database owner` first."


def refuse_to_serve() -> None:
    """Raise ``ImproperlyConfigured`` for a role that could look past its tenant, and for keys that are missing.

    For web, worker and beat processes, when they start. So too without a database that could tell.
    """
    try:
        refuse_unsafe_role()
        refuse_missing_keys()
    except OperationalError as error:
        raise ImproperlyConfigured(AWAY) from error
    except DatabaseError as error:
        raise ImproperlyConfigured(OUTDATED) from error


def refuse_missing_keys() -> None:
    """Raise ``ImproperlyConfigured`` when FIELD_KEYS lacks a key that data keys in the database are wrapped under."""
    if missing := missing_keys(using=DEFAULT_DB_ALIAS):
        raise ImproperlyConfigured(
            f"FIELD_KEYS lacks {', '.join(missing)}, and without it sealed values of people cannot be read. "
            "Put it back, after the primary key; `manage.py rotate_keys` says when it can go."
        )
    if changed := changed_keys(using=DEFAULT_DB_ALIAS):
        raise ImproperlyConfigured(
            f"FIELD_KEYS has another key by the name of {', '.join(changed)} than the one that opens sealed values of "
            "people. Put that one back, and give a new key a name of its own."
        )


def missing_keys(*, using: str) -> list[str]:
    """Name the keys that data keys are wrapped under and that are not on the ring. Asks the database."""
    with connections[using].cursor() as cursor:
        cursor.execute(KEYS_IN_USE)
        return sorted(name for (name,) in cursor.fetchall() if name not in keyring())


def changed_keys(*, using: str) -> list[str]:
    """Name the keys on the ring that open none of the data keys that bear their name. Asks the database."""
    with connections[using].cursor() as cursor:
        cursor.execute(SAMPLES)
        samples = [(kek, opens(kek, owner, wrapped)) for kek, owner, wrapped in cursor.fetchall() if kek in keyring()]
    return sorted({kek for kek, _ in samples} - {kek for kek, is_open in samples if is_open})


def opens(kek: str, owner: UUID, wrapped: bytes) -> bool:
    """Whether a data key can be unwrapped."""
    try:
        keyring().unwrap(kek, bytes(wrapped), wrapping_context(owner))
    except SealError:
        return False
    return True
