"""Revokes privileges on our tables, sequences and functions that were granted by hand.

Migrations grant nothing to PUBLIC, nothing but access to rows and columns to a role, and nothing but columns to read
and the function that names the tenant to ``app_viewer``. Everything else was granted by hand.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

# TRUNCATE ignores row-level security, a trigger sees every row that is written, a reference reveals which rows exist.
NEVER_GRANTED = ["TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"]
VIEWER_FUNCTION = "public.app_tenant()"

# Only migrations know which columns the viewer may read and which ones the other roles may use, so those stay. The
# second column of the result is a table whose column grants to the viewer have to be restored: revoking SELECT on the
# table revokes them too.
TABLE_REVOKES = """
    WITH given AS (
        -- Privileges on whole tables and sequences.
        SELECT c.oid, c.relkind, a.grantee, a.privilege_type
          FROM pg_class c, aclexplode(c.relacl) a WHERE c.relowner = ANY (%(owners)s::text[]::regrole[])
         UNION
        -- Privileges on columns; SELECT on a column is kept unless it was granted to PUBLIC.
        SELECT c.oid, c.relkind, a.grantee, a.privilege_type
          FROM pg_class c JOIN pg_attribute ON attrelid = c.oid, aclexplode(attacl) a
         WHERE (a.grantee = 0 OR a.privilege_type <> 'SELECT') AND c.relowner = ANY (%(owners)s::text[]::regrole[])
    )
    -- One REVOKE statement for each privilege that has to go.
    SELECT DISTINCT
           format('REVOKE %%s ON %%s %%s FROM %%s CASCADE', privilege_type,
                  CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, oid::regclass,
                  CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END),
           CASE grantee WHEN %(viewer)s::regrole THEN oid END
      FROM given
     -- Whatever PUBLIC or the viewer has, and what no role of ours may have.
     WHERE grantee IN (0, %(viewer)s::regrole)
        OR grantee = ANY (%(roles)s::text[]::regrole[]) AND privilege_type = ANY (%(never)s)
"""
VIEWER_COLUMN_GRANTS = """
    SELECT format('GRANT SELECT (%%s) ON TABLE %%s TO %%I', string_agg(quote_ident(attname), ', '), attrelid::regclass,
                  %(viewer)s::text)
      FROM pg_attribute, aclexplode(attacl)
     WHERE attrelid = ANY (%(tables)s) AND grantee = %(viewer)s::regrole AND privilege_type = 'SELECT'
     GROUP BY attrelid
"""
FUNCTION_REVOKES = """
    -- Functions are executable by PUBLIC unless their privileges say otherwise, hence acldefault.
    SELECT format('REVOKE ALL ON ROUTINE %%s FROM %%s CASCADE', oid::regprocedure,
                  CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
      FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))
     WHERE proowner = ANY (%(owners)s::text[]::regrole[])
       AND (grantee = 0 OR grantee = %(viewer)s::regrole AND oid IS DISTINCT FROM to_regprocedure(%(calls)s))
"""


def revoke_manual_grants(
    database: "psycopg.Connection[tuple[Any, ...]]", *, owners: Sequence[str], users: Sequence[str], viewer: str
) -> None:
    """Revoke what no migration granted on objects of the ``owners``, as a superuser and in one transaction."""
    values = {
        "owners": list(owners),
        "roles": list(users),
        "viewer": viewer,
        "never": NEVER_GRANTED,
        "calls": VIEWER_FUNCTION,
    }
    with database.transaction():
        revokes = database.execute(TABLE_REVOKES, values).fetchall()
        tables = [table for _, table in revokes if table]
        grants = database.execute(VIEWER_COLUMN_GRANTS, {"viewer": viewer, "tables": tables}).fetchall()
        revokes += database.execute(FUNCTION_REVOKES, values).fetchall()
        for statement, *_ in [*revokes, *grants]:
            database.execute(sql.SQL(statement))
