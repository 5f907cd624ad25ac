"""Fixtures of compliance's tests: sample tables, their rows, and the alias that operators' commands use."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections

from compliance.audit import Action, record
from compliance.audit.anchors import writing
from compliance.audit.anchors.writing import write_anchor
from compliance.isolation import tenant
from compliance.tests import sample_tables
from compliance.tests.tampering import tampering_superuser
from compliance.vault import data_keys

default_and_ops = pytest.mark.django_db(transaction=True, databases=["default", "ops"])


@pytest.fixture(scope="session", autouse=True)
def create_sample_tables(django_db_setup: None, django_db_blocker: Any) -> None:
    """Create the tables. They are dropped with the tests' database."""
    with django_db_blocker.unblock():
        sample_tables.create()


@pytest.fixture(autouse=True)
def _no_keys_in_memory() -> Iterator[None]:
    """Begin and end each test without cached keys, as a new process begins."""
    data_keys.clear_cache()
    yield
    data_keys.clear_cache()


@pytest.fixture
def superuser() -> Iterator["psycopg.Connection[Any]"]:
    """A superuser's connection to the tests' database, whose changes are rolled back."""
    name = connections["default"].settings_dict["NAME"]
    with psycopg.connect(os.environ["DATABASE_ADMIN_URL"], dbname=name) as session:
        yield session
        session.rollback()


@pytest.fixture
def tamper() -> Iterator[Callable[[str], None]]:
    """A function that changes the audit trail as a superuser with the triggers disabled; restored afterwards."""
    with tampering_superuser() as run:
        yield run


@pytest.fixture
def Box() -> Any:
    return sample_tables.model("Box")


@pytest.fixture
def Slip() -> Any:
    return sample_tables.model("Slip")


@pytest.fixture
def make_box(Box: Any) -> Callable[..., Any]:
    """Store a box of an owner."""

    def make(owner: Any, value: str = "access-1", **fields: Any) -> Any:
        with tenant(owner.pk):
            return Box.objects.create(owner_id=owner.pk, token=value, **fields)

    return make


@pytest.fixture
def both_boxes(alice: Any, mallory: Any, make_box: Callable[..., Any]) -> tuple[Any, Any]:
    """A box of Alice's and one of Mallory's."""
    return make_box(alice, label="alice"), make_box(mallory, label="mallory")


@pytest.fixture
def read_box(Box: Any) -> Callable[..., Any]:
    """Read a box from the database, as its owner."""

    def read(box: Any) -> Any:
        with tenant(box.owner_id):
            return Box.objects.get(pk=box.pk)

    return read


@pytest.fixture
def overwrite_box(Box: Any) -> Callable[..., None]:
    """Overwrite columns of a stored box, as an attacker with access to the database could."""

    def overwrite(box: Any, **columns: Any) -> None:
        assignments = ", ".join(f"{name} = %s" for name in columns)
        with connections["ops"].cursor() as cursor:
            cursor.execute(f"UPDATE sample_box SET {assignments} WHERE id = %s", [*columns.values(), box.pk])

    return overwrite


@pytest.fixture
def read_column(Box: Any) -> Callable[..., bytes]:
    """Read the bytes in a column of a stored box."""

    def read(box: Any, column: str = "token") -> bytes:
        with connections["ops"].cursor() as cursor:
            cursor.execute(f"SELECT {column} FROM sample_box WHERE id = %s", [box.pk])
            (value,) = cursor.fetchone()
        return bytes(value)

    return read


def list_key_rows(owner: UUID) -> list[tuple[int, str, bool]]:
    """Return an owner's data keys as operators see them: id, key-encryption key, whether it is active."""
    with connections["ops"].cursor() as cursor:
        cursor.execute("SELECT id, kek, active FROM compliance_datakey WHERE owner = %s ORDER BY id", [owner])
        return cursor.fetchall()


@pytest.fixture
def agree_to_texts() -> Callable[..., None]:
    """Users of these tests have agreed to nothing yet, so that the ledger has only what a test stores."""
    return lambda user: None


@pytest.fixture
def anchor_file(tmp_path: Path, settings: Any) -> Path:
    settings.AUDIT_ANCHOR_FILE = str(tmp_path / "anchors.jsonl")
    return tmp_path / "anchors.jsonl"


@pytest.fixture
def _one_line_per_anchor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write one line, however many chains other tests have left in the trail, which is never truncated."""
    monkeypatch.setattr(writing, "MOST_HEADS", 100_000)
    monkeypatch.setattr(writing, "LONGEST_LINE", 1 << 26)


@pytest.fixture
def chain(alice: Any, anchor_file: Path) -> str:
    """Alice's chain of five events, anchored."""
    for number in range(5):
        record(Action.SYNC, subject=alice, number=number)
    write_anchor()
    return str(alice.pk)
