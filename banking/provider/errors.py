"""Errors of a provider, which its package raises in place of its vendor's."""

from enum import StrEnum
from typing import ClassVar


class Fault(StrEnum):
    """Who caused a failure, so that no page blames a bank for another's fault."""

    OURS = "ours"
    PROVIDER = "provider"
    BANK = "bank"


class ProviderError(Exception):
    """A call of the provider failed or could not be made. It counts as our fault unless a subclass says otherwise.

    ``code`` is the vendor's error code, for operators, and ``reason`` the vendor's code of its cause, if it sends one;
    ``request_id`` is for the vendor's support. Neither the message nor any attribute ever contains a token, a secret or
    a request body.
    """

    fault: ClassVar = Fault.OURS

    def __init__(self, code: str, *, request_id: str = "", detail: str = "", reason: str = "") -> None:
        super().__init__(f"{code} (request {request_id or 'unknown'}){': ' + detail if detail else ''}")
        self.code = code
        self.reason = reason
        self.request_id = request_id


class Unavailable(ProviderError):
    """The provider or the bank does not respond now. The same call may work later."""

    fault: ClassVar = Fault.PROVIDER


class TimedOut(Unavailable):
    """No response arrived in time. The call may have been executed."""


class RateLimited(Unavailable):
    """Too many calls; wait at least ``retry_after`` seconds. ``scope`` is item, client or institution.

    Nobody's failure: neither the person nor their bank can do anything about it. The provider refused the call, or this
    site did not make it, because the provider would have.
    """

    def __init__(self, code: str, *, scope: str, retry_after: int = 60, request_id: str = "") -> None:
        super().__init__(code, request_id=request_id)
        self.scope = scope
        self.retry_after = retry_after


class InstitutionDown(Unavailable):
    """The bank has problems that the user cannot solve. Only waiting helps."""

    fault: ClassVar = Fault.BANK


class LoginRequired(ProviderError):
    """The bank requires the user to sign in again."""


class ConsentRequired(ProviderError):
    """The user has to consent to more before this product can be read."""


class ItemNotFound(ProviderError):
    """The Item no longer exists at the provider, or access was withdrawn permanently."""


class PermissionRevoked(ItemNotFound):
    """The user withdrew the access elsewhere. The Item still exists, and is billed, until it is removed."""


class Unsupported(ProviderError):
    """This bank or account does not support this product."""


class NotReady(ProviderError):
    """The provider is still preparing the data."""


class MutationDuringPagination(ProviderError):
    """The stream changed while its pages were read. Start again from the first cursor of this sync."""


class InvalidCursor(ProviderError):
    """The stored cursor is no longer accepted. Read the whole stream again."""


class PublicTokenRefused(ProviderError):
    """The public token is expired, was used already, or never existed."""


class ProviderConfigurationError(ProviderError):
    """Our keys, environment or request are wrong. An operator has to act; the Item is not the cause."""


class MalformedResponse(ProviderError):
    """The provider's response breaks its contract."""
