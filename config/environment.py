"""Reads settings from the environment; an address that cannot be read is named and never shown."""

import datetime
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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

    def date(self, var: str) -> datetime.date | None:
        """A day such as 2026-11-20; None where the setting is empty or missing. Raises ``ImproperlyConfigured``."""
        text = str(self.str(var, ""))
        try:
            return datetime.date.fromisoformat(text) if text else None
        except ValueError:
            raise ImproperlyConfigured(f"{var} has to be a day such as 2026-11-20.") from None

    def load_dev_environment(self, file: Path) -> None:
        """Set what the environment lacks from the file that `make run` wrote. Raises ``ImproperlyConfigured``."""
        values = read_dev_environment(file)
        if not values:
            raise ImproperlyConfigured(
                f"There is no database yet: {file.parent} has not been set up. Run `make run` first, "
                "or set DATABASE_URL and REDIS_URL to services of your own."
            )
        for name, value in values.items():
            self.ENVIRON.setdefault(name, value)


def find_dev_environment(checkout: Path) -> Path:
    """Where `make run` leaves the settings of the services that it starts: in the data directory of the checkout.

    ``devservices/data_dir.py`` has the same rule.
    """
    if named := os.environ.get("DEV_ENVIRONMENT"):
        return Path(named)
    if chosen := os.environ.get("PLUMBLINE_HOME"):
        return Path(chosen).expanduser().resolve() / "site.env"
    if os.geteuid() == 0:
        return Path("/var/lib/plumbline") / hashlib.sha256(os.fsencode(checkout)).hexdigest()[:12] / "site.env"
    return checkout / ".data" / "site.env"


def read_dev_environment(file: Path) -> dict[str, str]:
    """What the file of `make run` says; nothing where there is none, or none that this process may read."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


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
