"""One SQLite file that holds all state of one sandbox, so that a restart forgets nothing.

Every room brings its own tables: it passes its ``CREATE TABLE IF NOT EXISTS`` text to ``Store.create``.
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
    """A thread-safe door to the file: one connection per thread, many readers, one writer at a time."""

    def __init__(self, directory: Path) -> None:
        """Open (and if need be make) the file in ``directory``; both are readable by their owner only."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = directory / FILE
        self.path.touch(mode=0o600)
        self._local = threading.local()
        self.create(SETTINGS)

    def create(self, schema: str) -> None:
        """Make a room's tables. ``schema`` must be safe to run again: every statement says IF NOT EXISTS."""
        self._connection.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: everything written inside is kept together, or dropped if an exception leaves.

        Takes the write lock at once, so a read inside sees nothing change. An inner transaction joins the outer.
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
        """Run one writing statement with ``?`` placeholders; gives the number of rows it touched."""
        return self._connection.execute(sql, values).rowcount

    def insert(self, sql: str, *values: Any) -> int:
        """Run one INSERT; gives the new row's integer id."""
        row_id = self._connection.execute(sql, values).lastrowid
        if row_id is None:
            raise LookupError("the statement inserted no row")
        return row_id

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one writing statement for each row of values. Wrap in ``transaction()`` for speed."""
        self._connection.executemany(sql, rows)

    def all(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query; columns are read by name: ``row["item_id"]``."""
        return self._connection.execute(sql, values).fetchall()

    def query(self, sql: str, values: dict[str, Any]) -> list[sqlite3.Row]:
        """All rows of a query with named ``:name`` placeholders."""
        return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def setting(self, name: str, default: str = "") -> str:
        """A small named value that survives restarts."""
        row = self.one("SELECT value FROM settings WHERE name = ?", name)
        return row["value"] if row else default

    def set(self, name: str, value: str) -> None:
        """Keep a small named value."""
        self.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", name, value)

    def empty(self) -> None:
        """Forget every row of every table; the tables stay."""
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
