"""Apply a person's rules to the rows that a sync downloaded, before they are stored."""

from uuid import UUID

from django.db.backends.utils import CursorWrapper

from banking.categorization import statements
from banking.joins import hash_joins
from banking.models import CategoryRule


def has_rules(*, owner_id: UUID) -> bool:
    """Whether an owner has any rule that is on."""
    return CategoryRule.objects.filter(owner=owner_id, is_enabled=True).exists()


def apply_rules(cursor: CursorWrapper, *, owner_id: UUID) -> None:
    """Set on the rows of the table ``incoming`` what the rules say; a stored row does not take it over."""
    with hash_joins(cursor):
        cursor.execute(statements.APPLY_TO_INCOMING, {"owner": owner_id})
