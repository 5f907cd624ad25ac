"""The export of a user with 100,000 transactions, as CSV and as JSON, compared with a raw COPY and deflate of them.

The memory of that export is measured too, and that of a user with as many audit events.
"""

import statistics
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection

from banking.models import Transaction
from bench.harness import database
from bench.harness.rounds import (
    Case,
    goal_at_most,
    measure_seconds,
    median,
    print_result,
    ratios,
    run_rounds,
)
from compliance.audit import Action
from compliance.audit.payload import seal_details
from compliance.export import lifecycle, storage
from compliance.export.building import build_export
from compliance.export.data_export import DataExport
from compliance.isolation import tenant
from compliance.personal_data.registry import list_holders

ROWS = 100_000
SIZES = (10_000, ROWS, 1_000_000)
DEFLATE_LEVEL = 6
BLOCK_BYTES = 256 * 1024
EVENT_SIZES = (10_000, ROWS)
EVENTS_PER_TRANSACTION = 10_000

INSERT_EVENTS = """
    INSERT INTO audit_event (subject, actor, action, resource, resource_id, outcome, payload)
    SELECT %s, %s, %s, %s, %s, %s, %s FROM generate_series(1, %s)
"""


def copy_and_deflate(owner_id: UUID) -> int:
    """Copy all exported columns of the transactions, compressed; return the compressed size."""
    holder = next(holder for holder in list_holders() if holder.model is Transaction)
    columns = ", ".join(f'"{name}"' for name in holder.exported)
    query = f"COPY (SELECT {columns} FROM banking_transaction WHERE owner_id = '{owner_id}') TO STDOUT (FORMAT csv)"
    deflate = zlib.compressobj(DEFLATE_LEVEL)
    size, lines, length = 0, [], 0
    with database.open_connection("default") as session:
        database.bind_owner(session, owner_id)
        with session.cursor().copy(query) as copy:
            for line in copy:
                lines.append(line)
                length += len(line)
                if length >= BLOCK_BYTES:
                    size += len(deflate.compress(b"".join(lines)))
                    lines, length = [], 0
    return size + len(deflate.compress(b"".join(lines))) + len(deflate.flush())


def insert_events(owner_id: UUID, count: int) -> None:
    """Store events with details that their owner's key opens; the database links them as it always does."""
    public_fields = (owner_id, owner_id, str(Action.USER_LOGIN), "session", "", "ok")
    with tenant(owner_id):
        details = {"ip": "203.0.113.7", "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"}
        payload = seal_details(details, subject=owner_id, public_fields=public_fields)
    for _ in range(count // EVENTS_PER_TRANSACTION):
        with tenant(owner_id), connection.cursor() as cursor:
            cursor.execute(INSERT_EVENTS, [*public_fields, payload, EVENTS_PER_TRANSACTION])


def write_export(owner_id: UUID) -> DataExport:
    """Request an export, and write it as a worker does: encrypted, on disk, and verified."""
    export = lifecycle.request_export(owner_id=owner_id)
    if not build_export(owner_id=owner_id, export_id=export.pk):
        raise SystemExit("The export was not written.")
    with tenant(owner_id):
        return DataExport.objects.get(pk=export.pk)


def measure_export(owner_id: UUID) -> Case:
    """Return a case that measures the seconds of an export, without its request and its deletion."""

    def measure() -> float:
        export = lifecycle.request_export(owner_id=owner_id)
        seconds = measure_seconds(lambda: build_export(owner_id=owner_id, export_id=export.pk))
        lifecycle.delete_export(owner_id=owner_id, export_id=export.pk)
        return seconds

    return measure


def measure_memory(owner_id: UUID) -> float:
    """Return the MiB above its start that a worker needs for an export, in a process of its own."""
    command = [sys.executable, "-m", "bench.privacy.export_memory", str(owner_id), settings.EXPORT_DIR]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def create_trails() -> dict[int, UUID]:
    """Create a user for each number of events."""
    owners = {}
    for count in EVENT_SIZES:
        owners[count] = database.create_user(f"trail{count}@plumbline.example").pk
        insert_events(owners[count], count)
    return owners


def measure_growth(memory: dict[int, list[float]]) -> float:
    """Return how many times the memory of the smallest export the largest one needs."""
    return round(statistics.median(memory[max(memory)]) / statistics.median(memory[min(memory)]), 2)


def main() -> None:
    database.prepare()
    trails, owners = create_trails(), {}
    for rows in SIZES:
        user = database.create_user(f"export{rows}@plumbline.example")
        database.insert_history([user], rows_per_user=rows)
        owners[rows] = user.pk
    database.vacuum()
    with tempfile.TemporaryDirectory() as folder:
        settings.EXPORT_DIR = folder
        rounds = run_rounds(
            {
                "export": measure_export(owners[ROWS]),
                "copy": lambda: measure_seconds(lambda: copy_and_deflate(owners[ROWS])),
            }
        )
        memory = {rows: [measure_memory(owner_id) for _ in range(3)] for rows, owner_id in owners.items()}
        trail_memory = {count: [measure_memory(owner_id) for _ in range(3)] for count, owner_id in trails.items()}
        export = write_export(owners[ROWS])
        stored_bytes = Path(storage.export_path(export.pk)).stat().st_size
    print_result(
        "export",
        {
            "export_to_copy_and_deflate": goal_at_most(2, ratios(rounds, "export", "copy")),
            "mebibytes_above_start": goal_at_most(16, memory[ROWS]),
            "mebibytes_above_start_for_1_000_000": goal_at_most(16, memory[SIZES[-1]]),
            "mebibytes_above_start_for_100_000_events": goal_at_most(16, trail_memory[ROWS]),
        },
        seconds={name: median(rounds, name) for name in ("export", "copy")},
        memory_of_1_000_000_to_10_000=measure_growth(memory),
        memory_of_100_000_to_10_000_events=measure_growth(trail_memory),
        kilobytes={"stored": stored_bytes // 1000, "copy": copy_and_deflate(owners[ROWS]) // 1000},
    )


if __name__ == "__main__":
    main()
