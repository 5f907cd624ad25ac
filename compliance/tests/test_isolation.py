"""The database isolates owners from each other, independent of the query."""

from contextlib import suppress
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, connections, transaction

from compliance.isolation import TenantMismatch, current_tenant, tenant
from compliance.isolation.tenant import tenant_context, tenant_cursor, without_tenant
from compliance.tests.conftest import default_and_ops
from compliance.tests.sample_tables import list_visible_owners

pytestmark = default_and_ops


# --- Setting the tenant -----------------------------------------------------------------------------------


def test_it_shows_each_owner_only_their_own_rows(both_boxes: Any, alice: Any, mallory: Any) -> None:
    with tenant(alice.pk):
        assert list_visible_owners() == {alice.pk}
    with tenant(str(mallory.pk)):
        assert list_visible_owners() == {mallory.pk}


def test_it_shows_nothing_outside_a_transaction(both_boxes: Any, alice: Any) -> None:
    assert list_visible_owners() == set()
    with tenant_context(alice.pk):
        assert list_visible_owners() == set()


def test_it_shows_nothing_in_a_transaction_without_tenant(both_boxes: Any) -> None:
    with transaction.atomic():
        assert list_visible_owners() == set()


def test_it_sets_and_resets_the_tenant_in_an_open_transaction(both_boxes: Any, alice: Any, mallory: Any) -> None:
    with transaction.atomic():
        with tenant(alice.pk):
            assert list_visible_owners() == {alice.pk}
        assert list_visible_owners() == set()
        with tenant(mallory.pk):
            assert list_visible_owners() == {mallory.pk}
        assert list_visible_owners() == set()


def test_it_resets_the_tenant_for_an_open_cursor(both_boxes: Any, alice: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        with tenant(alice.pk):
            cursor.execute("SELECT count(*) FROM sample_box")
            assert cursor.fetchone() == (1,)
        cursor.execute("SELECT count(*) FROM sample_box")
        assert cursor.fetchone() == (0,)


def test_it_keeps_the_tenant_after_a_savepoint_is_rolled_back(both_boxes: Any, alice: Any) -> None:
    with tenant(alice.pk):
        for statement in ("SELECT 1/0", "SELECT set_config('app.user_id', '', true)"):
            run_and_roll_back(statement)
            assert list_visible_owners() == {alice.pk}


def test_it_does_not_hide_a_database_error(alice: Any) -> None:
    failing = pytest.raises(DatabaseError, match="division by zero")
    with failing, transaction.atomic(), tenant_context(alice.pk):
        execute("SELECT 1/0")
    with transaction.atomic():
        with failing, transaction.atomic(), tenant_context(alice.pk):
            execute("SELECT 1/0")
        assert list_visible_owners() == set()


def test_it_sets_the_tenant_again_after_a_rollback_of_it(both_boxes: Any, alice: Any) -> None:
    with transaction.atomic():
        savepoint = transaction.savepoint()
        with suppress(DatabaseError), tenant_context(alice.pk):
            execute("SELECT 1/0")
        transaction.savepoint_rollback(savepoint)
        with tenant_context(alice.pk):
            assert list_visible_owners() == {alice.pk}


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def run_and_roll_back(statement: str) -> None:
    """Run a statement, which may fail, in a savepoint that is then rolled back."""
    with suppress(DatabaseError, ZeroDivisionError), transaction.atomic():
        execute(statement)
        raise ZeroDivisionError


def test_it_resets_the_tenant_after_an_exception(both_boxes: Any, alice: Any) -> None:
    with pytest.raises(KeyError), tenant(alice.pk):
        raise KeyError
    assert current_tenant() is None
    with transaction.atomic():
        assert list_visible_owners() == set()


def test_it_sets_the_tenant_of_each_transaction_in_a_context(both_boxes: Any, alice: Any) -> None:
    with tenant_context(alice.pk):
        for _ in range(2):
            with transaction.atomic():
                assert list_visible_owners() == {alice.pk}


def test_it_allows_the_same_owner_to_nest(alice: Any) -> None:
    with tenant(alice.pk), tenant(str(alice.pk)):
        assert current_tenant() == alice.pk


def test_it_rejects_another_owner_inside(alice: Any, mallory: Any) -> None:
    with tenant(alice.pk):
        with pytest.raises(TenantMismatch), tenant(mallory.pk):
            pass
        assert current_tenant() == alice.pk


@pytest.mark.parametrize("value", ["", "alice", "'; DROP TABLE x; --", 7])
def test_it_rejects_an_owner_that_is_no_uuid(value: Any) -> None:
    with pytest.raises(ValueError, match="badly formed"), tenant(value):
        pass


def test_it_switches_the_tenant_for_one_cursor_and_switches_back(both_boxes: Any, alice: Any, mallory: Any) -> None:
    with tenant(alice.pk):
        with tenant_cursor(mallory.pk):
            assert list_visible_owners() == {mallory.pk}
        assert list_visible_owners() == {alice.pk}


def test_it_leaves_the_tenant_to_set_another_one_and_switches_back(both_boxes: Any, alice: Any, mallory: Any) -> None:
    with tenant(alice.pk):
        with without_tenant():
            assert list_visible_owners() == set()
            with tenant(mallory.pk):
                assert list_visible_owners() == {mallory.pk}
            assert (current_tenant(), list_visible_owners()) == (None, set())
        assert list_visible_owners() == {alice.pk}


def test_it_leaves_no_tenant_on_the_connection(both_boxes: Any, alice: Any) -> None:
    with tenant(alice.pk):
        pass
    with connection.cursor() as cursor:
        cursor.execute("SELECT nullif(current_setting('app.user_id', true), '')")
        assert cursor.fetchone() == (None,)


# --- The database's own rules -----------------------------------------------------------------------------


def test_it_rejects_a_row_of_another_owner(alice: Any, mallory: Any, Box: Any) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), tenant(alice.pk):
        Box.objects.create(owner_id=mallory.pk, token="x")


def test_it_rejects_a_change_of_the_owner(both_boxes: Any, alice: Any, mallory: Any, Box: Any) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), tenant(alice.pk):
        Box.objects.update(owner_id=mallory.pk)


def test_it_rejects_a_reference_to_another_owners_row(both_boxes: Any, alice: Any, Slip: Any) -> None:
    _, mallorys_box = both_boxes
    with pytest.raises(IntegrityError, match="same_owner"), tenant(alice.pk):
        Slip.objects.create(owner_id=alice.pk, box_id=mallorys_box.pk)


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE sample_box",
        "ALTER TABLE sample_box DISABLE ROW LEVEL SECURITY",
        "DROP POLICY sample_box_of_owner ON sample_box",
        "SET ROLE app_ops",
        "SET ROLE app_owner",
        "SET ROLE app_lookup",
        "CREATE TABLE mine (id int)",
        "DELETE FROM django_migrations",
        "SET row_security = off; SELECT * FROM sample_box",
    ],
)
def test_it_does_not_let_the_site_disable_the_isolation(both_boxes: Any, alice: Any, statement: str) -> None:
    with pytest.raises(ProgrammingError), tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute(statement)


def test_it_does_not_protect_from_sql_injection(both_boxes: Any, alice: Any, mallory: Any) -> None:
    """A documented limit: injected SQL runs as the site and can set any tenant."""
    with tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.user_id', %s, true)", [str(mallory.pk)])
        cursor.execute("SELECT owner_id FROM sample_box")
        assert cursor.fetchall() == [(mallory.pk,)]


def test_it_resets_an_injected_tenant_in_the_next_transaction(both_boxes: Any, alice: Any, mallory: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.user_id', %s, false)", [str(mallory.pk)])
    try:
        with tenant(alice.pk):
            assert list_visible_owners() == {alice.pk}
        with transaction.atomic():
            assert list_visible_owners() == set()
    finally:
        connection.close()


# --- Functions across owners ------------------------------------------------------------------------------


def test_it_returns_one_value_across_owners(both_boxes: Any, alice: Any, mallory: Any) -> None:
    with tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute("SELECT sample_box_owner('mallory')")
        assert cursor.fetchone() == (mallory.pk,)


def test_it_changes_only_the_declared_columns(both_boxes: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sample_relabel('mallory', 'renamed')")
        assert cursor.fetchone() == (1,)
    with connections["ops"].cursor() as cursor:
        cursor.execute("SELECT has_column_privilege('app_lookup', 'sample_box', 'token', 'UPDATE')")
        assert cursor.fetchone() == (False,)


def test_it_fixes_owner_and_search_path_of_a_function() -> None:
    with connections["ops"].cursor() as cursor:
        cursor.execute(
            """
            SELECT p.prosecdef, r.rolname, r.rolcanlogin, p.proconfig,
                   has_function_privilege('public', p.oid, 'EXECUTE')
              FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE p.proname = 'sample_box_owner'
            """
        )
        assert cursor.fetchone() == (True, "app_lookup", False, ["search_path=public, pg_temp"], False)
