"""How PostgreSQL joins many rows whose number it does not know.

Its statistics may be wrong by any factor: a statement knows nothing of what an earlier one of the same transaction
stored, and after a deletion of most rows a table may count as empty. It then compares each row with each other one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db.backends.utils import CursorWrapper

JOIN_BY_HASH: Final = """
SELECT current_setting('enable_nestloop'), set_config('enable_nestloop', 'off', true)
"""
JOIN_AS_BEFORE: Final = "SELECT set_config('enable_nestloop', %s, true)"


@contextmanager
def hash_joins(cursor: CursorWrapper) -> Iterator[None]:
    """Let the statements inside join by hashes, and read each table once. An error ends the transaction, and this.

    A joined table needs a condition of its own, such as its accounts: without one it is read as a whole.
    """
    cursor.execute(JOIN_BY_HASH)
    before, _ = cursor.fetchone()
    yield
    cursor.execute(JOIN_AS_BEFORE, [before])
