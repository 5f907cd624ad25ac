"""The credit bureaus of this site. ``CREDIT_BUREAUS`` in the settings names each one's class by its key."""

import functools

from django.conf import settings
from django.utils.module_loading import import_string

from credit.provider import Bureau, BureauConfigError


def bureau_for(key: str) -> Bureau:
    """Return the bureau of a key that a row stores. Raises ``BureauConfigError`` for an unknown key."""
    path = settings.CREDIT_BUREAUS.get(key)
    if path is None:
        raise BureauConfigError("UNKNOWN_BUREAU")
    return _load(path)


def find_bureau(key: str) -> Bureau | None:
    """Return the bureau of a key that a row stores, or ``None`` if the settings no longer list it."""
    return bureau_for(key) if key in settings.CREDIT_BUREAUS else None


def is_current_parser(key: str, version: int) -> bool:
    """Whether ``version`` is the current version of a bureau's parser, so that parsing again changes nothing.

    Also true for a bureau that the settings no longer list, because its reports can no longer be parsed.
    """
    bureau = find_bureau(key)
    return bureau is None or bureau.parser_version == version


def current_bureau() -> Bureau:
    """Return the bureau that new reports come from: the first in the settings."""
    return bureau_for(next(iter(settings.CREDIT_BUREAUS)))


@functools.cache
def _load(path: str) -> Bureau:
    bureau: Bureau = import_string(path)()
    return bureau
