"""One SQLite file with all state of one sandbox, which survives restarts.

Each module with tables passes its ``CREATE TABLE IF NOT EXISTS`` statements to ``Store.create``.
Money is stored as TEXT (a Decimal's own digits), times as ISO 8601 UTC text, structures as JSON text.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FILE = "sandbox.sqlite3"

SETTINGS = "CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)"


class Store:
    """Thread-safe access to the file: one connection per thread, many readers, one writer at a time."""

    def __init__(self, directory: Path) -> None:
        """Open or create the file in ``directory``; only their owner can read them."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = directory / FILE
        self.path.touch(mode=0o600)
        self._local = threading.local()
        self.create(SETTINGS)

    def create(self, schema: str) -> None:
        """Create a module's tables. Every statement must say IF NOT EXISTS, because it runs at each start."""
        self._connection.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block in a transaction, which is rolled back when it raises.

        It takes the write lock at once, so no other write comes between its reads. A nested one joins the outer one.
        """
        connection = self._connection
        if connection.in_transaction:
            yield
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            connection.rollback()
            raise
        connection.commit()

    def execute(self, sql: str, *values: Any) -> int:
        """Run one writing statement with ``?`` placeholders; return the number of rows that it changed."""
        return self._connection.execute(sql, values).rowcount

    def insert(self, sql: str, *values: Any) -> int:
        """Run one INSERT; return the new row's id."""
        row_id = self._connection.execute(sql, values).lastrowid
        if row_id is None:
            raise LookupError("the statement inserted no row")
        return row_id

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one writing statement for each row of values. A ``transaction()`` around it makes it faster."""
        self._connection.executemany(sql, rows)

    def all(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Return all rows of a query; columns are read by name: ``row["item_id"]``."""
        return self._connection.execute(sql, values).fetchall()

    def query(self, sql: str, values: dict[str, Any]) -> list[sqlite3.Row]:
        """Return all rows of a query with ``:name`` placeholders."""
        return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row of a query, or None."""
        row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def setting(self, name: str, default: str = "") -> str:
        """Return a stored setting."""
        row = self.one("SELECT value FROM settings WHERE name = ?", name)
        return row["value"] if row else default

    def set(self, name: str, value: str) -> None:
        """Store a setting."""
        self.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", name, value)

    def empty(self) -> None:
        """Delete all rows of all tables."""
        with self.transaction():
            for table in self.all("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"):
                self.execute(f'DELETE FROM "{table["name"]}"')  # noqa: S608 - the database's own name

    def close(self) -> None:
        """Close the calling thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection:
            connection.close()
            del self._local.connection

    @property
    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._local.connection = connection
        return connection
