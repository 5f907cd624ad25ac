"""The settings of the Plaid client: host and API keys, which are validated, and options of Link."""

from dataclasses import dataclass, field
from typing import Self

from django.conf import settings

from banking.provider import ProviderConfigurationError
from compliance.outbound.loopback import is_loopback_url

# The SDK would send our secret to any host, and to production if none is given.
HOSTS = {"sandbox": "https://sandbox.plaid.com", "production": "https://production.plaid.com"}


@dataclass(frozen=True, slots=True)
class PlaidSettings:
    """The ``PLAID_*`` settings that the client needs; host and keys are validated."""

    environment: str
    host: str
    client_id: str
    secret: str = field(repr=False)
    client_name: str
    language: str
    country_codes: tuple[str, ...]
    redirect_uri: str
    days_requested: int

    @classmethod
    def from_settings(cls) -> Self:
        """Read the ``PLAID_*`` settings. Raises ``ProviderConfigurationError`` for an invalid host or key."""
        return cls(
            environment=settings.PLAID_ENV,
            host=host_of(settings.PLAID_ENV, settings.PLAID_URL),
            client_id=credential(settings.PLAID_CLIENT_ID),
            secret=credential(settings.PLAID_SECRET),
            client_name=settings.PLAID_CLIENT_NAME,
            language=settings.PLAID_LANGUAGE,
            country_codes=tuple(settings.PLAID_COUNTRY_CODES),
            redirect_uri=settings.PLAID_REDIRECT_URI,
            days_requested=settings.PLAID_DAYS_REQUESTED,
        )

    @property
    def token_environment(self) -> str:
        """The environment in tokens and webhooks: the embedded sandbox calls itself sandbox."""
        return "sandbox" if self.environment == "embedded" else self.environment


def host_of(environment: str, url: str) -> str:
    """Return the base URL of an environment, without a trailing slash.

    ``url`` counts only in the embedded environment and must be on this machine. Raises ``ProviderConfigurationError``.
    """
    if environment in HOSTS:
        return HOSTS[environment]
    if environment != "embedded" or not is_loopback_url(url):
        raise ProviderConfigurationError("HOST_REFUSED")
    return url.rstrip("/")


def credential(value: str) -> str:
    """Return an API key as it is. Raises ``ProviderConfigurationError`` if it is empty or cannot stand in a header.

    The HTTP library would refuse such a header too, but with the key in its message.
    """
    if not (value and value.isascii() and value.isprintable() and " " not in value):
        raise ProviderConfigurationError("INVALID_API_KEYS")
    return value
