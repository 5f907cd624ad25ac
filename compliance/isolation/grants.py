"""What was given by hand on our tables, sequences and functions, beyond all that migrations give, and its taking back.

Migrations give nothing to everybody, to a role no more than rows and columns, and to ``app_viewer`` nothing but
columns to read and the one function that says whose rows those are.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

# TRUNCATE asks no row-level security; a trigger sees the rows of everybody who writes; a reference tells which exist.
NEVER_GIVEN = ["TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"]
VIEWER_CALLS = "public.app_tenant()"

# Which columns the viewer may read and the others may use, only migrations know: those stay.
# The second column names a table whose columns the viewer is to keep: taking the table back takes them along.
ON_TABLES = """
    WITH given AS (
        SELECT c.oid, c.relkind, a.grantee, a.privilege_type
          FROM pg_class c, aclexplode(c.relacl) a WHERE c.relowner = ANY (%(owners)s::text[]::regrole[])
         UNION
        SELECT c.oid, c.relkind, a.grantee, a.privilege_type
          FROM pg_class c JOIN pg_attribute ON attrelid = c.oid, aclexplode(attacl) a
         WHERE (a.grantee = 0 OR a.privilege_type <> 'SELECT') AND c.relowner = ANY (%(owners)s::text[]::regrole[])
    )
    SELECT DISTINCT
           format('REVOKE %%s ON %%s %%s FROM %%s CASCADE', privilege_type,
                  CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, oid::regclass,
                  CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END),
           CASE grantee WHEN %(viewer)s::regrole THEN oid END
      FROM given
     WHERE grantee IN (0, %(viewer)s::regrole)
        OR grantee = ANY (%(roles)s::text[]::regrole[]) AND privilege_type = ANY (%(never)s)
"""
SHOWN = """
    SELECT format('GRANT SELECT (%%s) ON TABLE %%s TO %%I', string_agg(quote_ident(attname), ', '), attrelid::regclass,
                  %(viewer)s::text)
      FROM pg_attribute, aclexplode(attacl)
     WHERE attrelid = ANY (%(tables)s) AND grantee = %(viewer)s::regrole AND privilege_type = 'SELECT'
     GROUP BY attrelid
"""
ON_FUNCTIONS = """
    SELECT format('REVOKE ALL ON ROUTINE %%s FROM %%s CASCADE', oid::regprocedure,
                  CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
      FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))
     WHERE proowner = ANY (%(owners)s::text[]::regrole[])
       AND (grantee = 0 OR grantee = %(viewer)s::regrole AND oid IS DISTINCT FROM to_regprocedure(%(calls)s))
"""


def take_back(
    database: "psycopg.Connection[tuple[Any, ...]]", *, owners: Sequence[str], users: Sequence[str], viewer: str
) -> None:
    """Take back what no migration gave on anything of the ``owners``, as a superuser and in one transaction."""
    values = {
        "owners": list(owners),
        "roles": list(users),
        "viewer": viewer,
        "never": NEVER_GIVEN,
        "calls": VIEWER_CALLS,
    }
    with database.transaction():
        found = database.execute(ON_TABLES, values).fetchall()
        kept = database.execute(SHOWN, {"viewer": viewer, "tables": [table for _, table in found if table]}).fetchall()
        found += database.execute(ON_FUNCTIONS, values).fetchall()
        for statement, *_ in [*found, *kept]:
            database.execute(sql.SQL(statement))
