"""Decrypt the access token of an Item."""

from banking.models import Item, OrphanedRemoval, PendingRemoval
from banking.provider import ProviderError
from compliance.vault import SealError

UNREADABLE_CODE = "CREDENTIAL_UNREADABLE"


class CredentialUnreadable(ProviderError):
    """The stored token cannot be decrypted, so the provider cannot be called; operators are notified.

    A ``ProviderError``, because it has the same consequences as a token that the provider rejects.
    """

    def __init__(self) -> None:
        super().__init__(UNREADABLE_CODE)


def open_token(row: Item | OrphanedRemoval | PendingRemoval) -> str:
    """Decrypt the token of a row. Raises ``CredentialUnreadable``."""
    try:
        return row.access_token.reveal()
    except SealError:
        raise CredentialUnreadable from None
