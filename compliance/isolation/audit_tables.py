"""Finds tables that hold people's rows and do not keep them apart."""

from django.db.backends.base.base import BaseDatabaseWrapper

OWNER_COLUMNS = ("owner", "owner_id")

# One row for each table with an owning column: is row-level security on, forced, and is there a policy whose
# two halves both name the tenant.
TABLES = """
    SELECT c.oid, c.relname, a.attname, c.relrowsecurity, c.relforcerowsecurity, (
        SELECT count(*) FROM pg_policies p
         WHERE p.schemaname = 'public' AND p.tablename = c.relname
           AND p.qual LIKE '%%app_tenant()%%' AND (p.with_check LIKE '%%app_tenant()%%')
    ), (
        SELECT count(*) FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = c.relname
    )
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
       AND a.attname = ANY(%s) AND a.atttypid = 'uuid'::regtype AND NOT a.attisdropped
     ORDER BY c.relname
"""

# Foreign keys between two tables that both have an owning column, whose columns leave the owner out.
LOOSE_REFERENCES = """
    WITH owned AS (
        SELECT a.attrelid AS oid, a.attnum FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         WHERE a.attname = ANY(%s) AND a.atttypid = 'uuid'::regtype AND NOT a.attisdropped
           AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
    )
    SELECT k.conrelid::regclass::text, k.conname FROM pg_constraint k
      JOIN owned here ON here.oid = k.conrelid
      JOIN owned there ON there.oid = k.confrelid
     WHERE k.contype = 'f' AND NOT (here.attnum = ANY(k.conkey) AND there.attnum = ANY(k.confkey))
     ORDER BY 1, 2
"""


def leaks(connection: BaseDatabaseWrapper) -> list[str]:
    """Say, one line each, what tables with an owning column lack; empty when they lack nothing."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES, [list(OWNER_COLUMNS)])
        found = [line for row in cursor.fetchall() for line in _missing(*row[1:])]
        cursor.execute(LOOSE_REFERENCES, [list(OWNER_COLUMNS)])
        found += [f"{table}: {name} may point at another owner's row" for table, name in cursor.fetchall()]
    return found


def _missing(table: str, column: str, enabled: bool, forced: bool, tenant_policies: int, policies: int) -> list[str]:
    lines = []
    if not enabled:
        lines.append(f"{table}: row-level security is off ({column})")
    if not forced:
        lines.append(f"{table}: row-level security is not forced on the table's owner ({column})")
    if not tenant_policies:
        lines.append(f"{table}: no policy compares {column} with the tenant")
    elif policies > tenant_policies:
        lines.append(f"{table}: a policy does not name the tenant")
    return lines
