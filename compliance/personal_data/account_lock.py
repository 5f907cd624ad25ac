"""The lock of a person's account: their row, which a transaction locks before all other rows of the person."""

from uuid import UUID

from django.contrib.auth import get_user_model


def lock_account(owner_id: UUID) -> bool:
    """Lock a person's row until the open transaction ends. ``False`` if they were erased.

    Requests to delete the account, the erasure, and changes of notifications take it, too. Code that needs it after
    other locks has to take it before them: otherwise it and one of these wait for each other.
    """
    # FOR NO KEY UPDATE, so that other transactions, such as a sync, can write rows that refer to the person.
    users = get_user_model()._default_manager.select_for_update(no_key=True)
    return users.filter(pk=owner_id).exists()
