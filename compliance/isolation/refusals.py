"""Refuses to serve from a database role that could look past its tenant."""

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

ENGINE = "compliance.isolation.postgresql"

POWERS = """
    SELECT rolsuper, rolbypassrls, rolcreaterole, EXISTS (
        SELECT FROM pg_class
         WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
           AND pg_has_role(current_user, relowner, 'MEMBER')
    ), NOT rolsuper AND EXISTS (
        SELECT FROM pg_roles other
         WHERE (other.rolsuper OR other.rolbypassrls OR other.rolname = ANY (%s)) AND other.rolname <> current_user
           AND pg_has_role(current_user, other.oid, 'MEMBER')
    ), current_setting('session_replication_role') <> 'origin'
      FROM pg_roles WHERE rolname = current_user
"""
# Each can read or write what all rows are stored in.
# Source: https://www.postgresql.org/docs/current/predefined-roles.html
FILES = ["pg_read_server_files", "pg_write_server_files", "pg_execute_server_program"]
REASONS = (
    "It is a superuser, so row-level security does not hold it.",
    "It has BYPASSRLS, so row-level security does not hold it.",
    "It has CREATEROLE, so it could let itself act as a role that sees all.",
    "It owns tables, or may act as a role that does, so it could switch row-level security off.",
    "It may act as a role that sees all, or that reaches the server's files, so row-level security does not hold it.",
    "It pretends to be a replica, so the database checks no reference between rows.",
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
        cursor.execute(POWERS, [FILES])
        powers = cursor.fetchone() or ()
    return [reason for reason, has_power in zip(REASONS, powers, strict=True) if has_power]
