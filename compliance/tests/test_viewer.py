"""The operators' database role reads only granted columns, of one owner at a time, and writes nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import ProgrammingError, connections, transaction

from compliance.audit import Action, record
from compliance.isolation.migrations import GrantOperatorRead
from compliance.isolation.viewer import operator_view
from compliance.tests import sample_tables

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "ops", "viewer"])

GRANT = GrantOperatorRead("sample.Box", columns=["id", "owner_id", "label"])


@pytest.fixture
def visible_boxes() -> Iterator[None]:
    """Grant operators the columns of boxes that are not sealed."""
    state = sample_tables.states()[-1]
    with sample_tables.owner_schema_editor() as editor:
        GRANT.database_forwards(sample_tables.LABEL, editor, state, state)
    yield
    with sample_tables.owner_schema_editor() as editor:
        GRANT.database_backwards(sample_tables.LABEL, editor, state, state)


def select(columns: str = "label", table: str = "sample_box") -> list[tuple[Any, ...]]:
    with connections["viewer"].cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {table}")
        return cursor.fetchall()


def assert_denied(statement: Callable[[], object]) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), operator_view():
        statement()


def test_it_sees_only_the_rows_of_the_given_owner(alice: Any, both_boxes: Any, visible_boxes: None) -> None:
    with operator_view(alice.pk):
        assert select() == [("alice",)]
        assert select("count(*)") == [(1,)]
    with operator_view():
        assert select() == []


def test_it_resets_the_owner_with_the_transaction(alice: Any, both_boxes: Any, visible_boxes: None) -> None:
    with operator_view(alice.pk):
        assert len(select()) == 1
    with transaction.atomic(using="viewer"):
        assert select() == []


def test_it_sees_no_column_without_a_grant(alice: Any, both_boxes: Any, visible_boxes: None) -> None:
    for columns in ("token", "note", "*"):
        assert_denied(lambda columns=columns: select(columns))


def test_it_sees_no_table_without_a_grant(both_boxes: Any) -> None:
    for table in ("sample_box", "sample_slip", "compliance_datakey", "django_session", "audit_head"):
        assert_denied(lambda table=table: select("count(*)", table))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sample_box SET label = 'x'",
        "DELETE FROM sample_box",
        "TRUNCATE sample_box",
        "INSERT INTO sample_box (id, owner_id, label) VALUES (gen_random_uuid(), gen_random_uuid(), 'x')",
        "SELECT label FROM sample_box FOR UPDATE",
        "SELECT sample_relabel('alice', 'x')",
        "SET ROLE app_rw",
        "SET ROLE app_ops",
        "CREATE TABLE public.taken (id int)",
        "CREATE TEMPORARY TABLE taken (id int)",
    ],
)
def test_it_writes_nothing(both_boxes: Any, visible_boxes: None, statement: str) -> None:
    assert_denied(lambda: connections["viewer"].cursor().execute(statement))


def test_it_reads_the_unencrypted_columns_of_every_trail(alice: Any, mallory: Any) -> None:
    record(Action.CONNECT, subject=alice)
    record(Action.SYNC, subject=mallory)
    with operator_view():
        rows = set(select("subject, action", "audit_event"))
    assert rows >= {(alice.pk, "connect"), (mallory.pk, "sync")}
    assert_denied(lambda: select("payload", "audit_event"))


def test_it_does_not_start_as_another_role(monkeypatch: pytest.MonkeyPatch, both_boxes: Any) -> None:
    connections["viewer"].close()
    monkeypatch.setitem(connections["viewer"].settings_dict, "USER", "app_rw")
    try:
        with pytest.raises(ProgrammingError, match='permission denied to set role "app_viewer"'), operator_view():
            pass
    finally:
        connections["viewer"].close()
