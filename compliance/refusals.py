"""What keeps a process from serving people that only the database can tell: asked when it starts."""

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections

from compliance.isolation.refusals import refuse_unsafe_role
from compliance.vault.keyring import keyring

KEYS_IN_USE = "SELECT kek FROM compliance_keys_in_use()"


def refuse_to_serve() -> None:
    """Raise ``ImproperlyConfigured`` for a role that could look past its tenant, and for keys that are missing.

    For web, worker and beat processes, when they start.
    """
    refuse_unsafe_role()
    refuse_missing_keys()


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
