"""Empty the tables after a test that commits, in a few milliseconds.

TRUNCATE takes 50 to 100, because it writes new files for every table and index. Most tests fill two tables of 35.
"""

import os
from typing import Any

import psycopg
from django.apps import apps
from django.db import connections

from config.tests.project_apps import own_apps

# Other packages' apps whose tables tests fill, and our own app whose tables are never emptied.
EMPTIED_PACKAGES = {"account", "sessions"}
NEVER_EMPTIED = {"compliance"}
# These tables and all that refer to them, as with TRUNCATE ... CASCADE.
CASCADE = """
    WITH RECURSIVE emptied AS (
        SELECT unnest(%s::text[])::regclass AS name
        UNION SELECT conrelid::regclass FROM pg_constraint JOIN emptied ON contype = 'f' AND confrelid = name
    )
    SELECT name::text FROM emptied
"""
# Not functools.cache, which tests of translations clear.
SESSIONS: "dict[str, psycopg.Connection[Any]]" = {}


def empty_tables() -> None:
    """Delete all rows, except those of the append-only audit trail.

    Like TRUNCATE, wait until no thread or process that the test started is using the tables.
    """
    emptied = own_apps() - NEVER_EMPTIED | EMPTIED_PACKAGES
    tables = [m._meta.db_table for m in apps.get_models() if m._meta.managed and m._meta.app_label in emptied]
    session = open_superuser_session(connections["owner"].settings_dict["NAME"])
    with session.transaction():
        cascaded = [name for (name,) in session.execute(CASCADE, [tables])]
        session.execute(f"LOCK TABLE {', '.join(cascaded)} IN ACCESS EXCLUSIVE MODE")
        any_rows = " UNION ALL ".join(f"(SELECT '{table}' FROM {table} LIMIT 1)" for table in cascaded)
        filled = session.execute(any_rows).fetchall()
        session.execute(";".join(f"DELETE FROM {table}" for (table,) in filled))


def open_superuser_session(database: str) -> "psycopg.Connection[Any]":
    """Return a connection without row-level security and foreign keys. It stays open for the next tests."""
    if database not in SESSIONS:
        options = "-c session_replication_role=replica -c lock_timeout=30s"
        url = os.environ["DATABASE_ADMIN_URL"]
        SESSIONS[database] = psycopg.connect(url, dbname=database, options=options, autocommit=True)
    return SESSIONS[database]
