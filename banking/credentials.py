"""Decrypt the access token of an Item: only here, and each time recorded in its owner's audit trail."""

from enum import StrEnum
from functools import partial

from accounts.models import User
from banking.models import Item, OrphanedRemoval, PendingRemoval
from banking.provider import ProviderError
from compliance.audit import Action, record
from compliance.vault import SealError

UNREADABLE_CODE = "CREDENTIAL_UNREADABLE"


class TokenPurpose(StrEnum):
    """What a decrypted token is used for. The values are stored in audit events; never change or reuse one."""

    SYNC = "sync"
    PRODUCTS = "products"
    RECONNECT = "reconnect"
    CONFIRM_RECONNECT = "confirm_reconnect"
    DISCONNECT = "disconnect"
    REMOVE = "remove"
    CHECK = "check"
    UPDATE_WEBHOOK = "update_webhook"


class CredentialUnreadable(ProviderError):
    """The stored token is missing, or cannot be decrypted, of which operators are notified: no call is possible.

    A ``ProviderError``, because it has the same consequences as a token that the provider rejects.
    """

    def __init__(self) -> None:
        super().__init__(UNREADABLE_CODE)


def open_token(
    row: Item | OrphanedRemoval | PendingRemoval, *, purpose: TokenPurpose, actor: User | None = None
) -> str:
    """Decrypt the token of a row, and record it with its purpose in the current transaction of the owner.

    Raises ``CredentialUnreadable``, which is recorded at once: the caller may roll its transaction back.
    """
    item_id = row.item_id if isinstance(row, PendingRemoval) else row.pk
    # The token of an erased user belongs to the site, and so does the event.
    subject = row.owner if isinstance(row, OrphanedRemoval) else row.owner_id
    record_access = partial(
        record,
        Action.CREDENTIAL_ACCESS,
        actor=actor,
        subject=subject,
        resource="item",
        resource_id=str(item_id),
        purpose=purpose,
    )
    try:
        token = None if row.access_token is None else row.access_token.reveal()
    except SealError:
        token = None
    if token is None:
        record_access(outcome="failed", durable=True)
        raise CredentialUnreadable
    record_access()
    return token
