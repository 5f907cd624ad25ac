"""The purge of the audit trail: what it deletes, what the database refuses to delete, and what verification says."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import time_machine
from django.db import ProgrammingError, connection, connections
from django.utils import timezone

from compliance.audit import Action, checkpoints, record
from compliance.audit.chain import Verification
from compliance.audit.checkpoints import RETENTION, Checkpoint, CheckpointTooNew, is_signed, purge_trail
from compliance.audit.faults import ChainFault, ChainProblem
from compliance.isolation import tenant
from compliance.tasks import purge_audit_trail
from compliance.tests.conftest import default_and_ops
from compliance.tests.tampering import connect_as_superuser, insert_old_events
from compliance.tests.threads import in_threads

pytestmark = default_and_ops

Admin = psycopg.Connection[Any]


@pytest.fixture
def admin(tamper: Callable[[str], None]) -> Iterator[Admin]:
    """A superuser's connection; what it and the purge do to the trail is undone afterwards."""
    with connect_as_superuser() as session:
        yield session


@pytest.fixture
def chain(alice: Any, admin: Admin) -> UUID:
    """Alice's chain: six events of 400 days ago, four of 366 days ago, two of 364 days ago and one of today."""
    insert_old_events(admin, alice.pk, days=400, count=6)
    insert_old_events(admin, alice.pk, days=366, count=4)
    insert_old_events(admin, alice.pk, days=364, count=2)
    record(Action.SYNC, subject=alice)
    return alice.pk


def list_sequences(subject: UUID) -> list[int]:
    with tenant(subject), connection.cursor() as cursor:
        cursor.execute("SELECT l.sequence FROM audit_link l JOIN audit_event e ON e.id = l.event_id ORDER BY 1")
        return [sequence for (sequence,) in cursor.fetchall()]


def list_problems() -> list[ChainProblem]:
    return list(Verification().find_problems())


def test_it_deletes_what_is_older_than_365_days_and_the_rest_still_verifies(chain: UUID, admin: Admin) -> None:
    assert purge_trail() == 10
    assert list_sequences(chain) == [11, 12, 13]
    verification = Verification()
    assert list(verification.find_problems()) == []
    assert verification.events[chain] == 3
    record(Action.SYNC, subject=chain)
    assert list_sequences(chain) == [11, 12, 13, 14]
    assert list_problems() == []
    assert purge_trail() == 0
    events = admin.execute("SELECT count(*) FROM audit_event WHERE subject = %s", [chain]).fetchone()
    assert events == (4,)


def test_it_deletes_nothing_younger_whatever_it_is_asked(chain: UUID) -> None:
    assert purge_trail(before=timezone.now() + timedelta(days=1000)) == 10
    assert list_sequences(chain) == [11, 12, 13]


def test_it_signs_no_checkpoint_for_younger_events(alice: Any) -> None:
    """Whatever the database's functions propose."""
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        checkpoint = Checkpoint(alice.pk, 1, bytes(32), now - RETENTION)
        with pytest.raises(CheckpointTooNew):
            checkpoint.sign()
        older = checkpoint._replace(purged_until=now - RETENTION - timedelta(microseconds=1))
        assert is_signed(older, older.sign())


def test_it_keeps_more_if_it_is_asked(chain: UUID) -> None:
    assert purge_trail(before=timezone.now() - timedelta(days=380)) == 6
    assert list_sequences(chain)[0] == 7
    assert list_problems() == []


def test_it_goes_on_where_an_earlier_purge_ended(
    chain: UUID, mallory: Any, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert_old_events(admin, mallory.pk, days=500, count=5)
    monkeypatch.setattr(checkpoints, "MOST_EVENTS", 4)
    assert purge_trail() == 15
    assert (list_sequences(chain), list_sequences(mallory.pk)) == ([11, 12, 13], [])
    assert list_problems() == []


def test_it_deletes_a_whole_chain_whose_head_stays(mallory: Any, admin: Admin) -> None:
    insert_old_events(admin, mallory.pk, days=500, count=5)
    purge_audit_trail()
    assert list_problems() == []
    record(Action.SYNC, subject=mallory)
    assert list_sequences(mallory.pk) == [6]
    assert list_problems() == []


def test_it_verifies_since_a_time_before_the_checkpoint(chain: UUID) -> None:
    purge_trail()
    verification = Verification(since=timezone.now() - timedelta(days=800))
    assert list(verification.find_problems()) == []
    assert verification.events[chain] == 3


def test_it_verifies_ones_own_chain_behind_a_checkpoint(chain: UUID, mallory: Any, admin: Admin) -> None:
    insert_old_events(admin, mallory.pk, days=500, count=5)
    purge_trail()
    with tenant(chain):
        verification = Verification(using="default")
        assert list(verification.find_problems()) == []
    assert verification.events == {chain: 3}


# --- The door ---------------------------------------------------------------------------------------------

FORGED_CHECKPOINT = """
    INSERT INTO audit_checkpoint SELECT subject, sequence, hash, {until}, 'sig', sha256('a') || sha256('b')
      FROM audit_link WHERE subject = '{chain}' AND sequence = {sequence}
"""
DELETE_LINKS = "DELETE FROM audit_link WHERE subject = '{chain}' AND sequence <= 10"
DELETE_EVENTS = "DELETE FROM audit_event WHERE subject = '{chain}'"
STATEMENTS = [
    DELETE_LINKS,
    DELETE_EVENTS,
    FORGED_CHECKPOINT.replace("{sequence}", "10").replace("{until}", "now() - interval '366 days'"),
    "DELETE FROM audit_checkpoint",
    "TRUNCATE audit_checkpoint",
    "UPDATE audit_checkpoint SET sequence = sequence + 1",
]


@pytest.mark.parametrize("alias", ["default", "ops"])
@pytest.mark.parametrize("statement", STATEMENTS)
def test_no_role_of_ours_deletes_anything_by_itself(chain: UUID, alias: str, statement: str) -> None:
    assert purge_trail(before=timezone.now() - timedelta(days=399)) == 6
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        tenant(chain),
        connections[alias].cursor() as cursor,
    ):
        cursor.execute(statement.replace("{chain}", str(chain)))


def test_the_site_cannot_call_the_purge(chain: UUID) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), tenant(chain), connection.cursor() as cursor:
        cursor.execute("SELECT audit_purge('{}', '{}', '{}', 'sig', '{}')")


@pytest.fixture(params=["app_owner as audit_owner", "superuser"])
def powerful(request: pytest.FixtureRequest, admin: Admin) -> Admin:
    """A session that has every privilege on the tables, while the triggers are enabled."""
    if request.param != "superuser":
        admin.execute("SET SESSION AUTHORIZATION app_owner")
        admin.execute("SET ROLE audit_owner")
    return admin


@pytest.mark.parametrize("mode", ["origin", "replica"])
@pytest.mark.parametrize(
    "statement",
    [
        DELETE_LINKS,
        DELETE_EVENTS,
        # Past the oldest event that has to stay, or with a time that is not that of the newest deleted event.
        FORGED_CHECKPOINT.replace("{sequence}", "13").replace("{until}", "now() - interval '366 days'"),
        FORGED_CHECKPOINT.replace("{sequence}", "12").replace("{until}", "now() - interval '1 day'"),
        FORGED_CHECKPOINT.replace("{sequence}", "10").replace("{until}", "now() - interval '399 days'"),
        "TRUNCATE audit_checkpoint",
    ],
)
def test_even_the_owner_of_the_tables_cannot_delete_while_triggers_are_enabled(
    chain: UUID, powerful: Admin, statement: str, mode: str
) -> None:
    if mode == "replica":
        powerful.execute("RESET ROLE; RESET SESSION AUTHORIZATION; SET session_replication_role = replica")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        powerful.execute(statement.replace("{chain}", str(chain)))
    powerful.execute("RESET ROLE; RESET SESSION AUTHORIZATION")
    assert len(list_sequences(chain)) == 13


def test_the_function_itself_refuses_to_delete_what_is_younger(chain: UUID) -> None:
    call = "SELECT audit_purge(ARRAY[%s::uuid], ARRAY[12], ARRAY[now()], 'sig', ARRAY[sha256('a') || sha256('b')])"
    with pytest.raises(ProgrammingError, match="never changed"), connections["ops"].cursor() as cursor:
        cursor.execute(call, [chain])
    assert len(list_sequences(chain)) == 13


# --- Tampering --------------------------------------------------------------------------------------------


def find_faults(chain: UUID) -> dict[int, ChainFault]:
    problems = list_problems()
    assert {problem.subject for problem in problems} <= {chain}
    return {problem.sequence: problem.fault for problem in problems}


@pytest.mark.parametrize(
    ("statement", "faults"),
    [
        ("DELETE FROM audit_checkpoint WHERE subject = '{chain}'", {11: ChainFault.PREDECESSOR_MISSING}),
        (
            "UPDATE audit_checkpoint SET purged_until = purged_until + interval '1 day' WHERE subject = '{chain}'",
            {10: ChainFault.CHECKPOINT_FORGED},
        ),
        ("UPDATE audit_checkpoint SET key_id = 'sig-1' WHERE subject = '{chain}'", {10: ChainFault.CHECKPOINT_FORGED}),
        (
            "UPDATE audit_checkpoint SET hash = sha256('x') WHERE subject = '{chain}'",
            {10: ChainFault.CHECKPOINT_FORGED, 11: ChainFault.CHANGED},
        ),
        (
            # More cut off than was purged, and the checkpoint moved there.
            "UPDATE audit_checkpoint c SET sequence = l.sequence, hash = l.hash FROM audit_link l"
            " WHERE c.subject = l.subject AND l.sequence = 12 AND c.subject = '{chain}';"
            " DELETE FROM audit_link WHERE subject = '{chain}' AND sequence <= 12;"
            " DELETE FROM audit_event e WHERE subject = '{chain}'"
            " AND NOT EXISTS (SELECT FROM audit_link l WHERE l.event_id = e.id)",
            {12: ChainFault.CHECKPOINT_FORGED},
        ),
    ],
    ids=["deleted", "time moved", "unknown key", "hash changed", "moved ahead"],
)
def test_it_finds_a_checkpoint_that_was_changed(
    chain: UUID, tamper: Callable[[str], None], statement: str, faults: dict[int, ChainFault]
) -> None:
    purge_trail()
    tamper(statement.replace("{chain}", str(chain)))
    assert find_faults(chain) == faults


def test_it_finds_a_chain_that_was_cut_to_its_checkpoint(mallory: Any, admin: Admin, tamper: Any) -> None:
    insert_old_events(admin, mallory.pk, days=500, count=5)
    purge_trail()
    record(Action.SYNC, subject=mallory)
    tamper(
        f"DELETE FROM audit_link WHERE subject = '{mallory.pk}'; DELETE FROM audit_event WHERE subject = '{mallory.pk}'"
    )
    assert find_faults(mallory.pk) == {6: ChainFault.CHAIN_MISSING}


def test_it_does_not_purge_past_an_event_that_is_missing(chain: UUID, tamper: Callable[[str], None]) -> None:
    """The evidence stays: a purge must not make a broken chain verify again."""
    fourth = f"(SELECT event_id FROM audit_link WHERE subject = '{chain}' AND sequence = 4)"
    tamper(f"DELETE FROM audit_event WHERE id = {fourth}")
    assert purge_trail() == 3
    assert find_faults(chain) == {4: ChainFault.EVENT_MISSING}
    tamper(f"DELETE FROM audit_link WHERE subject = '{chain}' AND sequence = 4")
    assert purge_trail() == 0
    assert find_faults(chain) == {5: ChainFault.PREDECESSOR_MISSING}


# --- At the same time -------------------------------------------------------------------------------------


def test_it_purges_while_events_are_written_and_verified(
    mallory: Any, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert_old_events(admin, mallory.pk, days=366, count=300)
    monkeypatch.setattr(checkpoints, "MOST_EVENTS", 3)
    jobs = iter(["purge", "write", "verify"])
    problems: list[ChainProblem] = []

    def work() -> int:
        job = next(jobs)
        if job == "purge":
            return purge_trail()
        for _ in range(40 if job == "write" else 8):
            if job == "write":
                record(Action.SYNC, subject=mallory)
            else:
                problems.extend(list_problems())
        return 0

    assert sorted(in_threads(3, work)) == [0, 0, 300]
    assert (problems, list_problems()) == ([], [])
    assert list_sequences(mallory.pk) == list(range(301, 341))


def test_two_purges_at_once_delete_everything_once(chain: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MOST_EVENTS", 2)
    counts = in_threads(2, purge_trail)
    assert sum([*counts, purge_trail()]) == 10
    assert list_sequences(chain) == [11, 12, 13]
    assert list_problems() == []


def test_it_keeps_events_behind_a_younger_one(chain: UUID, admin: Admin) -> None:
    """A transaction may be long: its events are older than those that were linked before them."""
    insert_old_events(admin, chain, days=400, count=1)
    assert purge_trail() == 10
    assert list_sequences(chain) == [11, 12, 13, 14]
    assert list_problems() == []
