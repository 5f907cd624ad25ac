"""How PostgreSQL joins what a statement has just computed, and has no statistics about."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db.backends.utils import CursorWrapper

# It expects few of these rows, and would compare each with each other one.
JOIN_BY_HASH: Final = "SET LOCAL enable_nestloop = off"
JOIN_AS_BEFORE: Final = "SET LOCAL enable_nestloop TO DEFAULT"


@contextmanager
def hash_joins(cursor: CursorWrapper) -> Iterator[None]:
    """Let the statements inside join by hashes. An error ends the transaction, and this with it."""
    cursor.execute(JOIN_BY_HASH)
    yield
    cursor.execute(JOIN_AS_BEFORE)
