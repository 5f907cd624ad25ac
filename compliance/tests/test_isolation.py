"""The database isolates owners, whatever a query says."""

from contextlib import suppress
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, connections, transaction

from compliance.isolation import TenantMismatch, current_tenant, tenant
from compliance.isolation.tenant import tenant_context, tenant_cursor
from compliance.tests.conftest import everywhere
from compliance.tests.sample_tables import visible_owners

pytestmark = everywhere


# --- Binding ----------------------------------------------------------------------------------------------


def test_it_shows_each_owner_their_own_rows_alone(both: Any, alice: Any, mallory: Any) -> None:
    with tenant(alice.pk):
        assert visible_owners() == {alice.pk}
    with tenant(str(mallory.pk)):
        assert visible_owners() == {mallory.pk}


def test_it_shows_nothing_outside_a_transaction(both: Any, alice: Any) -> None:
    assert visible_owners() == set()
    with tenant_context(alice.pk):
        assert visible_owners() == set()


def test_it_shows_nothing_to_a_transaction_without_tenant(both: Any) -> None:
    with transaction.atomic():
        assert visible_owners() == set()


def test_it_binds_a_transaction_that_was_open_before_and_frees_it_again(both: Any, alice: Any, mallory: Any) -> None:
    with transaction.atomic():
        with tenant(alice.pk):
            assert visible_owners() == {alice.pk}
        assert visible_owners() == set()
        with tenant(mallory.pk):
            assert visible_owners() == {mallory.pk}
        assert visible_owners() == set()


def test_it_frees_a_cursor_that_was_opened_before(both: Any, alice: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        with tenant(alice.pk):
            cursor.execute("SELECT count(*) FROM sample_box")
            assert cursor.fetchone() == (1,)
        cursor.execute("SELECT count(*) FROM sample_box")
        assert cursor.fetchone() == (0,)


def test_it_stays_bound_after_a_savepoint_is_rolled_back(both: Any, alice: Any) -> None:
    with tenant(alice.pk):
        for statement in ("SELECT 1/0", "SELECT set_config('app.user_id', '', true)"):
            run_and_roll_back(statement)
            assert visible_owners() == {alice.pk}


def test_it_hides_no_error_of_the_database_behind_one_of_its_own(alice: Any) -> None:
    failing = pytest.raises(DatabaseError, match="division by zero")
    with failing, transaction.atomic(), tenant_context(alice.pk):
        execute("SELECT 1/0")
    with transaction.atomic():
        with failing, transaction.atomic(), tenant_context(alice.pk):
            execute("SELECT 1/0")
        assert visible_owners() == set()


def test_it_binds_anew_when_a_rollback_took_the_binding_along(both: Any, alice: Any) -> None:
    with transaction.atomic():
        savepoint = transaction.savepoint()
        with suppress(DatabaseError), tenant_context(alice.pk):
            execute("SELECT 1/0")
        transaction.savepoint_rollback(savepoint)
        with tenant_context(alice.pk):
            assert visible_owners() == {alice.pk}


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def run_and_roll_back(statement: str) -> None:
    """Run a statement, which may fail, in a savepoint that is then rolled back."""
    with suppress(DatabaseError, ZeroDivisionError), transaction.atomic():
        execute(statement)
        raise ZeroDivisionError


def test_it_is_unbound_after_an_exception(both: Any, alice: Any) -> None:
    with pytest.raises(KeyError), tenant(alice.pk):
        raise KeyError
    assert current_tenant() is None
    with transaction.atomic():
        assert visible_owners() == set()


def test_it_binds_the_transactions_of_a_context(both: Any, alice: Any) -> None:
    with tenant_context(alice.pk):
        for _ in range(2):
            with transaction.atomic():
                assert visible_owners() == {alice.pk}


def test_it_lets_the_same_owner_nest(alice: Any) -> None:
    with tenant(alice.pk), tenant(str(alice.pk)):
        assert current_tenant() == alice.pk


def test_it_refuses_another_owner_inside(alice: Any, mallory: Any) -> None:
    with tenant(alice.pk):
        with pytest.raises(TenantMismatch), tenant(mallory.pk):
            pass
        assert current_tenant() == alice.pk


@pytest.mark.parametrize("nonsense", ["", "alice", "'; DROP TABLE x; --", 7])
def test_it_refuses_an_owner_that_is_no_uuid(nonsense: Any) -> None:
    with pytest.raises(ValueError, match="badly formed"), tenant(nonsense):
        pass


def test_it_switches_the_tenant_for_one_cursor_and_switches_back(both: Any, alice: Any, mallory: Any) -> None:
    with tenant(alice.pk):
        with tenant_cursor(mallory.pk):
            assert visible_owners() == {mallory.pk}
        assert visible_owners() == {alice.pk}


def test_it_leaves_nothing_on_the_connection_for_the_next_in_line(both: Any, alice: Any) -> None:
    with tenant(alice.pk):
        pass
    with connection.cursor() as cursor:
        cursor.execute("SELECT nullif(current_setting('app.user_id', true), '')")
        assert cursor.fetchone() == (None,)


# --- The database's own rules -----------------------------------------------------------------------------


def test_it_refuses_a_row_in_another_owners_name(alice: Any, mallory: Any, Box: Any) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), tenant(alice.pk):
        Box.objects.create(owner_id=mallory.pk, token="x")


def test_it_refuses_to_give_a_row_away(both: Any, alice: Any, mallory: Any, Box: Any) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), tenant(alice.pk):
        Box.objects.update(owner_id=mallory.pk)


def test_it_refuses_a_reference_to_another_owners_row(both: Any, alice: Any, Slip: Any) -> None:
    _, theirs = both
    with pytest.raises(IntegrityError, match="same_owner"), tenant(alice.pk):
        Slip.objects.create(owner_id=alice.pk, box_id=theirs.pk)


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
def test_it_lets_the_site_take_no_fence_down(both: Any, alice: Any, statement: str) -> None:
    with pytest.raises(ProgrammingError), tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute(statement)


def test_it_is_no_answer_to_sql_injection(both: Any, alice: Any, mallory: Any) -> None:
    """Known and written down: whoever runs SQL of their own as the site can bind themselves to anybody."""
    with tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.user_id', %s, true)", [str(mallory.pk)])
        cursor.execute("SELECT owner_id FROM sample_box")
        assert cursor.fetchall() == [(mallory.pk,)]


def test_it_drops_an_injected_binding_with_the_next_transaction(both: Any, alice: Any, mallory: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.user_id', %s, false)", [str(mallory.pk)])
    try:
        with tenant(alice.pk):
            assert visible_owners() == {alice.pk}
        with transaction.atomic():
            assert visible_owners() == set()
    finally:
        connection.close()


# --- Functions that look across owners --------------------------------------------------------------------


def test_it_answers_a_narrow_question_about_everybody(both: Any, alice: Any, mallory: Any) -> None:
    with tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute("SELECT sample_box_owner('mallory')")
        assert cursor.fetchone() == (mallory.pk,)


def test_it_changes_the_named_columns_and_no_other(both: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sample_relabel('mallory', 'renamed')")
        assert cursor.fetchone() == (1,)
    with connections["ops"].cursor() as cursor:
        cursor.execute("SELECT has_column_privilege('app_lookup', 'sample_box', 'token', 'UPDATE')")
        assert cursor.fetchone() == (False,)


def test_it_pins_what_a_function_runs_as_and_where_it_looks() -> None:
    with connections["ops"].cursor() as cursor:
        cursor.execute(
            """
            SELECT p.prosecdef, r.rolname, r.rolcanlogin, p.proconfig,
                   has_function_privilege('public', p.oid, 'EXECUTE')
              FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE p.proname = 'sample_box_owner'
            """
        )
        assert cursor.fetchone() == (True, "app_lookup", False, ["search_path=public, pg_temp"], False)
