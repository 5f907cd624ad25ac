"""Read settings from environment variables. Errors name an invalid variable but never show its value."""

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
    """The process's environment. URLs in it contain passwords, which libraries would repeat in their errors."""

    def get_value(self, var: str, *args: Any, **options: Any) -> Any:
        """The value of a setting. Raises ``ImproperlyConfigured`` for a secrets file that cannot be read."""
        try:
            return super().get_value(var, *args, **options)
        except (OSError, UnicodeDecodeError):
            raise ImproperlyConfigured(f"The file that {var}_FILE names cannot be read as text.") from None

    def db_url(self, var: str, *args: Any, **options: Any) -> Any:
        """Django's settings for a database URL. Raises ``ImproperlyConfigured``."""
        with hide_value_of(var):
            return super().db_url(var, *args, **options)

    def email_url(self, var: str, *args: Any, **options: Any) -> Any:
        """Django's settings for a mail server's URL. Raises ``ImproperlyConfigured``."""
        with hide_value_of(var):
            return super().email_url(var, *args, **options)

    def redis_url(self, var: str) -> str:
        """A URL of Redis. Raises ``ImproperlyConfigured`` at once, where Redis's library would raise later."""
        url = str(self.str(var))
        with hide_value_of(var):
            parts = urlsplit(url)
            if parts.scheme not in ("redis", "rediss", "unix") or (parts.port or 1) < 1:
                raise ValueError
        return url

    def date(self, var: str) -> datetime.date | None:
        """A date such as 2026-11-20; ``None`` if the variable is empty or missing. Raises ``ImproperlyConfigured``."""
        text = str(self.str(var, ""))
        try:
            return datetime.date.fromisoformat(text) if text else None
        except ValueError:
            raise ImproperlyConfigured(f"{var} has to be a day such as 2026-11-20.") from None

    def load_dev_environment(self, file: Path) -> None:
        """Set missing variables from the file that `make run` wrote. Raises ``ImproperlyConfigured``."""
        values = read_dev_environment(file)
        if not values:
            raise ImproperlyConfigured(
                f"There is no database yet: {file.parent} has not been set up. Run `make run` first, "
                "or set DATABASE_URL and REDIS_URL to services of your own."
            )
        for name, value in values.items():
            self.ENVIRON.setdefault(name, value)


def find_dev_environment(checkout: Path) -> Path:
    """Return the path of the settings that `make run` writes about its services, in the checkout's data directory.

    ``devservices/data_dir.py`` has the same rule.
    """
    if file := os.environ.get("DEV_ENVIRONMENT"):
        return Path(file)
    if home := os.environ.get("PLUMBLINE_HOME"):
        return Path(home).expanduser().resolve() / "site.env"
    if os.geteuid() == 0:
        return Path("/var/lib/plumbline") / hashlib.sha256(os.fsencode(checkout)).hexdigest()[:12] / "site.env"
    return checkout / ".data" / "site.env"


def read_dev_environment(file: Path) -> dict[str, str]:
    """The variables in the file of `make run`; empty if it is missing or not readable."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


@contextmanager
def hide_value_of(name: str) -> Iterator[None]:
    """Raise ``ImproperlyConfigured`` with a variable's name, but without its value, for an invalid URL."""
    try:
        yield
    except (KeyError, ValueError):
        raise ImproperlyConfigured(
            f"{name} cannot be read. Write %2F for a slash in its user or password, %40 for an at sign, "
            "%3A for a colon, %23 for a number sign and %3F for a question mark."
        ) from None
