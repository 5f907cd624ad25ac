"""A real worker keeps its connection to the database for the next job, unless something may be wrong with it."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import psycopg
import pytest

from banking.tasks import sync_item
from config.tests.processes import wait_until
from config.tests.programs import Worker, run_worker, use_own_queue
from conftest import connect_as_role

pytestmark = pytest.mark.django_db(transaction=True)

# What PostgreSQL calls the worker of these tests.
PROGRAM = f"worker-{uuid4().hex}"


@pytest.fixture(scope="module")
def worker(django_db_setup: None) -> Iterator[Worker]:
    """A worker with one process, which keeps its connections for as long as in production."""
    with use_own_queue(f"connections-{uuid4().hex}") as queue, ExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("PGAPPNAME", PROGRAM)
            environment.setenv("DATABASE_CONN_MAX_AGE", "60")
            worker = stack.enter_context(run_worker(queue, processes=1))
        yield worker


@pytest.fixture
def postgresql() -> Iterator[psycopg.Connection]:
    with connect_as_role("default") as connection:
        connection.autocommit = True
        yield connection


def list_connections(postgresql: psycopg.Connection) -> list[tuple[int, str]]:
    query = "SELECT pid, state FROM pg_stat_activity WHERE application_name = %s"
    return postgresql.execute(query, [PROGRAM]).fetchall()


def run_job(worker: Worker, *, item: str = "") -> str:
    """Let the worker look for an Item that does not exist, and return "succeeded" or "raised"."""
    job = sync_item.delay(str(uuid4()), item or str(uuid4()), "person")
    end = re.compile(rf"\[{job.id}\] (succeeded|raised)")
    wait_until(lambda: end.search(worker.read_output()))
    return end.search(worker.read_output())[1]


def test_it_keeps_its_connection_for_the_next_job(worker: Worker, postgresql: psycopg.Connection) -> None:
    assert run_job(worker) == "succeeded"
    first = list_connections(postgresql)
    assert run_job(worker) == "succeeded"
    assert list_connections(postgresql) == first
    assert [state for _, state in first] == ["idle"]


def test_it_opens_another_one_after_postgresql_closed_it(worker: Worker, postgresql: psycopg.Connection) -> None:
    run_job(worker)
    [(process, _)] = list_connections(postgresql)
    postgresql.execute("SELECT pg_terminate_backend(%s)", [process])
    wait_until(lambda: not list_connections(postgresql))
    assert run_job(worker) == "succeeded"
    [(new_process, _)] = list_connections(postgresql)
    assert new_process != process


def test_it_closes_its_connection_after_a_failed_job(worker: Worker, postgresql: psycopg.Connection) -> None:
    run_job(worker)
    assert run_job(worker, item="not an id") == "raised"
    wait_until(lambda: not list_connections(postgresql))
    assert run_job(worker) == "succeeded"
