"""Whether the site may work on a user's data by itself: not after a deactivation or a request for deletion.

The definer functions that list due work have the same condition in SQL.
"""

from uuid import UUID

from accounts.users.models import User


class ProcessingStopped(Exception):
    """The account is deactivated, scheduled for deletion, or gone. No data of it is fetched."""


def may_process(user_id: UUID) -> bool:
    """Return whether data of this user may be fetched now."""
    return User.objects.filter(pk=user_id, is_active=True, deleted_at=None).exists()


def require_processing(user_id: UUID) -> None:
    """Raise ``ProcessingStopped`` unless data of this user may be fetched now."""
    if not may_process(user_id):
        raise ProcessingStopped
