"""``setup_database`` revokes what somebody granted by hand, and keeps what migrations grant."""

from typing import Any

import pytest

from compliance.isolation import grants, roles
from compliance.tests.conftest import everywhere

pytestmark = everywhere

NAMES = {
    "owners": [roles.OWNER, roles.LOOKUP, roles.AUDITOR],
    "users": [roles.SITE, roles.OPERATOR, roles.VIEWER],
    "viewer": roles.VIEWER,
}
RIGHTS = """
    SELECT relname, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))::text, (
        SELECT array_agg(attname || attacl::text ORDER BY attname) FROM pg_attribute
         WHERE attrelid = pg_class.oid AND attacl IS NOT NULL
    ) FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname
"""
CALLS = """
    SELECT oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner))::text, NULL
      FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
HELD = "SELECT pg_has_role('app_rw', %s, 'MEMBER'), pg_has_role('app_viewer', %s, 'MEMBER')"


def rights(superuser: Any) -> dict[str, tuple[set[str], Any]]:
    found = superuser.execute(RIGHTS).fetchall() + superuser.execute(CALLS).fetchall()
    return {name: (set((given or "{}")[1:-1].split(",")), columns) for name, given, columns in found}


@pytest.mark.parametrize(
    "given",
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
def test_it_revokes_what_no_migration_granted(superuser: Any, given: str) -> None:
    before = rights(superuser)
    superuser.execute(given)
    assert rights(superuser) != before
    grants.revoke_manual_grants(superuser, **NAMES)
    assert rights(superuser) == before


def test_it_takes_back_a_function_that_anybody_may_call(superuser: Any) -> None:
    asked = "SELECT has_function_privilege('public', 'compliance_keys_in_use()', 'EXECUTE')"
    superuser.execute("GRANT EXECUTE ON FUNCTION compliance_keys_in_use() TO PUBLIC")
    assert superuser.execute(asked).fetchone() == (True,)
    grants.revoke_manual_grants(superuser, **NAMES)
    assert superuser.execute(asked).fetchone() == (False,)
    assert superuser.execute(asked.replace("'public'", "'app_rw'")).fetchone() == (True,)


def test_it_takes_back_a_procedure_that_a_role_may_not_call(superuser: Any) -> None:
    superuser.execute("SET ROLE app_owner; CREATE PROCEDURE careless(INOUT n integer) LANGUAGE sql AS 'SELECT 1'")
    superuser.execute("GRANT EXECUTE ON PROCEDURE careless TO app_viewer, PUBLIC; RESET ROLE")
    asked = (
        "SELECT has_function_privilege(r, 'careless(integer)', 'EXECUTE') FROM unnest(ARRAY['public', 'app_viewer']) r"
    )
    assert superuser.execute(asked).fetchall() == [(True,)] * 2
    grants.revoke_manual_grants(superuser, **NAMES)
    assert superuser.execute(asked).fetchall() == [(False,)] * 2


def test_it_gives_new_functions_to_nobody(superuser: Any) -> None:
    for place in ("", "IN SCHEMA public "):
        superuser.execute(
            f"ALTER DEFAULT PRIVILEGES FOR ROLE app_owner {place}GRANT ALL ON FUNCTIONS TO PUBLIC, app_rw, app_viewer"
        )
    roles._set_grants(superuser, superuser.info.dbname)
    superuser.execute(
        "SET ROLE app_owner; CREATE FUNCTION careless() RETURNS int LANGUAGE sql AS 'SELECT 1'; RESET ROLE"
    )
    asked = "SELECT has_function_privilege(r, 'careless()', 'EXECUTE') FROM unnest(%s::name[]) r"
    assert superuser.execute(asked, [["public", "app_rw", "app_viewer"]]).fetchall() == [(False,)] * 3


def test_it_takes_back_whatever_else_a_role_may_act_as(superuser: Any) -> None:
    superuser.execute("CREATE ROLE elsewhere; GRANT app_ops, elsewhere TO app_rw WITH ADMIN OPTION")
    # With a grant that hangs on another, as its holder could make it.
    superuser.execute("SET ROLE app_rw; GRANT elsewhere TO app_viewer; RESET ROLE")
    superuser.execute("GRANT app_lookup TO app_owner WITH ADMIN OPTION")
    roles._make_roles(superuser, [])
    assert superuser.execute(HELD, ["app_ops", "elsewhere"]).fetchone() == (False, False)
    assert superuser.execute(HELD, ["elsewhere", "app_ops"]).fetchone() == (False, False)
    owners = "SELECT pg_has_role('app_owner', r, 'MEMBER') FROM unnest(%s::name[]) r"
    assert superuser.execute(owners, [[roles.LOOKUP, roles.AUDITOR]]).fetchall() == [(True,)] * 2
    assert superuser.execute(
        "SELECT pg_has_role('app_owner', 'app_lookup', 'MEMBER WITH ADMIN OPTION')"
    ).fetchone() == (False,)


def test_it_leaves_nothing_for_the_database_or_the_schema(superuser: Any) -> None:
    database = superuser.info.dbname
    superuser.execute(f"GRANT CREATE ON DATABASE {database} TO app_rw, app_viewer")
    superuser.execute("ALTER SCHEMA public OWNER TO app_rw")
    roles._set_grants(superuser, database)
    asked = (
        "SELECT has_database_privilege(r, current_database(), 'CREATE'), has_schema_privilege(r, 'public', 'CREATE')"
    )
    found = superuser.execute(f"{asked} FROM unnest(ARRAY['app_rw', 'app_ops', 'app_viewer']) r").fetchall()
    assert found == [(False, False)] * 3


def test_it_gives_new_tables_to_nobody_but_those_who_need_them(superuser: Any) -> None:
    for place in ("", "IN SCHEMA public "):
        superuser.execute(f"ALTER DEFAULT PRIVILEGES FOR ROLE app_owner {place}GRANT ALL ON TABLES TO PUBLIC, app_rw")
    roles._set_grants(superuser, superuser.info.dbname)
    superuser.execute("SET ROLE app_owner; CREATE TABLE careless (id int); RESET ROLE")
    asked = "SELECT has_table_privilege(%s, 'careless', %s)"
    assert superuser.execute(asked, ["app_viewer", "SELECT"]).fetchone() == (False,)
    assert superuser.execute(asked, ["app_rw", "TRUNCATE"]).fetchone() == (False,)
    assert superuser.execute(asked, ["app_rw", "DELETE"]).fetchone() == (True,)
    assert superuser.execute(asked, ["app_lookup", "SELECT"]).fetchone() == (True,)


@pytest.mark.parametrize("where", ["DATABASE {database}", "ROLE ALL", "ROLE ALL IN DATABASE {database}"])
def test_it_does_not_let_what_was_set_for_all_count_for_our_roles(superuser: Any, where: str) -> None:
    for setting in ("session_replication_role = replica", "search_path = elsewhere", "row_security = off"):
        superuser.execute(f"ALTER {where.format(database=superuser.info.dbname)} SET {setting}")
    roles._make_roles(superuser, [])
    # As PostgreSQL lays them upon each other: a role's own count for more than a database's or everybody's.
    made = "SELECT setdatabase = 0, setconfig FROM pg_db_role_setting WHERE setrole = 'app_rw'::regrole"
    ((everywhere_, settings),) = superuser.execute(made).fetchall()
    assert everywhere_
    assert {"session_replication_role=origin", "search_path=public", "row_security=on"} <= set(settings)
