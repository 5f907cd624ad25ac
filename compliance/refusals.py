"""What keeps a process from serving people that only the database can tell: asked when it starts."""

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, OperationalError, connections

from compliance.isolation.refusals import refuse_unsafe_role
from compliance.vault.keyring import keyring

KEYS_IN_USE = "SELECT kek FROM compliance_keys_in_use()"
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


def missing_keys(*, using: str) -> list[str]:
    """Name the keys that data keys are wrapped under and that are not on the ring. Asks the database."""
    with connections[using].cursor() as cursor:
        cursor.execute(KEYS_IN_USE)
        return sorted(name for (name,) in cursor.fetchall() if name not in keyring())
