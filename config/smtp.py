"""The email backend, with a time limit per email and a circuit breaker for a mail server that does not respond."""

import smtplib
import socket
import threading
from contextlib import suppress
from typing import Any, Final

from django.core.mail.backends import smtp

from compliance import timeouts
from compliance.timeouts.circuit_breaker import CircuitBreaker

# In seconds, from the connection to the last response. ``EMAIL_TIMEOUT`` limits each single wait, and a slow server
# causes many of them.
TIME_LIMITS: Final = {timeouts.WEB: 6.0}
JOB_TIME_LIMIT: Final = 30.0

circuit_breaker: Final = CircuitBreaker(seconds=5)


class TimeLimitedSMTP(smtplib.SMTP):
    """Disconnects when an email takes too long; smtplib then raises ``SMTPServerDisconnected`` or ``OSError``."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        if circuit_breaker.is_open():
            raise TimeoutError("The mail server did not answer a moment ago.")
        try:
            connected: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        except TimeoutError:
            circuit_breaker.open()
            raise
        self.timer = threading.Timer(TIME_LIMITS.get(timeouts.get_timeouts(), JOB_TIME_LIMIT), self.disconnect)
        self.timer.daemon = True
        self.timer.start()
        return connected

    def disconnect(self) -> None:
        """Shut the connection down from the timer's thread."""
        circuit_breaker.open()
        with suppress(OSError, AttributeError):
            # The connection may have been closed meanwhile.
            self.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]

    def getreply(self) -> tuple[int, bytes]:
        """Open the circuit breaker when a read times out. Raises ``SMTPServerDisconnected`` as smtplib does."""
        try:
            return super().getreply()
        except smtplib.SMTPServerDisconnected as error:
            if isinstance(error.__context__, TimeoutError):
                circuit_breaker.open()
            raise

    def close(self) -> None:
        """Close the connection, and cancel its timer."""
        if timer := getattr(self, "timer", None):
            timer.cancel()
        super().close()


class TimeLimitedSMTPOverTLS(TimeLimitedSMTP, smtplib.SMTP_SSL):
    """The same for implicit TLS."""


class EmailBackend(smtp.EmailBackend):
    """Django's backend with a time limit per email."""

    @property
    def connection_class(self) -> Any:
        return TimeLimitedSMTPOverTLS if self.use_ssl else TimeLimitedSMTP
