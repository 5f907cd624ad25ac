"""The outbox: every webhook is stored before it is sent, and retried until it is accepted.

Plaid waits 10 seconds for a 200 and retries after 30 seconds, then four times longer each time, for a day:
seven deliveries. Every attempt has a new signature. Source: https://plaid.com/docs/api/webhooks/
"""

import json
import logging
import sqlite3
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import urllib3

from sandbox.clock import stamp
from sandbox.context import AppContext
from sandbox.webhooks import signing

SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY, item_id TEXT NOT NULL, url TEXT NOT NULL, body TEXT NOT NULL, tamper TEXT NOT NULL,
    status TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL, due_at TEXT NOT NULL,
    last_status INTEGER, last_error TEXT
);
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (status, due_at);
"""
logger = logging.getLogger(__name__)

HELD = "outbox.held"
WAIT_SECONDS = 10
FIRST_RETRY = timedelta(seconds=30)
DELIVERIES = 7
IDLE_SECONDS = 0.1
SENDERS = 4


def post(
    context: AppContext, item_id: str, url: str, payload: dict[str, Any], *, tamper: str = "", delay: float = 0
) -> int:
    """Store a webhook for delivery after ``delay`` seconds; return its id. The body is indented by 2, as Plaid's."""
    return _write(context, item_id, url, json.dumps(payload, indent=2), tamper, delay)


def replay(context: AppContext, message_id: int, *, tamper: str = "", delay: float = 0) -> int:
    """Send a message again, as a new one; return its id. Raises LookupError for an unknown id."""
    row = context.store.one("SELECT * FROM outbox WHERE id = ?", message_id)
    if row is None:
        raise LookupError(f"no webhook {message_id}")
    return _write(context, row["item_id"], row["url"], row["body"], tamper, delay)


def hold(context: AppContext) -> None:
    """Hold all deliveries until ``release``."""
    context.store.set(HELD, "yes")


def release(context: AppContext, *, newest_first: bool = False) -> None:
    """Release the held deliveries, in order or in reverse, a fifth of a second apart."""
    waiting = context.store.all("SELECT id FROM outbox WHERE status = 'waiting' ORDER BY id")
    now = context.clock.now()
    for place, row in enumerate(reversed(waiting) if newest_first else waiting):
        due = stamp(now + timedelta(seconds=place / 5))
        context.store.execute("UPDATE outbox SET due_at = ? WHERE id = ?", due, row["id"])
    context.store.set(HELD, "")


def messages(context: AppContext) -> list[dict[str, Any]]:
    """List all webhooks, oldest first, their bodies as objects."""
    rows = context.store.all("SELECT * FROM outbox ORDER BY id")
    return [{**dict(row), "body": json.loads(row["body"])} for row in rows]


class Sender:
    """Delivers due webhooks in a few threads until ``context.stopping`` is set."""

    def __init__(self, context: AppContext) -> None:
        """Nothing is sent before ``start``."""
        self._context = context
        self._http = urllib3.PoolManager(maxsize=SENDERS, retries=False, timeout=WAIT_SECONDS)
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhook")
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Start; deliveries that were in progress when the sandbox last stopped are sent again."""
        self._context.store.execute("UPDATE outbox SET status = 'waiting' WHERE status = 'sending'")
        self._thread.start()

    def join(self) -> None:
        """Wait until the last delivery has ended. Set ``context.stopping`` first."""
        self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        while not self._context.stopping.wait(IDLE_SECONDS):
            for row in _claim(self._context):
                self._pool.submit(deliver, self._context, self._http, row).add_done_callback(_report)


def deliver(context: AppContext, http: urllib3.PoolManager, row: sqlite3.Row) -> None:
    """Make one attempt and store its result."""
    signed = row["body"].encode()
    headers = {"Content-Type": "application/json", "Plaid-Verification": signing.sign(context, signed, row["tamper"])}
    sent = signed + b" " if row["tamper"] == "body" else signed
    status, error = None, None
    try:
        status = http.request("POST", row["url"], body=sent, headers=headers, redirect=False).status
    except urllib3.exceptions.HTTPError as failure:
        error = type(failure).__name__
    _record(context, row, status, error)


def _report(delivery: Future[None]) -> None:
    """Log an exception of a thread of the pool, which would be lost otherwise."""
    if error := delivery.exception():
        logger.error("a webhook could not be sent", exc_info=error)


def _record(context: AppContext, row: sqlite3.Row, status: int | None, error: str | None) -> None:
    attempts = row["attempts"] + 1
    outcome = "delivered" if status == 200 else "waiting" if attempts < DELIVERIES else "failed"
    due = stamp(context.clock.now() + FIRST_RETRY * 4 ** (attempts - 1))
    context.store.execute(
        "UPDATE outbox SET status = ?, attempts = ?, due_at = ?, last_status = ?, last_error = ? WHERE id = ?",
        outcome,
        attempts,
        due,
        status,
        error,
        row["id"],
    )


def _write(context: AppContext, item_id: str, url: str, body: str, tamper: str, delay: float) -> int:
    now = context.clock.now()
    return context.store.insert(
        "INSERT INTO outbox (item_id, url, body, tamper, status, created_at, due_at) "
        "VALUES (?, ?, ?, ?, 'waiting', ?, ?)",
        item_id,
        url,
        body,
        tamper,
        stamp(now),
        stamp(now + timedelta(seconds=delay)),
    )


def _claim(context: AppContext) -> list[sqlite3.Row]:
    """Mark due webhooks as being sent, oldest first, so that they are sent once."""
    if context.store.setting(HELD):
        return []
    due = "SELECT * FROM outbox WHERE status = 'waiting' AND due_at <= ? ORDER BY due_at, id LIMIT ?"
    rows = context.store.all(due, stamp(context.clock.now()), SENDERS)
    for row in rows:
        context.store.execute("UPDATE outbox SET status = 'sending' WHERE id = ?", row["id"])
    return rows
