"""The request log: one line per API call, without tokens and bodies."""

from typing import Any

from sandbox.clock import stamp
from sandbox.context import AppContext

SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, path TEXT NOT NULL, item_id TEXT NOT NULL, status INTEGER NOT NULL,
    error_code TEXT NOT NULL, milliseconds INTEGER NOT NULL, request_id TEXT NOT NULL, faults TEXT NOT NULL
);
"""
MOST_REQUESTS = 10_000


def record(
    context: AppContext,
    *,
    path: str,
    item_id: str,
    status: int,
    code: str,
    milliseconds: int,
    request_id: str,
    faults: str,
) -> None:
    """Write one line and delete those before the newest ten thousand. ``status`` 0 means that no response was sent."""
    line = context.store.insert(
        "INSERT INTO requests (at, path, item_id, status, error_code, milliseconds, request_id, faults) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        stamp(context.clock.real()),
        path,
        item_id,
        status,
        code,
        milliseconds,
        request_id,
        faults,
    )
    if line % 500 == 0:
        context.store.execute("DELETE FROM requests WHERE id <= ?", line - MOST_REQUESTS)


def list_requests(context: AppContext, *, path: str = "", item_id: str = "") -> list[dict[str, Any]]:
    """List the stored lines, oldest first, of one path or Item if given."""
    rows = context.store.all(
        "SELECT * FROM requests WHERE ? IN ('', path) AND ? IN ('', item_id) ORDER BY id", path, item_id
    )
    return [dict(row) for row in rows]
