"""Finds tables with an owner column that row-level security or a foreign key without the owner leaves open."""

from django.db.backends.base.base import BaseDatabaseWrapper

OWNER_COLUMNS = ("owner", "owner_id")

TABLES = """
    -- One row for each table with an owner column: is row-level security on, and is it forced on the table's owner?
    SELECT c.oid, c.relname, a.attname, c.relrowsecurity, c.relforcerowsecurity, (
        -- Policies that compare the owner with the tenant, for reading (qual) as well as for writing (with_check).
        SELECT count(*) FROM pg_policies p
         WHERE p.schemaname = 'public' AND p.tablename = c.relname
           AND p.qual LIKE '%%app_tenant()%%' AND (p.with_check LIKE '%%app_tenant()%%')
    ), (
        -- All policies: one more than the tenant's would let other rows through.
        SELECT count(*) FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = c.relname
    )
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     -- Plain and partitioned tables of ours with a UUID owner column that still exists.
     WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
       AND a.attname = ANY(%s) AND a.atttypid = 'uuid'::regtype AND NOT a.attisdropped
     ORDER BY c.relname
"""

# Foreign keys are checked past row-level security, so each one has to contain the owner.
REFERENCES_WITHOUT_OWNER = """
    -- The owner column of each table that has one, by number, as pg_constraint names columns.
    WITH owned AS (
        SELECT a.attrelid AS oid, a.attnum FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         WHERE a.attname = ANY(%s) AND a.atttypid = 'uuid'::regtype AND NOT a.attisdropped
           AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
    )
    SELECT k.conrelid::regclass::text, k.conname FROM pg_constraint k
      -- Only references between two tables with an owner column.
      JOIN owned here ON here.oid = k.conrelid
      JOIN owned there ON there.oid = k.confrelid
     -- The owner column is missing on one of the two sides.
     WHERE k.contype = 'f' AND NOT (here.attnum = ANY(k.conkey) AND there.attnum = ANY(k.confkey))
     ORDER BY 1, 2
"""


def find_unisolated_tables(connection: BaseDatabaseWrapper) -> list[str]:
    """Describe what tables with an owner column lack, one line for each fault; an empty list when all are isolated."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES, [list(OWNER_COLUMNS)])
        faults = [fault for row in cursor.fetchall() for fault in _find_faults(*row[1:])]
        cursor.execute(REFERENCES_WITHOUT_OWNER, [list(OWNER_COLUMNS)])
        faults += [f"{table}: {name} may point at another owner's row" for table, name in cursor.fetchall()]
    return faults


def _find_faults(
    table: str, column: str, enabled: bool, forced: bool, tenant_policies: int, policies: int
) -> list[str]:
    faults = []
    if not enabled:
        faults.append(f"{table}: row-level security is off ({column})")
    if not forced:
        faults.append(f"{table}: row-level security is not forced on the table's owner ({column})")
    if not tenant_policies:
        faults.append(f"{table}: no policy compares {column} with the tenant")
    elif policies > tenant_policies:
        faults.append(f"{table}: a policy does not name the tenant")
    return faults
