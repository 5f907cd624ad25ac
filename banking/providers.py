"""The bank data providers of this site. ``BANK_PROVIDERS`` in the settings names each one's class by its key."""

import functools

from django.conf import settings
from django.db.models import Q
from django.utils.module_loading import import_string

from banking.provider import Provider, ProviderConfigurationError

DEFAULT_PROVIDER = "plaid"


def provider_for(key: str) -> Provider:
    """Return the provider of a key that a row stores. Raises ``ProviderConfigurationError`` for an unknown key."""
    path = settings.BANK_PROVIDERS.get(key)
    if path is None:
        raise ProviderConfigurationError("UNKNOWN_PROVIDER")
    return _load(path)


def find_provider(key: str) -> Provider | None:
    """Return the provider of a key that a row stores, or ``None`` if the settings no longer list it."""
    return provider_for(key) if key in settings.BANK_PROVIDERS else None


def all_providers() -> list[Provider]:
    """Every provider of this site, in the order of the settings."""
    return [provider_for(key) for key in settings.BANK_PROVIDERS]


def provider_choices() -> list[tuple[str, str]]:
    """Choices for a model field: key and name of each provider."""
    return [(provider.key, provider.name) for provider in all_providers()]


def is_current(provider_key: str, environment: str) -> bool:
    """Whether the site uses this environment of this provider."""
    provider = find_provider(provider_key)
    return provider is not None and provider.environment == environment


def in_current_environments(path: str = "") -> Q:
    """Match rows of the environments that the site uses.

    ``path`` leads to the model with the fields ``provider`` and ``environment``, as in ``"item__"``.
    """
    matches = [
        Q(**{f"{path}provider": provider.key, f"{path}environment": provider.environment})
        for provider in all_providers()
    ]
    return functools.reduce(Q.__or__, matches, Q(pk__in=[])) if len(matches) != 1 else matches[0]


def in_billed_environments() -> Q:
    """Match rows of environments in which a provider bills Items until they are removed, also of other ones."""
    matches = [Q(provider=provider.key, environment__in=provider.billed_environments) for provider in all_providers()]
    return functools.reduce(Q.__or__, matches, Q(pk__in=[]))


@functools.cache
def _load(path: str) -> Provider:
    provider: Provider = import_string(path)()
    return provider
