"""The database's roles, their privileges, and the SQL that creates them.

- ``app_owner`` migrates and owns the tables. Never used by web or workers.
- ``app_rw`` is the site: reads and writes rows under row-level security, owns nothing.
- ``app_ops`` sees all rows; for the operators' commands.
- ``app_viewer`` is the operators' site: reads the columns that migrations grant it, and can write nothing.
- ``app_lookup`` owns the few functions that read across owners; it cannot log in.
- ``audit_owner`` owns the audit tables; it cannot log in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from compliance.isolation import grants

OWNER, SITE, OPERATOR, VIEWER = "app_owner", "app_rw", "app_ops", "app_viewer"
LOOKUP, AUDITOR = "app_lookup", "audit_owner"
TEST_PREFIX = "test_"
# What ``setup_database`` ends with for a database that another version made.
OTHER_VERSION_EXIT_CODE = 3

# NOINHERIT: a migration has to SET ROLE before it acts as one of the roles that own functions and audit tables.
ATTRIBUTES = {
    OWNER: "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION NOINHERIT",
    SITE: "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION",
    OPERATOR: "LOGIN NOSUPERUSER BYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION",
    VIEWER: "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION",
    LOOKUP: "NOLOGIN NOSUPERUSER BYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION",
    AUDITOR: "NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION",
}

# Set on each role, because that overrides settings of a whole database or server. With
# session_replication_role = replica, a session would not check foreign keys.
FIXED_SETTINGS = {
    "search_path": "public",
    "row_security": "on",
    "session_replication_role": "origin",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "role": "none",
}
# Timeouts of every session of a role; the site's own processes have shorter ones (``compliance.timeouts``). A
# migration that waits for a lock blocks all queries behind it. client_connection_check_interval ends a statement
# whose client has disconnected.
TIMEOUTS = {
    OWNER: {"lock_timeout": "30s", "idle_in_transaction_session_timeout": "10min"},
    SITE: {
        "statement_timeout": "2min",
        "lock_timeout": "30s",
        "idle_in_transaction_session_timeout": "5min",
        "client_connection_check_interval": "5s",
    },
    OPERATOR: {"lock_timeout": "30s", "idle_in_transaction_session_timeout": "10min"},
    VIEWER: {
        "statement_timeout": "2500ms",
        "lock_timeout": "2s",
        "idle_in_transaction_session_timeout": "1min",
        "client_connection_check_interval": "5s",
    },
}
SETTINGS = {role: FIXED_SETTINGS | timeouts for role, timeouts in TIMEOUTS.items()}
EXISTING_SETTINGS = """
    SELECT rolname, datname
      FROM pg_db_role_setting
      JOIN pg_roles ON pg_roles.oid = setrole
      LEFT JOIN pg_database ON pg_database.oid = setdatabase
     WHERE rolname = ANY (%s)
"""

# Memberships of our roles, except those that app_owner needs.
EXTRA_MEMBERSHIPS = """
    SELECT held.rolname, holder.rolname, giver.rolname
      FROM pg_auth_members
      JOIN pg_roles held ON held.oid = roleid
      JOIN pg_roles holder ON holder.oid = member
      LEFT JOIN pg_roles giver ON giver.oid = grantor
     WHERE holder.rolname = ANY (%(roles)s)
       AND NOT (holder.rolname = %(owner)s AND held.rolname = ANY (%(owners)s) AND NOT admin_option)
"""

DATABASE_GRANTS = """
    REVOKE ALL ON DATABASE {database} FROM PUBLIC, app_owner, app_rw, app_ops, app_viewer, app_lookup, audit_owner;
    GRANT CONNECT ON DATABASE {database} TO app_owner, app_rw, app_ops, app_viewer;
    GRANT CREATE, TEMPORARY ON DATABASE {database} TO app_owner;
    -- A sync stages its rows in a temporary table.
    GRANT TEMPORARY ON DATABASE {database} TO app_rw;
"""

SCHEMA_GRANTS = """
    ALTER SCHEMA public OWNER TO pg_database_owner;
    REVOKE CREATE ON SCHEMA public FROM PUBLIC, app_rw, app_ops, app_viewer;
    GRANT USAGE ON SCHEMA public TO app_owner, app_rw, app_ops, app_viewer, app_lookup, audit_owner;
    GRANT CREATE ON SCHEMA public TO app_owner, app_lookup, audit_owner;
    ALTER DEFAULT PRIVILEGES FOR ROLE app_owner, app_lookup, audit_owner
        REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC, app_rw, app_ops, app_viewer, app_lookup;
    ALTER DEFAULT PRIVILEGES FOR ROLE app_owner, app_lookup, audit_owner IN SCHEMA public
        REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC, app_rw, app_ops, app_viewer, app_lookup;
    ALTER DEFAULT PRIVILEGES FOR ROLE app_owner, app_lookup, audit_owner
        REVOKE ALL ON TABLES FROM PUBLIC, app_rw, app_ops, app_viewer, app_lookup;
    ALTER DEFAULT PRIVILEGES FOR ROLE app_owner, app_lookup, audit_owner IN SCHEMA public
        REVOKE ALL ON TABLES FROM PUBLIC, app_rw, app_ops, app_viewer, app_lookup;
    ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA public
        GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app_rw, app_ops;
    ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA public
        GRANT USAGE, SELECT ON SEQUENCES TO app_rw, app_ops;
    ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA public GRANT SELECT ON TABLES TO app_lookup;
"""

Server = psycopg.Connection[tuple[Any, ...]]


class SetupError(Exception):
    """The database cannot be set up; the message says what to change."""


@dataclass(frozen=True)
class Login:
    """The password of one of our roles; an empty one means that the server does not require one."""

    role: str
    password: str


def setup_database(*, admin_url: str, database: str, logins: Sequence[Login], recreate: bool = False) -> None:
    """Create roles, database and grants as a superuser, or restore them.

    Safe to repeat. ``recreate`` empties a test database first. Raises ``SetupError`` when the role is not a superuser,
    the server does not answer, or ``recreate`` is asked for a database that is not a test database.
    """
    if recreate and not database.startswith(TEST_PREFIX):
        raise SetupError(f"{database} is not a test database, so it is not emptied.")
    with _connect_as_superuser(admin_url) as server:
        # Roles are shared by the whole server, where two runs at once would conflict.
        server.execute("SELECT pg_advisory_lock(hashtext('setup_database'))")
        with server.transaction():
            _make_roles(server, logins)
        _make_database(server, database, recreate=recreate)
        with _connect_as_superuser(admin_url, dbname=database) as inside:
            _set_grants(inside, database)


def _connect_as_superuser(admin_url: str, **overrides: str) -> Server:
    try:
        server = psycopg.connect(make_conninfo(admin_url, **overrides), autocommit=True)
    except psycopg.Error as error:
        raise SetupError(f"DATABASE_ADMIN_URL does not work: {error}") from error
    if server.info.parameter_status("is_superuser") != "on":
        server.close()
        raise SetupError(
            "DATABASE_ADMIN_URL has to name a superuser: only a superuser may create a role that sees every row."
        )
    return server


def _make_roles(server: Server, logins: Sequence[Login]) -> None:
    present = {name for (name,) in server.execute("SELECT rolname FROM pg_roles")}
    for role, attributes in ATTRIBUTES.items():
        verb = "ALTER" if role in present else "CREATE"
        server.execute(sql.SQL(f"{verb} ROLE {{}} {attributes}").format(sql.Identifier(role)))
    _reset_settings(server)
    for login in logins:
        _set_password(server, login)
    _revoke_memberships(server)
    server.execute(f"GRANT {LOOKUP}, {AUDITOR} TO {OWNER}")


def _reset_settings(server: Server) -> None:
    """Reset all settings of our roles, in one database or in all, then apply SETTINGS."""
    for role, database in server.execute(EXISTING_SETTINGS, [list(ATTRIBUTES)]).fetchall():
        scope = sql.SQL(" IN DATABASE {}").format(sql.Identifier(database)) if database else sql.SQL("")
        server.execute(sql.SQL("ALTER ROLE {}{} RESET ALL").format(sql.Identifier(role), scope))
    for role, settings in SETTINGS.items():
        for name, value in settings.items():
            server.execute(sql.SQL(f"ALTER ROLE {{}} SET {name} = {{}}").format(sql.Identifier(role), value))


def _revoke_memberships(server: Server) -> None:
    """Revoke all other memberships of our roles: one of them may be a role that sees every row."""
    values = {"roles": list(ATTRIBUTES), "owner": OWNER, "owners": [LOOKUP, AUDITOR]}
    for held, holder, giver in server.execute(EXTRA_MEMBERSHIPS, values).fetchall():
        by = sql.SQL(" GRANTED BY {}").format(sql.Identifier(giver)) if giver else sql.SQL("")
        names = sql.Identifier(held), sql.Identifier(holder)
        server.execute(sql.SQL("REVOKE {} FROM {}").format(*names) + by + sql.SQL(" CASCADE"))


def _set_password(server: Server, login: Login) -> None:
    if not login.password:
        return
    # Only the verifier is sent, so that no server log contains the password.
    verifier = server.pgconn.encrypt_password(login.password.encode(), login.role.encode(), b"scram-sha-256")
    server.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(login.role), verifier.decode()))


def _set_grants(inside: Server, database: str) -> None:
    """Grant what our roles need in the database, and revoke what was granted by hand."""
    inside.execute(sql.SQL(DATABASE_GRANTS).format(database=sql.Identifier(database)))
    inside.execute(SCHEMA_GRANTS)
    grants.revoke_manual_grants(inside, owners=[OWNER, LOOKUP, AUDITOR], users=[SITE, OPERATOR, VIEWER], viewer=VIEWER)


def _make_database(server: Server, database: str, *, recreate: bool) -> None:
    name = sql.Identifier(database)
    if recreate:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
    exists = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
    statement = "ALTER DATABASE {} OWNER TO app_owner" if exists else "CREATE DATABASE {} OWNER app_owner"
    server.execute(sql.SQL(statement).format(name))
