"""The token of an Item, opened for use; and what it is called where it cannot be opened."""

from banking.models import Item, PendingRemoval
from banking.provider import ProviderError
from compliance.vault import SealError

UNREADABLE_CODE = "CREDENTIAL_UNREADABLE"


class CredentialUnreadable(ProviderError):
    """Our own copy of a token cannot be opened, so the provider cannot be asked; an operator has been told.

    Stands among the provider's errors because the same has to follow as when it refuses a token.
    """

    def __init__(self) -> None:
        super().__init__(UNREADABLE_CODE)


def open_token(row: Item | PendingRemoval) -> str:
    """Open the token that a row keeps. Raises ``CredentialUnreadable``."""
    try:
        return row.access_token.reveal()
    except SealError:
        raise CredentialUnreadable from None
