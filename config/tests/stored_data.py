"""Everything that the site stores, as text: each row of each table, and each key of Redis."""

import json
from collections.abc import Iterator

from django.contrib.sessions.models import Session
from django.core.cache import cache

from conftest import connect_as_role


def read_all_tables() -> Iterator[tuple[str, str]]:
    """Yield the name of every table with each row as text, as in a copy of the database."""
    with connect_as_role("ops") as operator:
        tables = operator.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public'"
            " AND has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT')"
        ).fetchall()
        assert len(tables) > 40
        for (table,) in tables:
            for (row,) in operator.execute(f"SELECT row_::text FROM {table} AS row_"):
                yield table, row


def read_sessions() -> Iterator[tuple[str, str]]:
    """Yield the data of every session, which its row has in a compressed form."""
    for row in Session.objects.all():
        yield "sessions.Session", json.dumps(row.get_decoded())


def read_redis() -> Iterator[tuple[str, str]]:
    """Yield every key of Redis with its content, of this and of all other processes."""
    redis = cache.client.get_client()  # type: ignore[attr-defined]
    for key in redis.scan_iter():
        yield key.decode("latin-1"), (redis.dump(key) or b"").decode("latin-1")
