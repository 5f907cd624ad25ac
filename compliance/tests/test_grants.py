"""``setup_database`` revokes manual grants, and keeps those of migrations."""

from typing import Any

import pytest

from compliance.isolation import grants, roles
from compliance.tests.conftest import default_and_ops

pytestmark = default_and_ops

NAMES = {
    "owners": [roles.OWNER, roles.LOOKUP, roles.AUDITOR],
    "users": [roles.SITE, roles.OPERATOR, roles.VIEWER],
    "viewer": roles.VIEWER,
}
TABLE_GRANTS = """
    SELECT relname, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))::text, (
        -- Sorted, because a revoked and granted right comes after the others of its column.
        SELECT array_agg(attname || granted::text ORDER BY attname, granted::text)
          FROM pg_attribute, unnest(attacl) AS granted WHERE attrelid = pg_class.oid
    ) FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname
"""
FUNCTION_GRANTS = """
    SELECT oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner))::text, NULL
      FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
MEMBERSHIPS = "SELECT pg_has_role('app_rw', %s, 'MEMBER'), pg_has_role('app_viewer', %s, 'MEMBER')"


def read_grants(superuser: Any) -> dict[str, tuple[set[str], Any]]:
    rows = superuser.execute(TABLE_GRANTS).fetchall() + superuser.execute(FUNCTION_GRANTS).fetchall()
    return {name: (set((grant or "{}")[1:-1].split(",")), columns) for name, grant, columns in rows}


@pytest.mark.parametrize(
    "grant",
    [
        "GRANT TRUNCATE ON accounts_user TO app_rw",
        "GRANT TRIGGER, REFERENCES ON ALL TABLES IN SCHEMA public TO app_rw, app_ops",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO app_viewer",
        "GRANT INSERT, UPDATE ON accounts_user TO app_viewer",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC",
        "GRANT SELECT (password) ON accounts_user TO PUBLIC",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO PUBLIC",
        "GRANT UPDATE (email) ON accounts_user TO app_viewer",
        "GRANT INSERT (email) ON accounts_user TO app_viewer WITH GRANT OPTION",
        "GRANT REFERENCES (id) ON accounts_user TO app_rw, app_ops",
        "GRANT REFERENCES (id) ON accounts_user TO app_viewer",
        "GRANT EXECUTE ON FUNCTION compliance_key_samples(integer) TO app_viewer",
        "GRANT EXECUTE ON ALL ROUTINES IN SCHEMA public TO app_viewer, PUBLIC",
    ],
)
def test_it_revokes_manual_grants(superuser: Any, grant: str) -> None:
    expected = read_grants(superuser)
    superuser.execute(grant)
    assert read_grants(superuser) != expected
    grants.revoke_manual_grants(superuser, **NAMES)
    assert read_grants(superuser) == expected


def test_it_revokes_a_function_from_public(superuser: Any) -> None:
    query = "SELECT has_function_privilege('public', 'compliance_keys_in_use()', 'EXECUTE')"
    superuser.execute("GRANT EXECUTE ON FUNCTION compliance_keys_in_use() TO PUBLIC")
    assert superuser.execute(query).fetchone() == (True,)
    grants.revoke_manual_grants(superuser, **NAMES)
    assert superuser.execute(query).fetchone() == (False,)
    assert superuser.execute(query.replace("'public'", "'app_rw'")).fetchone() == (True,)


def test_it_revokes_a_procedure(superuser: Any) -> None:
    superuser.execute("SET ROLE app_owner; CREATE PROCEDURE careless(INOUT n integer) LANGUAGE sql AS 'SELECT 1'")
    superuser.execute("GRANT EXECUTE ON PROCEDURE careless TO app_viewer, PUBLIC; RESET ROLE")
    query = (
        "SELECT has_function_privilege(r, 'careless(integer)', 'EXECUTE') FROM unnest(ARRAY['public', 'app_viewer']) r"
    )
    assert superuser.execute(query).fetchall() == [(True,)] * 2
    grants.revoke_manual_grants(superuser, **NAMES)
    assert superuser.execute(query).fetchall() == [(False,)] * 2


def test_it_grants_new_functions_to_no_role(superuser: Any) -> None:
    for clause in ("", "IN SCHEMA public "):
        superuser.execute(
            f"ALTER DEFAULT PRIVILEGES FOR ROLE app_owner {clause}GRANT ALL ON FUNCTIONS TO PUBLIC, app_rw, app_viewer"
        )
    roles._set_grants(superuser, superuser.info.dbname)
    superuser.execute(
        "SET ROLE app_owner; CREATE FUNCTION careless() RETURNS int LANGUAGE sql AS 'SELECT 1'; RESET ROLE"
    )
    query = "SELECT has_function_privilege(r, 'careless()', 'EXECUTE') FROM unnest(%s::name[]) r"
    assert superuser.execute(query, [["public", "app_rw", "app_viewer"]]).fetchall() == [(False,)] * 3


def test_it_revokes_manual_memberships_in_roles(superuser: Any) -> None:
    superuser.execute("CREATE ROLE elsewhere; GRANT app_ops, elsewhere TO app_rw WITH ADMIN OPTION")
    # Also with a grant that depends on another one.
    superuser.execute("SET ROLE app_rw; GRANT elsewhere TO app_viewer; RESET ROLE")
    superuser.execute("GRANT app_lookup TO app_owner WITH ADMIN OPTION")
    roles._make_roles(superuser, [])
    assert superuser.execute(MEMBERSHIPS, ["app_ops", "elsewhere"]).fetchone() == (False, False)
    assert superuser.execute(MEMBERSHIPS, ["elsewhere", "app_ops"]).fetchone() == (False, False)
    query = "SELECT pg_has_role('app_owner', r, 'MEMBER') FROM unnest(%s::name[]) r"
    assert superuser.execute(query, [[roles.LOOKUP, roles.AUDITOR]]).fetchall() == [(True,)] * 2
    assert superuser.execute(
        "SELECT pg_has_role('app_owner', 'app_lookup', 'MEMBER WITH ADMIN OPTION')"
    ).fetchone() == (False,)


def test_it_revokes_privileges_on_database_and_schema(superuser: Any) -> None:
    database = superuser.info.dbname
    superuser.execute(f"GRANT CREATE ON DATABASE {database} TO app_rw, app_viewer")
    superuser.execute("ALTER SCHEMA public OWNER TO app_rw")
    roles._set_grants(superuser, database)
    query = (
        "SELECT has_database_privilege(r, current_database(), 'CREATE'), has_schema_privilege(r, 'public', 'CREATE')"
    )
    privileges = superuser.execute(f"{query} FROM unnest(ARRAY['app_rw', 'app_ops', 'app_viewer']) r").fetchall()
    assert privileges == [(False, False)] * 3


def test_it_grants_new_tables_only_to_roles_that_need_them(superuser: Any) -> None:
    for clause in ("", "IN SCHEMA public "):
        superuser.execute(f"ALTER DEFAULT PRIVILEGES FOR ROLE app_owner {clause}GRANT ALL ON TABLES TO PUBLIC, app_rw")
    roles._set_grants(superuser, superuser.info.dbname)
    superuser.execute("SET ROLE app_owner; CREATE TABLE careless (id int); RESET ROLE")
    query = "SELECT has_table_privilege(%s, 'careless', %s)"
    assert superuser.execute(query, ["app_viewer", "SELECT"]).fetchone() == (False,)
    assert superuser.execute(query, ["app_rw", "TRUNCATE"]).fetchone() == (False,)
    assert superuser.execute(query, ["app_rw", "DELETE"]).fetchone() == (True,)
    assert superuser.execute(query, ["app_lookup", "SELECT"]).fetchone() == (True,)


@pytest.mark.parametrize("scope", ["DATABASE {database}", "ROLE ALL", "ROLE ALL IN DATABASE {database}"])
def test_it_overrides_settings_of_all_roles_for_our_roles(superuser: Any, scope: str) -> None:
    for setting in ("session_replication_role = replica", "search_path = elsewhere", "row_security = off"):
        superuser.execute(f"ALTER {scope.format(database=superuser.info.dbname)} SET {setting}")
    roles._make_roles(superuser, [])
    # In PostgreSQL, a role's own settings override those of the database and of all roles.
    query = "SELECT setdatabase = 0, setconfig FROM pg_db_role_setting WHERE setrole = 'app_rw'::regrole"
    ((in_all_databases, settings),) = superuser.execute(query).fetchall()
    assert in_all_databases
    assert {"session_replication_role=origin", "search_path=public", "row_security=on"} <= set(settings)
