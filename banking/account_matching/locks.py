"""The lock under which the accounts and transactions of one user are stored."""

from typing import Final
from uuid import UUID

from django.db import connection

# Two syncs at once would each miss the rows that the other one stores, and could deadlock.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('accounts of ' || %s, 0))"


def lock_accounts(*, owner_id: UUID) -> None:
    """Wait for the lock, and hold it until the open transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [str(owner_id)])


def try_to_lock_accounts(*, owner_id: UUID) -> bool:
    """The same without waiting: ``False`` if rows of this user are being stored now."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK.replace("pg_advisory", "pg_try_advisory"), [str(owner_id)])
        return bool(cursor.fetchone()[0])
