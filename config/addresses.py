"""Reads the addresses of services from the environment; one that cannot be read is named and never shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured


class Environment(environ.FileAwareEnv):  # type: ignore[misc]
    """The process's environment. Its addresses hold passwords, which libraries repeat when they stumble over one."""

    def get_value(self, var: str, *args: Any, **options: Any) -> Any:
        """A setting's value. Raises ``ImproperlyConfigured`` for a file of secrets that cannot be read."""
        try:
            return super().get_value(var, *args, **options)
        except (OSError, UnicodeDecodeError):
            raise ImproperlyConfigured(f"The file that {var}_FILE names cannot be read as text.") from None

    def db_url(self, var: str, *args: Any, **options: Any) -> Any:
        """A database's address as Django takes it. Raises ``ImproperlyConfigured``."""
        with naming(var):
            return super().db_url(var, *args, **options)

    def email_url(self, var: str, *args: Any, **options: Any) -> Any:
        """A mail server's address as Django takes it. Raises ``ImproperlyConfigured``."""
        with naming(var):
            return super().email_url(var, *args, **options)

    def redis_url(self, var: str) -> str:
        """Redis's address. Raises ``ImproperlyConfigured`` now, where Redis's library would later."""
        address = str(self.str(var))
        with naming(var):
            parts = urlsplit(address)
            if parts.scheme not in ("redis", "rediss", "unix") or (parts.port or 1) < 1:
                raise ValueError
        return address


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Raise ``ImproperlyConfigured`` with a setting's name for an address that is none."""
    try:
        yield
    except (KeyError, ValueError):
        raise ImproperlyConfigured(
            f"{name} cannot be read. Write %2F for a slash in its user or password, %40 for an at sign, "
            "%3A for a colon, %23 for a number sign and %3F for a question mark."
        ) from None
