"""The way to the mail server: how long one mail may take in all, and that a silent server is waited for once."""

import smtplib
import socket
import threading
from contextlib import suppress
from typing import Any, Final

from django.core.mail.backends import smtp

from compliance import timeouts
from compliance.timeouts.circuit_breaker import CircuitBreaker

# In seconds, from the connection to the last answer. ``EMAIL_TIMEOUT`` is for each wait alone, and a server that
# answers a little at a time makes many of them.
WHOLE: Final = {timeouts.WEB: 6.0}
JOBS_WHOLE: Final = 30.0

circuit_breaker: Final = CircuitBreaker(seconds=5)


class Hurried(smtplib.SMTP):
    """Hangs up on a server that takes too long, which is then an ``SMTPServerDisconnected`` or ``OSError``."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        if circuit_breaker.is_open():
            raise TimeoutError("The mail server did not answer a moment ago.")
        try:
            connected: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        except TimeoutError:
            circuit_breaker.open()
            raise
        self.watch = threading.Timer(WHOLE.get(timeouts.get_timeouts(), JOBS_WHOLE), self.hang_up)
        self.watch.daemon = True
        self.watch.start()
        return connected

    def hang_up(self) -> None:
        """End the conversation from another thread."""
        circuit_breaker.open()
        with suppress(OSError, AttributeError):
            # It may have ended by itself just now.
            self.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]

    def getreply(self) -> tuple[int, bytes]:
        """Raises ``SMTPServerDisconnected``, also for a server that has said nothing for too long."""
        try:
            return super().getreply()
        except smtplib.SMTPServerDisconnected as error:
            if isinstance(error.__context__, TimeoutError):
                circuit_breaker.open()
            raise

    def close(self) -> None:
        """Close the connection, and stop watching it."""
        if watch := getattr(self, "watch", None):
            watch.cancel()
        super().close()


class HurriedByTLS(Hurried, smtplib.SMTP_SSL):
    """The same where TLS comes first."""


class EmailBackend(smtp.EmailBackend):
    """Django's, over such a connection."""

    @property
    def connection_class(self) -> Any:
        return HurriedByTLS if self.use_ssl else Hurried
