"""What someone with all rights on the database could do to the audit trail."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

TABLES = ("audit_event", "audit_link", "audit_head", "audit_checkpoint")
# It remembers how long chains were, also those that are restored to what they were before.
RESULTS = "compliance_trailverification"

LAST = "(SELECT event_id FROM audit_link WHERE subject = '{chain}' ORDER BY sequence DESC LIMIT 1)"
THIRD = "(SELECT event_id FROM audit_link WHERE subject = '{chain}' AND sequence = 3)"

TAMPERING = {
    "content changed": (f"UPDATE audit_event SET action = 'connect' WHERE id = {THIRD}", {3}),
    "outcome changed": (f"UPDATE audit_event SET outcome = 'refused' WHERE id = {THIRD}", {3}),
    "actor invented": (f"UPDATE audit_event SET actor = subject WHERE id = {THIRD}", {3}),
    "payload changed": (f"UPDATE audit_event SET payload = payload || 'x' WHERE id = {THIRD}", {3}),
    "time moved by a microsecond": (
        f"UPDATE audit_event SET at = at + interval '1 microsecond' WHERE id = {THIRD}",
        {3},
    ),
    "event deleted": (f"DELETE FROM audit_event WHERE id = {THIRD}", {3}),
    "event and link deleted": (
        f"WITH gone AS (DELETE FROM audit_link WHERE event_id = {THIRD} RETURNING event_id)"
        " DELETE FROM audit_event WHERE id IN (SELECT event_id FROM gone)",
        {4},
    ),
    "beginning cut off": (
        "WITH gone AS (DELETE FROM audit_link WHERE subject = '{chain}' AND sequence < 3 RETURNING event_id)"
        " DELETE FROM audit_event WHERE id IN (SELECT event_id FROM gone)",
        {3},
    ),
    "end cut off": (
        f"WITH gone AS (DELETE FROM audit_link WHERE event_id = {LAST} RETURNING event_id)"
        " DELETE FROM audit_event WHERE id IN (SELECT event_id FROM gone)",
        {4},
    ),
    "two swapped": (
        "UPDATE audit_link SET sequence = -sequence WHERE subject = '{chain}' AND sequence IN (2, 3);"
        " UPDATE audit_link SET sequence = sequence + 5 WHERE subject = '{chain}' AND sequence < 0",
        {2, 3, 4},
    ),
    "link rewritten": ("UPDATE audit_link SET hash = sha256('x') WHERE subject = '{chain}' AND sequence = 3", {3, 4}),
    "head rewritten": ("UPDATE audit_head SET hash = sha256('x') WHERE subject = '{chain}'", {5}),
    "head deleted": ("DELETE FROM audit_head WHERE subject = '{chain}'", {5}),
    "whole chain deleted": (
        "WITH gone AS (DELETE FROM audit_link WHERE subject = '{chain}' RETURNING event_id)"
        " DELETE FROM audit_event WHERE id IN (SELECT event_id FROM gone)",
        {5},
    ),
    "event without link": (
        "INSERT INTO audit_event (subject, action, resource, resource_id, outcome, payload)"
        " VALUES ('{chain}', 'sync', '', '', 'ok', '')",
        {0},
    ),
    "event moved to another user": (
        f"UPDATE audit_event SET subject = gen_random_uuid() WHERE id = {THIRD}",
        {3},
    ),
}

# The end cut off, and the head set back to what is left.
SET_HEAD_BACK = (
    TAMPERING["end cut off"][0]
    + """;
    UPDATE audit_head h SET (sequence, hash) = (
        SELECT sequence, hash FROM audit_link WHERE subject = h.subject ORDER BY sequence DESC LIMIT 1
    ) WHERE subject = '{chain}'"""
)
# The payload of the third event changed, and every hash from there to the head calculated again.
FORGE_PAYLOAD = f"""
    UPDATE audit_event SET payload = payload || 'x' WHERE id = {THIRD};
    DO $$
    DECLARE link audit_link; event audit_event; previous bytea;
    BEGIN
        SELECT hash INTO previous FROM audit_link WHERE subject = '{{chain}}' AND sequence = 2;
        FOR link IN SELECT * FROM audit_link WHERE subject = '{{chain}}' AND sequence >= 3 ORDER BY sequence LOOP
            SELECT * INTO event FROM audit_event WHERE id = link.event_id;
            previous := sha256(int8send(link.sequence) || previous || audit_event_bytes(event));
            UPDATE audit_link SET hash = previous WHERE event_id = link.event_id;
        END LOOP;
        UPDATE audit_head SET hash = previous WHERE subject = '{{chain}}';
    END $$"""
# Every trace of the chain deleted, its head too.
DELETE_CHAIN = TAMPERING["whole chain deleted"][0] + "; DELETE FROM audit_head WHERE subject = '{chain}'"


@contextmanager
def connect_as_superuser() -> Iterator["psycopg.Connection[Any]"]:
    """Yield a superuser's connection that commits each statement."""
    options = {"dbname": connection.settings_dict["NAME"]}
    with psycopg.connect(os.environ["DATABASE_ADMIN_URL"], autocommit=True, **options) as session:
        yield session


@contextmanager
def tampering_superuser() -> Iterator[Callable[[str], None]]:
    """Yield a function that runs SQL as a superuser with the triggers disabled. The trail is restored afterwards."""
    with connect_as_superuser() as admin:
        for table in (*TABLES, RESULTS):
            admin.execute(f"CREATE TEMPORARY TABLE kept_{table} AS SELECT * FROM {table}")
        try:
            yield lambda statement: execute_unguarded(admin, statement)
        finally:
            restore_trail(admin)


def restore_trail(admin: "psycopg.Connection[Any]") -> None:
    for table in ("audit_link", "audit_event", "audit_head", "audit_checkpoint", RESULTS):
        execute_unguarded(admin, f"DELETE FROM {table}")
    for table in (*TABLES, RESULTS):
        overriding = "OVERRIDING SYSTEM VALUE" if table == "audit_event" else ""
        execute_unguarded(admin, f"INSERT INTO {table} {overriding} SELECT * FROM kept_{table}")


def execute_unguarded(session: "psycopg.Connection[Any]", statement: str) -> None:
    with session.transaction():
        for table in TABLES:
            session.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        session.execute(statement)
        for table in TABLES:
            session.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
            session.execute(
                f"DO $$ DECLARE name text; BEGIN FOR name IN SELECT tgname FROM pg_trigger"
                f" WHERE tgrelid = '{table}'::regclass AND NOT tgisinternal LOOP"
                f" EXECUTE format('ALTER TABLE {table} ENABLE ALWAYS TRIGGER %I', name); END LOOP; END $$"
            )


def insert_old_events(session: "psycopg.Connection[Any]", subject: object, *, days: int, count: int) -> None:
    """Store events as if the site had done so ``days`` ago; the database links them as it always does."""
    session.execute(
        "INSERT INTO audit_event (at, subject, action, resource, resource_id, outcome, payload)"
        " SELECT now() - make_interval(days => %s) + number * interval '1 second', %s, 'sync', '', '', 'ok', 'x'"
        " FROM generate_series(1, %s) number",
        [days, subject, count],
    )
