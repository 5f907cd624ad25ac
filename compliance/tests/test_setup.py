"""The roles, grants and checks of the database, and the errors if something is wrong."""

import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, connections

from compliance import checks
from compliance.isolation import role_checks, roles, tenant, unisolated_tables
from compliance.isolation.migrations import OwnedReference
from compliance.isolation.role_checks import find_role_errors
from compliance.models import DataKey
from compliance.startup import require_serving_checks
from compliance.tests import sample_tables
from compliance.tests.conftest import default_and_ops
from compliance.tests.threads import in_threads

pytestmark = default_and_ops

ADMIN_URL = os.environ.get("DATABASE_ADMIN_URL", "")


@pytest.fixture
def owner_sql() -> Iterator[Any]:
    """Run SQL as the tables' owner. The table ``careless`` is dropped afterwards."""
    yield lambda statement: run_as_owner(statement)
    run_as_owner("DROP TABLE IF EXISTS careless")


def run_as_owner(statement: str) -> None:
    with psycopg.connect(**get_login("owner"), autocommit=True) as session:
        session.execute(statement)


def get_login(alias: str) -> dict[str, Any]:
    parameters = connections[alias].get_connection_params()
    return {name: parameters[name] for name in ("dbname", "user", "password", "host", "port") if parameters.get(name)}


# --- setup_database ---------------------------------------------------------------------------------------


def test_it_removes_extra_attributes_of_roles_when_repeated(superuser: Any) -> None:
    superuser.execute("ALTER ROLE app_rw SUPERUSER BYPASSRLS CREATEROLE REPLICATION")
    superuser.execute("ALTER ROLE app_owner SUPERUSER CREATEDB")
    roles._make_roles(superuser, [])
    query = "SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s) AND (rolcreatedb OR rolreplication)"
    assert superuser.execute(query, [list(roles.ATTRIBUTES)]).fetchone() == (0,)
    powers = "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcanlogin FROM pg_roles WHERE rolname = ANY(%s)"
    attributes = {name: powers for name, *powers in superuser.execute(powers, [list(roles.ATTRIBUTES)]).fetchall()}
    assert attributes == {
        "app_owner": [False, False, False, True],
        "app_rw": [False, False, False, True],
        "app_ops": [False, True, False, True],
        "app_viewer": [False, False, False, True],
        "app_lookup": [False, True, False, False],
        "audit_owner": [False, False, False, False],
    }


def test_it_resets_settings_of_roles_and_sets_timeouts(superuser: Any) -> None:
    database = superuser.info.dbname
    superuser.execute("ALTER ROLE app_rw SET row_security = off")
    superuser.execute(f"ALTER ROLE app_rw IN DATABASE {database} SET search_path = elsewhere")
    superuser.execute("ALTER ROLE app_viewer SET statement_timeout = 0")
    superuser.execute("ALTER ROLE audit_owner SET session_replication_role = replica")
    roles._make_roles(superuser, [])
    query = (
        "SELECT setrole::regrole::text, setconfig FROM pg_db_role_setting WHERE setrole = ANY (%s::text[]::regrole[])"
    )
    settings_by_role = {
        role: dict(setting.split("=") for setting in config)
        for role, config in superuser.execute(query, [list(roles.ATTRIBUTES)])
    }
    assert settings_by_role == {role: settings for role, settings in roles.SETTINGS.items() if settings}
    assert {"statement_timeout", "lock_timeout"} <= set(settings_by_role["app_rw"]) & set(
        settings_by_role["app_viewer"]
    )


def test_it_fails_without_a_superuser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_ADMIN_URL")
    with pytest.raises(CommandError, match="DATABASE_ADMIN_URL is not set"):
        call_command("setup_database")
    monkeypatch.setenv("DATABASE_ADMIN_URL", os.environ["DATABASE_OPS_URL"])
    with pytest.raises(CommandError, match="has to name a superuser"):
        call_command("setup_database")
    monkeypatch.setenv("DATABASE_ADMIN_URL", "postgres://nobody@/nothing?host=/nowhere")
    with pytest.raises(CommandError, match="does not work"):
        call_command("setup_database")


def test_it_rejects_urls_with_other_roles_or_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections["ops"].settings_dict, "USER", "app_rw")
    with pytest.raises(CommandError, match="'ops' has to sign in as app_ops, not as 'app_rw'"):
        call_command("setup_database")
    monkeypatch.setitem(connections["ops"].settings_dict, "NAME", "elsewhere")
    with pytest.raises(CommandError, match="have to name one database"):
        call_command("setup_database")


def test_it_recreates_only_test_databases() -> None:
    with pytest.raises(roles.SetupError, match="is not a test database"):
        roles.setup_database(admin_url=ADMIN_URL, database="plumbline", logins=[], recreate=True)


def test_it_sends_passwords_only_hashed(superuser: Any) -> None:
    sent: list[str] = []

    class RecordingSession:
        """The superuser's session, which keeps all statements that are sent."""

        pgconn = superuser.pgconn

        def execute(self, statement: Any) -> None:
            sent.append(statement.as_string(superuser))
            superuser.execute(statement)

    superuser.execute("CREATE ROLE sample_role")
    roles._set_password(RecordingSession(), roles.Login("sample_role", "it's a 'password'"))
    stored = "SELECT rolpassword FROM pg_authid WHERE rolname = 'sample_role'"
    assert superuser.execute(stored).fetchone()[0].startswith("SCRAM-SHA-256$4096:")
    assert "it's" not in "".join(sent)
    assert len(sent) == 1


def test_it_gives_the_owner_no_privileges_of_its_roles_without_set_role(superuser: Any) -> None:
    query = (
        "SELECT pg_has_role('app_owner', r, 'MEMBER'), pg_has_role('app_owner', r, 'USAGE') FROM unnest(%s::name[]) r"
    )
    assert superuser.execute(query, [[roles.LOOKUP, roles.AUDITOR]]).fetchall() == [(True, False)] * 2


# --- The site's role --------------------------------------------------------------------------------------


def test_it_accepts_the_sites_role() -> None:
    assert find_role_errors(connections["default"]) == []
    require_serving_checks()


def test_it_rejects_a_role_that_bypasses_row_level_security(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections["ops"].settings_dict, "ENGINE", role_checks.ENGINE)
    assert find_role_errors(connections["ops"]) == ["It has BYPASSRLS, so row-level security does not hold it."]


def test_it_rejects_superusers_and_the_owner_of_tables(superuser: Any) -> None:
    assert [read_privileges(superuser)[index] for index in (0, 1, 3)] == [True] * 3
    superuser.execute("SET ROLE app_owner")
    assert read_privileges(superuser)[:4] == (False, False, False, True)
    superuser.execute("RESET ROLE")
    superuser.execute("GRANT app_owner TO app_rw")
    superuser.execute("SET ROLE app_rw")
    assert read_privileges(superuser)[:4] == (False, False, False, True)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("GRANT app_ops TO app_rw", "It may act as a role that sees all"),
        ("GRANT app_lookup TO app_rw", "It may act as a role that sees all"),
        ("CREATE ROLE admin SUPERUSER; GRANT admin TO app_rw", "It may act as a role that sees all"),
        ("GRANT pg_write_server_files TO app_rw", "that reaches the server's files"),
        ("CREATE ROLE between; GRANT app_ops TO between; GRANT between TO app_rw", "It may act as a role that sees"),
        ("ALTER ROLE app_rw CREATEROLE", "It has CREATEROLE"),
        ("SET session_replication_role = replica", "It pretends to be a replica"),
    ],
)
def test_it_rejects_a_role_that_could_gain_more_privileges(superuser: Any, statement: str, reason: str) -> None:
    superuser.execute("SET ROLE app_rw")
    assert read_privileges(superuser) == (False,) * len(role_checks.REASONS)
    superuser.execute("RESET ROLE")
    superuser.execute(statement)
    superuser.execute("SET ROLE app_rw")
    (found_reason,) = [
        known_reason for known_reason, has in zip(role_checks.REASONS, read_privileges(superuser), strict=True) if has
    ]
    assert reason in found_reason


def read_privileges(session: Any) -> tuple[Any, ...]:
    return session.execute(role_checks.PRIVILEGES, [role_checks.FILE_ROLES]).fetchone()


def test_it_rejects_djangos_own_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections["default"].settings_dict, "ENGINE", "django.db.backends.postgresql")
    with pytest.raises(ImproperlyConfigured, match="no transaction would be bound"):
        require_serving_checks()
    assert [error.id for error in checks.check_site_role(databases=["default"])] == ["plumbline.E012"]


def test_it_queries_only_the_given_databases() -> None:
    for check in (
        checks.check_site_role,
        checks.check_isolation_of_tables,
        checks.check_data_keys,
        checks.check_keys_in_use,
    ):
        assert check(databases=["owner"]) == check(databases=None) == []


# --- Tables -----------------------------------------------------------------------------------------------


def find_leaks(table: str) -> list[str]:
    return [line for line in unisolated_tables.find_unisolated_tables(connection) if line.startswith(table)]


def test_it_finds_no_problem_with_tables_of_our_operations() -> None:
    assert find_leaks("sample_") == find_leaks("compliance_") == []


def test_it_finds_a_table_without_row_level_security(owner_sql: Any) -> None:
    owner_sql("CREATE TABLE careless (id uuid PRIMARY KEY, owner_id uuid NOT NULL)")
    assert find_leaks("careless") == [
        "careless: row-level security is off (owner_id)",
        "careless: row-level security is not forced on the table's owner (owner_id)",
        "careless: no policy compares owner_id with the tenant",
    ]
    assert len(checks.check_isolation_of_tables(databases=["default"])) >= 3


@pytest.mark.parametrize(
    ("policies", "line"),
    [
        ("", "careless: no policy compares owner_id with the tenant"),
        ("CREATE POLICY p ON careless USING (true)", "careless: no policy compares owner_id with the tenant"),
        (
            "CREATE POLICY p ON careless USING (owner_id = app_tenant()) WITH CHECK (owner_id = app_tenant());"
            "CREATE POLICY q ON careless USING (true)",
            "careless: a policy does not name the tenant",
        ),
    ],
)
def test_it_finds_a_policy_that_shows_other_owners_rows(owner_sql: Any, policies: str, line: str) -> None:
    owner_sql("CREATE TABLE careless (id uuid PRIMARY KEY, owner_id uuid NOT NULL)")
    owner_sql("ALTER TABLE careless ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    owner_sql(policies)
    assert find_leaks("careless") == [line]


def test_it_finds_a_reference_without_the_owner(owner_sql: Any) -> None:
    owner_sql(
        "CREATE TABLE careless (id uuid PRIMARY KEY, owner_id uuid NOT NULL, box_id uuid REFERENCES sample_box (id))"
    )
    owner_sql("ALTER TABLE careless ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    owner_sql("CREATE POLICY p ON careless USING (owner_id = app_tenant()) WITH CHECK (owner_id = app_tenant())")
    assert find_leaks("careless") == ["careless: careless_box_id_fkey may point at another owner's row"]


# --- Migration operations ---------------------------------------------------------------------------------


def test_it_can_be_reversed_and_applied_again(owner_sql: Any) -> None:
    sample_tables.drop()
    with connections["ops"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'sample%'")
        assert cursor.fetchone() == (0,)
    sample_tables.create()
    assert find_leaks("sample_") == []


def test_it_replaces_an_existing_plain_reference() -> None:
    plain = "SELECT count(*) FROM pg_constraint WHERE conrelid = 'sample_slip'::regclass AND contype = 'f'"
    run_as_owner("ALTER TABLE sample_slip DROP CONSTRAINT sample_slip_box_id_same_owner")
    run_as_owner("ALTER TABLE sample_slip ADD CONSTRAINT plain FOREIGN KEY (box_id) REFERENCES sample_box (id)")
    (reference,) = (operation for operation in sample_tables.OPERATIONS if isinstance(operation, OwnedReference))
    with sample_tables.owner_schema_editor() as editor:
        reference.database_forwards(sample_tables.LABEL, editor, sample_tables.states()[-1], sample_tables.states()[-1])
    with connections["ops"].cursor() as cursor:
        cursor.execute(f"{plain} AND conname = 'plain'")
        assert cursor.fetchone() == (0,)
        cursor.execute(f"{plain} AND conname = 'sample_slip_box_id_same_owner'")
        assert cursor.fetchone() == (1,)


def test_it_serializes_its_operations_into_migrations() -> None:
    from django.db.migrations.writer import OperationWriter

    for operation in sample_tables.OPERATIONS[2:]:
        text, imports = OperationWriter(operation, indentation=0).serialize()
        assert text.startswith(f"compliance.isolation.migrations.{type(operation).__name__}(")
        assert imports == {"import compliance.isolation.migrations"}
        assert operation.describe()


# --- Starting ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", ["", "kek-1:" + "A" * 43 + "="])
def test_it_does_not_start_without_valid_keys(keys: str) -> None:
    environment = {**os.environ, "FIELD_KEYS": keys, "DJANGO_SETTINGS_MODULE": "config.settings"}
    process = subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"], env=environment, capture_output=True, text=True
    )
    assert process.returncode == 1
    assert "ImproperlyConfigured: FIELD_KEYS" in process.stderr


def test_it_warns_of_a_primary_key_older_than_90_days(settings: Any, time_machine: Any) -> None:
    key = settings.FIELD_KEYS.partition(":")[2]
    settings.FIELD_KEYS = f"kek-20260801:{key}"
    time_machine.move_to("2026-10-30 12:00Z")
    assert checks.check_age_of_primary_key() == []
    time_machine.move_to("2026-10-31 12:00Z")
    (warning,) = checks.check_age_of_primary_key()
    assert "is 91 days old" in warning.msg


def test_it_rejects_a_ring_without_a_key_in_use(settings: Any, alice: Any, make_box: Any) -> None:
    make_box(alice)
    assert checks.check_data_keys(databases=["ops"]) == []
    settings.FIELD_KEYS = "other:" + settings.FIELD_KEYS.partition(":")[2]
    assert "plumbline.E014" in [error.id for error in checks.check_data_keys(databases=["ops"])]


def test_it_rejects_another_key_with_the_name_of_one_in_use(
    settings: Any, alice: Any, mallory: Any, make_box: Any
) -> None:
    make_box(alice)
    make_box(mallory)
    require_serving_checks()
    name, _, key = settings.FIELD_KEYS.partition(":")
    settings.FIELD_KEYS = f"{name}:{b64encode(os.urandom(32)).decode()},spare:{key}"
    with pytest.raises(ImproperlyConfigured, match=f"by the name of {name} opens none of the data keys") as error_info:
        require_serving_checks()
    assert key not in str(error_info.value)
    (error,) = checks.check_data_keys(databases=["ops"])
    assert f"by the name of {name} opens none of the data keys" in error.msg


@pytest.mark.parametrize("fault", ["damaged", "another key"])
def test_it_starts_with_a_single_unreadable_data_key_and_logs_it(
    settings: Any, alice: Any, make_box: Any, damage_keys: Any, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    make_box(alice)
    DataKey.objects.using("ops").exclude(owner=alice.pk).delete()
    name, _, key = settings.FIELD_KEYS.partition(":")
    if fault == "damaged":
        damage_keys(alice.pk)
    else:
        settings.FIELD_KEYS = f"{name}:{b64encode(os.urandom(32)).decode()},spare:{key}"
    require_serving_checks()
    (message,) = [record.getMessage() for record in caplog.records if record.levelname == "CRITICAL"]
    assert message.startswith(f"SEALED_VALUE_UNREADABLE compliance.datakey.wrapped row unknown owner {alice.pk}: ")
    (error,) = checks.check_data_keys(databases=["ops"])
    assert error.id == "plumbline.E014"
    explanation = (
        f"The only data key under {name} does not open: it is damaged, or FIELD_KEYS has another key by that name."
    )
    assert message.endswith(explanation)
    assert error.msg == explanation


def test_it_starts_with_one_damaged_data_key_among_others(alice: Any, mallory: Any, make_box: Any) -> None:
    make_box(alice)
    make_box(mallory)
    with tenant(alice.pk):
        kek = DataKey.objects.get(owner=alice.pk).kek
        DataKey.objects.create(owner=alice.pk, kek=kek, wrapped=b"0" * 60, active=False)
    require_serving_checks()
    assert checks.check_data_keys(databases=["ops"]) == []


def test_it_can_run_concurrently() -> None:
    def work() -> None:
        for _ in range(8):
            call_command("setup_database", verbosity=0)

    assert in_threads(4, work) == [None] * 4


def test_it_prints_that_the_database_is_ready() -> None:
    out = StringIO()
    call_command("setup_database", stdout=out)
    assert out.getvalue().startswith(f"The database {connection.settings_dict['NAME']} is ready.")
