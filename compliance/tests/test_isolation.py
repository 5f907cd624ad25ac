"""Owners stay apart: in the ORM, in the database, over threads, through pooled connections."""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.handlers.base import BaseHandler
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, connections, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import RequestFactory

from compliance.isolation import NoTenant, TenantMismatch, current_tenant, tenant
from compliance.isolation.middleware import TenantMiddleware
from compliance.isolation.tasks import TenantTask
from compliance.isolation.tenant import cursor_of, tenant_context
from compliance.tests.conftest import everywhere
from compliance.tests.throwaway import model

pytestmark = everywhere


def visible_owners() -> set[UUID]:
    """Whose boxes the current transaction can see, past the ORM's guard."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT owner_id FROM throwaway_box")
        return {owner for (owner,) in cursor.fetchall()}


@pytest.fixture
def both(alice: Any, mallory: Any, make_box: Any) -> tuple[Any, Any]:
    """A box of Alice's and one of Mallory's."""
    return make_box(alice, label="alice"), make_box(mallory, label="mallory")


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
            cursor.execute("SELECT count(*) FROM throwaway_box")
            assert cursor.fetchone() == (1,)
        cursor.execute("SELECT count(*) FROM throwaway_box")
        assert cursor.fetchone() == (0,)


def test_it_stays_bound_after_a_savepoint_is_rolled_back(both: Any, alice: Any) -> None:
    with tenant(alice.pk):
        for statement in ("SELECT 1/0", "SELECT set_config('app.user_id', '', true)"):
            run_and_roll_back(statement)
            assert visible_owners() == {alice.pk}


def test_it_hides_no_error_of_the_database_behind_one_of_its_own(alice: Any) -> None:
    failing = pytest.raises(DatabaseError, match="division by zero")
    with failing, transaction.atomic(), tenant_context(alice.pk):
        run("SELECT 1/0")
    with transaction.atomic():
        with failing, transaction.atomic(), tenant_context(alice.pk):
            run("SELECT 1/0")
        assert visible_owners() == set()


def test_it_binds_anew_when_a_rollback_took_the_binding_along(both: Any, alice: Any) -> None:
    with transaction.atomic():
        savepoint = transaction.savepoint()
        with suppress(DatabaseError), tenant_context(alice.pk):
            run("SELECT 1/0")
        transaction.savepoint_rollback(savepoint)
        with tenant_context(alice.pk):
            assert visible_owners() == {alice.pk}


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def run_and_roll_back(statement: str) -> None:
    """Run a statement, which may fail, in a savepoint that is then rolled back."""
    with suppress(DatabaseError, ZeroDivisionError), transaction.atomic():
        run(statement)
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


def test_it_switches_for_the_foundation_and_switches_back(both: Any, alice: Any, mallory: Any) -> None:
    with tenant(alice.pk):
        with cursor_of(mallory.pk):
            assert visible_owners() == {mallory.pk}
        assert visible_owners() == {alice.pk}


def test_it_leaves_nothing_on_the_connection_for_the_next_in_line(both: Any, alice: Any) -> None:
    with tenant(alice.pk):
        pass
    with connection.cursor() as cursor:
        cursor.execute("SELECT nullif(current_setting('app.user_id', true), '')")
        assert cursor.fetchone() == (None,)


# --- The ORM's guard --------------------------------------------------------------------------------------

QUERIES: dict[str, Callable[[Any], Any]] = {
    "iteration": lambda rows: list(rows.all()),
    "iterator": lambda rows: list(rows.iterator()),
    "len": lambda rows: len(rows.all()),
    "bool": lambda rows: bool(rows.all()),
    "get": lambda rows: rows.get(),
    "first": lambda rows: rows.first(),
    "last": lambda rows: rows.last(),
    "count": lambda rows: rows.count(),
    "exists": lambda rows: rows.exists(),
    "aggregate": lambda rows: rows.aggregate(),
    "values": lambda rows: list(rows.values("id")),
    "values_list": lambda rows: list(rows.values_list("id", flat=True)),
    "in_bulk": lambda rows: rows.in_bulk(),
    "filter": lambda rows: list(rows.filter(label="x")[:1]),
    "union": lambda rows: list(rows.all().union(rows.all())),
    "raw": lambda rows: list(rows.raw("SELECT * FROM throwaway_box")),
    "update": lambda rows: rows.update(label="x"),
    "delete": lambda rows: rows.all().delete(),
    "create": lambda rows: rows.create(owner_id=uuid4(), token="x"),
    "bulk_create": lambda rows: rows.bulk_create([model("Box")(owner_id=uuid4(), token="x")]),
    "bulk_update": lambda rows: rows.bulk_update([model("Box")(owner_id=uuid4(), label="x")], ["label"]),
    "get_or_create": lambda rows: rows.get_or_create(owner_id=uuid4()),
    "update_or_create": lambda rows: rows.update_or_create(owner_id=uuid4()),
    "explain": lambda rows: rows.all().explain(),
    "repr": lambda rows: repr(rows.all()),
}


@pytest.mark.parametrize("name", QUERIES)
def test_it_refuses_every_query_while_nobody_is_bound(Box: Any, name: str) -> None:
    with pytest.raises(NoTenant, match="nobody is bound"):
        QUERIES[name](Box.objects)


@pytest.mark.parametrize("name", QUERIES)
def test_it_refuses_every_query_outside_a_transaction(alice: Any, Box: Any, name: str) -> None:
    with tenant_context(alice.pk), pytest.raises(NoTenant, match="outside a transaction"):
        QUERIES[name](Box.objects)


def test_it_lets_a_queryset_be_built_before_somebody_is_bound(both: Any, alice: Any, Box: Any) -> None:
    rows = Box.objects.filter(label="alice").order_by("id")
    with tenant(alice.pk):
        assert rows.for_user(alice.pk).count() == 1


def test_it_lets_operators_see_all(both: Any, Box: Any) -> None:
    assert Box.objects.using("ops").count() == 2


def test_it_follows_relations_both_ways(both: Any, alice: Any, Box: Any, Slip: Any) -> None:
    box, _ = both
    with tenant(alice.pk):
        slip = Slip.objects.create(owner_id=alice.pk, box_id=box.pk)
        assert Slip.objects.get(pk=slip.pk).box.label == "alice"
        assert [s.pk for s in Box.objects.get(pk=box.pk).slips.all()] == [slip.pk]
        Box.objects.get(pk=box.pk).delete()
        assert not Slip.objects.exists()


def test_it_finds_no_row_of_another_owner_by_id(both: Any, alice: Any, Box: Any) -> None:
    _, theirs = both
    with tenant(alice.pk):
        with pytest.raises(Box.DoesNotExist):
            Box.objects.get(pk=theirs.pk)
        assert Box.objects.filter(pk=theirs.pk).update(label="mine") == 0
        assert Box.objects.filter(pk=theirs.pk).delete() == (0, {})


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
        "TRUNCATE throwaway_box",
        "ALTER TABLE throwaway_box DISABLE ROW LEVEL SECURITY",
        "DROP POLICY throwaway_box_of_owner ON throwaway_box",
        "SET ROLE app_ops",
        "SET ROLE app_owner",
        "SET ROLE app_lookup",
        "CREATE TABLE mine (id int)",
        "DELETE FROM django_migrations",
        "SET row_security = off; SELECT * FROM throwaway_box",
    ],
)
def test_it_lets_the_site_take_no_fence_down(both: Any, alice: Any, statement: str) -> None:
    with pytest.raises(ProgrammingError), tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute(statement)


def test_it_is_no_answer_to_sql_injection(both: Any, alice: Any, mallory: Any) -> None:
    """Known and written down: whoever runs SQL of their own as the site can bind themselves to anybody."""
    with tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.user_id', %s, true)", [str(mallory.pk)])
        cursor.execute("SELECT owner_id FROM throwaway_box")
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
        cursor.execute("SELECT throwaway_box_owner('mallory')")
        assert cursor.fetchone() == (mallory.pk,)


def test_it_changes_the_named_columns_and_no_other(both: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT throwaway_relabel('mallory', 'renamed')")
        assert cursor.fetchone() == (1,)
    with connections["ops"].cursor() as cursor:
        cursor.execute("SELECT has_column_privilege('app_lookup', 'throwaway_box', 'token', 'UPDATE')")
        assert cursor.fetchone() == (False,)


def test_it_pins_what_a_function_runs_as_and_where_it_looks() -> None:
    with connections["ops"].cursor() as cursor:
        cursor.execute(
            """
            SELECT p.prosecdef, r.rolname, r.rolcanlogin, p.proconfig,
                   has_function_privilege('public', p.oid, 'EXECUTE')
              FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE p.proname = 'throwaway_box_owner'
            """
        )
        assert cursor.fetchone() == (True, "app_lookup", False, ["search_path=public, pg_temp"], False)


# --- Requests ---------------------------------------------------------------------------------------------


class Person:
    """A signed-in user, as the middleware sees one."""

    is_authenticated = True

    def __init__(self, pk: UUID) -> None:
        self.pk = pk


def boxes_view(request: HttpRequest) -> HttpResponse:
    """Answer with the owners that are visible, or fail the way that the request asks for."""
    fault = request.GET.get("fault")
    if fault == "error":
        raise ZeroDivisionError
    if fault == "sql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
    return JsonResponse({"owners": sorted(map(str, visible_owners()))})


def answer(user: Any, fault: str) -> HttpResponse:
    """Send one request through the middleware into an atomic view, as Django's handler does."""
    request = RequestFactory().get("/", {"fault": fault} if fault else {})
    request.user = user
    view = BaseHandler().make_view_atomic(boxes_view)
    return TenantMiddleware(view)(request)


def test_it_never_mixes_requests_up_over_threads_and_reused_connections(
    alice: Any, mallory: Any, make_user: Any, make_box: Any
) -> None:
    people = [alice, mallory, make_user("carol"), make_user("dave")]
    for person in people:
        make_box(person)
    wrong: list[Any] = []

    def send(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311
        for _ in range(150):
            person = chance.choice([*people, None])
            fault = chance.choice(["", "", "error", "sql"])
            expected = [str(person.pk)] if person else []
            try:
                response = answer(Person(person.pk) if person else AnonymousUser(), fault)
            except (ZeroDivisionError, DatabaseError):
                continue
            if fault or response.content != JsonResponse({"owners": expected}).content:
                wrong.append((person, fault, response.content))
            if current_tenant() is not None or visible_owners():
                wrong.append("left bound")
        connections.close_all()

    threads = [threading.Thread(target=send, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_it_costs_a_stranger_no_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        TenantMiddleware(lambda request: HttpResponse())(_anonymous())


def _anonymous() -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    return request


# --- Jobs -------------------------------------------------------------------------------------------------


class Looking(TenantTask):
    """A job that says whose rows it sees."""

    name = "compliance.tests.looking"

    def run(self, owner: str) -> tuple[UUID | None, set[UUID]]:
        with transaction.atomic():
            return current_tenant(), visible_owners()


def test_it_binds_a_job_to_its_first_argument(both: Any, alice: Any) -> None:
    assert Looking()(str(alice.pk)) == (alice.pk, {alice.pk})
    assert current_tenant() is None


@pytest.mark.parametrize(("arguments", "error"), [((), TypeError), (("x",), ValueError)])
def test_it_refuses_a_job_without_owner(arguments: tuple[str, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        Looking()(*arguments)
