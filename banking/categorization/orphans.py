"""Rows about transactions that were deleted."""

from uuid import UUID

from django.db import connection

from banking.categorization import statements


def delete_orphaned_rows(*, owner_id: UUID) -> None:
    """Delete tags and changes of rules whose transaction is no longer stored."""
    with connection.cursor() as cursor:
        for statement in statements.DELETE_ORPHANS:
            cursor.execute(statement, {"owner": owner_id})
