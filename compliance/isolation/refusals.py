"""Refuses to serve from a database role that could look past its tenant."""

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

ENGINE = "compliance.isolation.postgresql"

POWERS = """
    SELECT rolsuper, rolbypassrls, EXISTS (
        SELECT FROM pg_class
         WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
           AND pg_has_role(current_user, relowner, 'MEMBER')
    )
      FROM pg_roles WHERE rolname = current_user
"""
REASONS = (
    "It is a superuser, so row-level security does not hold it.",
    "It has BYPASSRLS, so row-level security does not hold it.",
    "It owns tables, or may act as a role that does, so it could switch row-level security off.",
)


def refuse_unsafe_role() -> None:
    """Raise ``ImproperlyConfigured`` unless the site's connection is held by row-level security.

    For web and worker processes, when they start. Asks the database.
    """
    if found := problems(connections[DEFAULT_DB_ALIAS]):
        raise ImproperlyConfigured(
            "DATABASE_URL signs in as a role that may not serve the site. "
            + " ".join(found)
            + " Run `manage.py setup_database` and let DATABASE_URL name app_rw."
        )


def problems(connection: BaseDatabaseWrapper) -> list[str]:
    """Say, one sentence each, why this connection could look past its tenant; empty when it cannot."""
    if connection.settings_dict["ENGINE"] != ENGINE:
        return [f"Its ENGINE is not {ENGINE}, so no transaction would be bound to a tenant."]
    with connection.cursor() as cursor:
        cursor.execute(POWERS)
        powers = cursor.fetchone() or ()
    return [reason for reason, has_power in zip(REASONS, powers, strict=True) if has_power]
