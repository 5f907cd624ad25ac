"""System checks that keep processes from starting. Web servers and workers do not run checks by themselves.

A *startup* check looks at settings alone, and any error keeps every process from starting, ``manage.py`` included. A
*serving* check queries the database; its errors keep web, worker and beat processes from starting.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from django.core.checks import CheckMessage, Error, register, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, OperationalError

STARTUP: Final = "startup"
SERVING: Final = "serving"
# The database's own messages stay out of logs: some of them show rows, or a URL with its password.
DATABASE_UNAVAILABLE: Final = (
    "The database of DATABASE_URL does not answer or does not let the site in. `manage.py doctor` tells which."
)
DATABASE_OUTDATED: Final = (
    "The database lacks what this version asks of it. Run `manage.py migrate --database owner` first."
)

Check = Callable[..., list[CheckMessage]]


def startup_check(check_id: str) -> Callable[[Callable[[], Iterable[str]]], Check]:
    """Register a function that returns one sentence for each reason why the site cannot run with its settings.

    No sentence may show a value that might be a secret.
    """

    def decorate(find_errors: Callable[[], Iterable[str]]) -> Check:
        def check(**_: Any) -> list[CheckMessage]:
            return [Error(text, id=check_id) for text in find_errors()]

        # Not functools.wraps: Django looks at the signature of what is wrapped, and asks for keyword arguments.
        check.__name__, check.__doc__, check.__module__ = (
            find_errors.__name__,
            find_errors.__doc__,
            find_errors.__module__,
        )
        register(check, STARTUP)
        return check

    return decorate


def require_startup_checks() -> None:
    """Raise ``ImproperlyConfigured`` when the site cannot run with its settings. Apps call it when they are ready."""
    _raise_errors(run_checks(tags=[STARTUP]))


def require_serving_checks() -> None:
    """Raise ``ImproperlyConfigured`` when this process may not serve the site.

    It does so too when the database does not answer. Web, worker and beat processes call it when they start.
    """
    try:
        messages = run_checks(tags=[SERVING], databases=[DEFAULT_DB_ALIAS])
    except OperationalError as error:
        raise ImproperlyConfigured(DATABASE_UNAVAILABLE) from error
    except DatabaseError as error:
        raise ImproperlyConfigured(DATABASE_OUTDATED) from error
    _raise_errors(messages)


def _raise_errors(messages: Iterable[CheckMessage]) -> None:
    # Django keeps its checks in a set, so the messages come in any order.
    errors = sorted((message for message in messages if message.is_serious()), key=lambda message: message.id or "")
    if errors:
        hints = dict.fromkeys(error.hint for error in errors if error.hint)
        raise ImproperlyConfigured(" ".join([*(error.msg for error in errors), *hints]))
