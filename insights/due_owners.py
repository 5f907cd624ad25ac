"""Whose figures are checked now: everybody who has a bank has one hour of the day."""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from django.db import connection

FIRST_ID: Final = UUID(int=0)
OWNERS_DUE: Final = "SELECT owner_id FROM insights_owners_due(%s, %s, %s)"


def list_owners_due(*, hour: int, limit: int) -> Iterator[UUID]:
    """All users whose figures are checked in an hour of the day (0 to 23), queried in chunks."""
    after = FIRST_ID
    while chunk := _chunk(hour, after, limit):
        yield from chunk
        after = chunk[-1]


def _chunk(hour: int, after: UUID, limit: int) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(OWNERS_DUE, [hour, after, limit])
        return [owner for (owner,) in cursor.fetchall()]
