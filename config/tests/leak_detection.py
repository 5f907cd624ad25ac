"""A WSGI application that fails in every way in which a library could write personal data to the server's log."""

import logging
import os
import smtplib
import threading
import warnings
from collections.abc import Callable
from typing import Any

from config.wsgi import application as site

__all__ = ["application"]

EMAIL_ADDRESS = os.environ.get("CANARY", "")


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
    """Log an error by each logger of a server, then respond as the site does. ``/raise`` fails in every way."""
    error = smtplib.SMTPDataError(554, f"No mail for <{EMAIL_ADDRESS}>".encode())
    for name in ("gunicorn.error", "waitress", "library"):
        logging.getLogger(name).error("Failed: %s", error)
    if environ["PATH_INFO"] == "/raise":
        thread = threading.Thread(target=raise_error, args=[error])
        thread.start()
        thread.join()
        warnings.warn(f"Deprecated for <{EMAIL_ADDRESS}>", stacklevel=1)
        RaisesWhenDeleted(error)
        raise error
    return site(environ, start_response)


def raise_error(error: Exception) -> None:
    raise error


class RaisesWhenDeleted:
    """Raises in ``__del__``, which Python reports by ``sys.unraisablehook``."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __del__(self) -> None:
        raise self.error
