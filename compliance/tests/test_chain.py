"""The site cannot change the audit trail, and verification finds changes by roles that can."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, connections, transaction

from compliance.audit import Action, record
from compliance.audit.chain import Verification
from compliance.audit.faults import ChainProblem
from compliance.isolation import SYSTEM, tenant
from compliance.tasks import verify_audit_trail
from compliance.tests.conftest import default_and_ops
from compliance.tests.tampering import LAST, SET_HEAD_BACK, TAMPERING
from compliance.tests.threads import in_threads

pytestmark = default_and_ops


@pytest.fixture
def chain(alice: Any) -> str:
    """Five events in Alice's chain."""
    for number in range(5):
        record(Action.SYNC, subject=alice, number=number)
    return str(alice.pk)


def list_problems(**options: Any) -> list[ChainProblem]:
    return list(Verification(**options).find_problems())


# --- As the site ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET action = 'sync'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event CASCADE",
        "DELETE FROM audit_link",
        "UPDATE audit_head SET sequence = 0",
        "DELETE FROM audit_head",
        "INSERT INTO audit_link VALUES (1, gen_random_uuid(), 1, '')",
        "INSERT INTO audit_head (subject, sequence, hash) VALUES (gen_random_uuid(), 1, '')",
        "SET session_replication_role = replica",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "DROP TRIGGER chain ON audit_event",
        "ALTER TABLE audit_event OWNER TO app_rw",
        "SET ROLE audit_owner",
        "SELECT audit_chain()",
        "INSERT INTO audit_event (at, subject, action, resource, resource_id, outcome, payload)"
        " VALUES ('2020-01-01', app_tenant(), 'sync', '', '', 'ok', '')",
        "INSERT INTO audit_event (id, subject, action, resource, resource_id, outcome, payload)"
        " OVERRIDING SYSTEM VALUE VALUES (1, app_tenant(), 'sync', '', '', 'ok', '')",
        "INSERT INTO audit_event (subject, action, resource, resource_id, outcome, payload)"
        " VALUES (gen_random_uuid(), 'sync', '', '', 'ok', '')",
    ],
)
def test_it_lets_the_site_only_add_events(chain: str, statement: str) -> None:
    with pytest.raises(ProgrammingError), tenant(chain), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET action = 'sync'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event, audit_link",
        "DELETE FROM audit_link",
        "UPDATE audit_head SET sequence = sequence + 2",
        "DELETE FROM audit_head",
    ],
)
@pytest.mark.parametrize("mode", ["origin", "replica"])
def test_it_refuses_changes_by_a_superuser_while_triggers_are_enabled(chain: str, statement: str, mode: str) -> None:
    options = {"dbname": connection.settings_dict["NAME"]}
    with psycopg.connect(os.environ["DATABASE_ADMIN_URL"], autocommit=True, **options) as session:
        session.execute(f"SET session_replication_role = {mode}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(statement)


# --- Tampering --------------------------------------------------------------------------------------------


def test_it_finds_no_problem_in_an_unchanged_trail(chain: str) -> None:
    verification = Verification()
    assert list(verification.find_problems()) == []
    assert verification.events.total() >= 5


@pytest.mark.parametrize("name", TAMPERING)
def test_it_finds_every_kind_of_tampering(chain: str, tamper: Callable[[str], None], name: str) -> None:
    statement, sequences = TAMPERING[name]
    tamper(statement.replace("{chain}", chain))
    problems = list_problems()
    assert {problem.sequence for problem in problems} == sequences
    assert {str(problem.subject) for problem in problems} == {chain}


def test_it_cannot_find_a_deleted_end_if_its_head_was_set_back(chain: str, tamper: Callable[[str], None]) -> None:
    """A documented limit: ``test_anchors`` finds it with a copy of the heads in another place."""
    tamper(SET_HEAD_BACK.replace("{chain}", chain))
    assert list_problems() == []


# --- Verification -----------------------------------------------------------------------------------------


def run_audit_verify(*options: str) -> str:
    out = StringIO()
    call_command("audit_verify", *options, stdout=out)
    return out.getvalue()


def test_it_reports_problems_by_exit_code_and_output(chain: str, tamper: Callable[[str], None]) -> None:
    assert "audit events verified." in run_audit_verify()
    tamper(TAMPERING["content changed"][0].replace("{chain}", chain))
    out = StringIO()
    with pytest.raises(CommandError, match="1 problem") as error:
        call_command("audit_verify", stdout=out)
    assert error.value.returncode == 1
    assert out.getvalue() == f"{chain} #3: the event or its link was changed\n"


def test_it_verifies_only_events_since_a_time(chain: str, tamper: Callable[[str], None]) -> None:
    with tenant(chain), connection.cursor() as cursor:
        cursor.execute("SELECT at FROM audit_event ORDER BY id OFFSET 3 LIMIT 1")
        (fourth,) = cursor.fetchone()
    verification = Verification(since=fourth)
    assert list(verification.find_problems()) == []
    assert verification.events.total() == 2
    tamper(TAMPERING["content changed"][0].replace("{chain}", chain))
    assert list_problems(since=fourth) == []
    tamper(f"UPDATE audit_event SET action = 'connect' WHERE id = {LAST.replace('{chain}', chain)}")
    assert [problem.sequence for problem in list_problems(since=fourth)] == [5]


@pytest.mark.parametrize("name", ["end cut off", "head rewritten", "head deleted", "whole chain deleted"])
@pytest.mark.parametrize("newer", [0, 1], ids=["all older", "one newer"])
def test_it_finds_an_end_that_is_gone_since_a_time(
    chain: str, tamper: Callable[[str], None], name: str, newer: int
) -> None:
    """Whether or not what is left of the chain has an event since then, and whatever its head says of its own time."""
    with tenant(chain), connection.cursor() as cursor:
        cursor.execute("SELECT at FROM audit_event ORDER BY id DESC OFFSET %s LIMIT 1", [newer])
        (since,) = cursor.fetchone()
    statement, sequences = TAMPERING[name]
    tamper(statement.replace("{chain}", chain))
    tamper(f"UPDATE audit_head SET changed_at = now() - interval '1 year' WHERE subject = '{chain}'")
    assert {problem.sequence for problem in list_problems(since=since)} == sequences


def test_it_verifies_a_users_own_trail_as_the_site(chain: str) -> None:
    record(Action.SYNC, subject=uuid4())
    with tenant(chain):
        verification = Verification(using="default")
        assert list(verification.find_problems()) == []
    assert verification.events.total() == 5


def test_it_logs_and_records_problems_in_the_scheduled_job(
    chain: str, tamper: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    verify_audit_trail()
    assert caplog.messages == []
    tamper(TAMPERING["content changed"][0].replace("{chain}", chain))
    verify_audit_trail()
    assert caplog.messages == [f"Audit trail of {chain} at 3: the event or its link was changed"]
    with tenant(SYSTEM), connection.cursor() as cursor:
        cursor.execute("SELECT action, outcome FROM audit_event ORDER BY id DESC LIMIT 1")
        assert cursor.fetchone() == ("security_alert", "failed")


# --- Chaining ---------------------------------------------------------------------------------------------


def test_it_chains_events_of_concurrent_transactions_without_a_gap(alice: Any) -> None:
    def work() -> None:
        for _ in range(10):
            with transaction.atomic():
                record(Action.SYNC, subject=alice)
                record(Action.CONNECT, subject=alice)

    assert in_threads(4, work) == [None] * 4
    with tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute("SELECT sequence FROM audit_link ORDER BY sequence")
        assert [number for (number,) in cursor.fetchall()] == list(range(1, 81))
    assert list_problems() == []


def test_it_locks_the_head_of_a_chain_only_at_commit(alice: Any) -> None:
    """A long transaction that has written an event does not block others that write into the same chain."""
    with transaction.atomic():
        record(Action.SYNC, subject=alice)
        results = in_threads(1, lambda: record(Action.CONNECT, subject=alice))
        assert results == [None]
    with tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute("SELECT e.action FROM audit_link l JOIN audit_event e ON e.id = l.event_id ORDER BY l.sequence")
        assert cursor.fetchall() == [("connect",), ("sync",)]


def test_it_does_not_deadlock_transactions_that_write_into_the_same_chains(alice: Any, mallory: Any) -> None:
    record(Action.SYNC, subject=alice)
    record(Action.SYNC, subject=mallory)
    ready = threading.Barrier(2, timeout=20)
    orders = iter([(alice, mallory), (mallory, alice)])

    def work() -> None:
        order = next(orders)
        for _ in range(25):
            with transaction.atomic():
                for subject in order:
                    record(Action.SYNC, subject=subject)
                ready.wait()

    assert in_threads(2, work) == [None, None]
    assert list_problems() == []


def test_it_links_only_events_of_committed_savepoints(alice: Any) -> None:
    with transaction.atomic():
        record(Action.SYNC, subject=alice)
        with suppress(ZeroDivisionError), transaction.atomic():
            record(Action.DISCONNECT, subject=alice)
            raise ZeroDivisionError
        record(Action.CONNECT, subject=alice)
    with tenant(alice.pk), connection.cursor() as cursor:
        cursor.execute("SELECT e.action FROM audit_link l JOIN audit_event e ON e.id = l.event_id ORDER BY l.sequence")
        assert cursor.fetchall() == [("sync",), ("connect",)]


def test_it_reads_tables_only_by_index(chain: str) -> None:
    scans = "SELECT sum(seq_scan), sum(idx_scan) FROM pg_stat_xact_user_tables WHERE relname LIKE 'audit_%%'"
    with transaction.atomic(), connection.cursor() as cursor:
        for _ in range(10):
            record(Action.SYNC, subject=UUID(chain))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(scans, [])
        sequential, by_index = cursor.fetchone()
    assert sequential == 0
    assert by_index > 0


def test_it_closes_the_connection_of_durable_events(alice: Any) -> None:
    def count_sessions() -> int:
        with connections["ops"].cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app_rw' AND datname = current_database()"
            )
            return int(cursor.fetchone()[0])

    record(Action.SYNC, subject=alice)
    before = count_sessions()
    record(Action.SYNC, subject=alice, durable=True)
    # The server notices a moment later that a client has disconnected.
    deadline = time.monotonic() + 20
    while count_sessions() > before:
        assert time.monotonic() < deadline
