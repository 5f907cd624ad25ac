"""Whose turn it is. These questions are about everybody, so the database answers them through narrow functions that
give ids away and nothing else (see ``migrations/0002_isolation.py``)."""

from uuid import UUID

from django.db import connection


def claim_due_pulls(*, limit: int) -> list[UUID]:
    """Name up to ``limit`` people whose report is due, moving their time on so that none is named twice."""
    return _query_owners("SELECT owner_id FROM credit_claim_due_pulls(%s)", limit)


def list_idle_ssns(*, limit: int) -> list[UUID]:
    """Name up to ``limit`` people whose Social Security number is kept and who have not signed in for 90 days."""
    return _query_owners("SELECT owner_id FROM credit_idle_numbers(%s)", limit)


def _query_owners(question: str, limit: int) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(question, [limit])
        return [owner_id for (owner_id,) in cursor.fetchall()]
