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


def hold_processing(user_id: UUID) -> None:
    """Keep the account from being deactivated or scheduled for deletion until the open transaction ends.

    Raises ``ProcessingStopped`` if it is already. Waits for such a change that is not committed yet.
    """
    # Rows that refer to the user can still be committed meanwhile.
    users = User.objects.select_for_update(no_key=True)
    if users.filter(pk=user_id, is_active=True, deleted_at=None).first() is None:
        raise ProcessingStopped


def require_processing(user_id: UUID) -> None:
    """Raise ``ProcessingStopped`` unless data of this user may be fetched now."""
    if not may_process(user_id):
        raise ProcessingStopped
