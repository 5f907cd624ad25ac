"""Which users are due. The queries span all users, so the database runs them in definer functions that return only
ids.

The functions are in ``migrations/0002_isolation.py``.
"""

from uuid import UUID

from django.db import connection


def claim_due_pulls(*, limit: int) -> list[UUID]:
    """Return up to ``limit`` users whose pull is due. Their time moves ahead, so that none is returned twice."""
    return _query_owners("SELECT owner_id FROM credit_claim_due_pulls(%s)", limit)


def list_idle_ssns(*, limit: int) -> list[UUID]:
    """Return up to ``limit`` users with a stored Social Security number who have not signed in for 90 days."""
    return _query_owners("SELECT owner_id FROM credit_idle_ssns(%s)", limit)


def _query_owners(query: str, limit: int) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(query, [limit])
        return [owner_id for (owner_id,) in cursor.fetchall()]
