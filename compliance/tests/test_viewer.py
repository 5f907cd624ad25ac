"""The operators' role of the database: it reads what it was shown, of one person at a time, and writes nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import ProgrammingError, connections, transaction

from compliance.audit import Action, record
from compliance.isolation.migrations import GrantOperatorRead
from compliance.isolation.viewer import operator_view
from compliance.tests import throwaway

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops", "viewer"])

SHOWN = GrantOperatorRead("throwaway.Box", columns=["id", "owner_id", "label"])


@pytest.fixture
def shown() -> Iterator[None]:
    """Boxes are shown to operators, but for what is sealed in them."""
    state = throwaway.states()[-1]
    with throwaway.owners_editor() as editor:
        SHOWN.database_forwards(throwaway.LABEL, editor, state, state)
    yield
    with throwaway.owners_editor() as editor:
        SHOWN.database_backwards(throwaway.LABEL, editor, state, state)


def seen(columns: str = "label", table: str = "throwaway_box") -> list[tuple[Any, ...]]:
    with connections["viewer"].cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table}")
        return cursor.fetchall()


def refused(statement: Callable[[], object]) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), operator_view():
        statement()


def test_it_sees_the_rows_of_the_one_person_who_is_named(alice: Any, both: Any, shown: None) -> None:
    with operator_view(alice.pk):
        assert seen() == [("alice",)]
        assert seen("count(*)") == [(1,)]
    with operator_view():
        assert seen() == []


def test_it_forgets_the_person_with_the_transaction(alice: Any, both: Any, shown: None) -> None:
    with operator_view(alice.pk):
        assert len(seen()) == 1
    with transaction.atomic(using="viewer"):
        assert seen() == []


def test_it_sees_no_column_that_it_was_not_shown(alice: Any, both: Any, shown: None) -> None:
    for columns in ("token", "note", "*"):
        refused(lambda columns=columns: seen(columns))


def test_it_sees_nothing_of_a_table_that_nobody_showed_it(both: Any) -> None:
    for table in ("throwaway_box", "throwaway_slip", "compliance_datakey", "django_session", "audit_head"):
        refused(lambda table=table: seen("count(*)", table))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE throwaway_box SET label = 'x'",
        "DELETE FROM throwaway_box",
        "TRUNCATE throwaway_box",
        "INSERT INTO throwaway_box (id, owner_id, label) VALUES (gen_random_uuid(), gen_random_uuid(), 'x')",
        "SELECT label FROM throwaway_box FOR UPDATE",
        "SELECT throwaway_relabel('alice', 'x')",
        "SET ROLE app_rw",
        "SET ROLE app_ops",
        "CREATE TABLE public.taken (id int)",
        "CREATE TEMPORARY TABLE taken (id int)",
    ],
)
def test_it_writes_nothing(both: Any, shown: None, statement: str) -> None:
    refused(lambda: connections["viewer"].cursor().execute(statement))


def test_it_reads_what_is_readable_in_every_trail(alice: Any, mallory: Any) -> None:
    record(Action.CONNECT, subject=alice)
    record(Action.SYNC, subject=mallory)
    with operator_view():
        found = set(seen("subject, action", "audit_event"))
    assert found >= {(alice.pk, "connect"), (mallory.pk, "sync")}
    refused(lambda: seen("payload", "audit_event"))


def test_it_does_not_start_as_another_role(monkeypatch: pytest.MonkeyPatch, both: Any) -> None:
    connections["viewer"].close()
    monkeypatch.setitem(connections["viewer"].settings_dict, "USER", "app_rw")
    try:
        with pytest.raises(ProgrammingError, match='permission denied to set role "app_viewer"'), operator_view():
            pass
    finally:
        connections["viewer"].close()
