"""Checks that row-level security applies to the database role that the site signs in as."""

from django.db.backends.base.base import BaseDatabaseWrapper

ENGINE = "compliance.isolation.postgresql"

# One row of booleans, in the order of REASONS.
PRIVILEGES = """
    SELECT rolsuper, rolbypassrls, rolcreaterole, EXISTS (
        -- It owns a table, or can act as a role that does.
        SELECT FROM pg_class
         WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
           AND pg_has_role(current_user, relowner, 'MEMBER')
    ), NOT rolsuper AND EXISTS (
        -- It can act as a role that sees every row or reads the server's files.
        SELECT FROM pg_roles other
         WHERE (other.rolsuper OR other.rolbypassrls OR other.rolname = ANY (%s)) AND other.rolname <> current_user
           AND pg_has_role(current_user, other.oid, 'MEMBER')
    ), current_setting('session_replication_role') <> 'origin'
      FROM pg_roles WHERE rolname = current_user
"""
# Each can read or write the files that all rows are stored in.
# Source: https://www.postgresql.org/docs/current/predefined-roles.html
FILE_ROLES = ["pg_read_server_files", "pg_write_server_files", "pg_execute_server_program"]
REASONS = (
    "It is a superuser, so row-level security does not hold it.",
    "It has BYPASSRLS, so row-level security does not hold it.",
    "It has CREATEROLE, so it could let itself act as a role that sees all.",
    "It owns tables, or may act as a role that does, so it could switch row-level security off.",
    "It may act as a role that sees all, or that reaches the server's files, so row-level security does not hold it.",
    "It pretends to be a replica, so the database checks no reference between rows.",
)


def find_role_errors(connection: BaseDatabaseWrapper) -> list[str]:
    """Explain, one sentence each, why this connection could see rows of other tenants; empty when it could not."""
    if connection.settings_dict["ENGINE"] != ENGINE:
        return [f"Its ENGINE is not {ENGINE}, so no transaction would be bound to a tenant."]
    with connection.cursor() as cursor:
        cursor.execute(PRIVILEGES, [FILE_ROLES])
        privileges = cursor.fetchone() or ()
    return [reason for reason, is_held in zip(REASONS, privileges, strict=True) if is_held]
