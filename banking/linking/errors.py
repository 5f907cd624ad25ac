"""The errors of linking."""

from banking.models import Item, LinkSession
from banking.provider import PublicTokenRefused


class LinkError(Exception):
    """Linking failed; ``reason`` is a key of ``link_messages.LINK_ERROR_MESSAGES``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ExchangeLost(PublicTokenRefused):
    """The public token was used, and the response with the access token did not arrive."""


class DialogLeft(LinkError):
    """The user left the provider's own pages of a session without a connection."""

    def __init__(self, session: LinkSession) -> None:
        super().__init__("left")
        self.session = session


class DuplicateBank(LinkError):
    """The same login at the same bank is already linked, as ``item``."""

    def __init__(self, item: Item) -> None:
        super().__init__("duplicate")
        self.item = item
