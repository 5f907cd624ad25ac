"""The errors of outbound calls, mapped from urllib3 in one place.

    OutboundError
    ├── RequestNotSent       nothing reached the server
    │   ├── ConnectTimedOut
    │   └── TlsError         the server's certificate could not be verified
    ├── ResponseLost         the request may have arrived; no whole response came back
    │   ├── ResponseTimedOut
    │   └── TlsInterrupted
    └── ResponseTooLarge

Each has one word, ``code``, and nothing of the request or the response. None keeps urllib3's error as its context,
which can hold headers, bodies and tokens.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Never

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    SSLError,
    TimeoutError,
)


class OutboundError(Exception):
    """No usable response came back."""

    code: ClassVar = "OUTBOUND_FAILED"

    def __init__(self) -> None:
        super().__init__(self.code)


class RequestNotSent(OutboundError):
    """The request did not reach the server."""

    code = "NOT_CONNECTED"


class ConnectTimedOut(RequestNotSent):
    """The server accepted no connection in time."""


class TlsError(RequestNotSent):
    """The server's certificate could not be verified, so nothing was sent."""

    code = "CERTIFICATE_REFUSED"


class ResponseLost(OutboundError):
    """The request may have reached the server; no whole response came back."""

    code = "CONNECTION_LOST"


class ResponseTimedOut(ResponseLost):
    """The whole response did not arrive before the timeout."""

    code = "TIMEOUT"


class TlsInterrupted(ResponseLost):
    """The TLS handshake or the encrypted stream was interrupted."""

    code = "TLS_FAILED"


class ResponseTooLarge(OutboundError):
    """The response is larger than the limit, which no genuine response reaches."""

    code = "RESPONSE_TOO_LARGE"


@contextmanager
def map_urllib3_exceptions() -> Iterator[None]:
    """Raise ``OutboundError`` in place of urllib3's errors, without keeping them as cause or context."""
    failure: OutboundError
    try:
        yield
        return
    except OutboundError as error:
        failure = error
    except HTTPError as error:
        failure = classify(error)
    raise_without_context(failure)


def classify(error: HTTPError) -> OutboundError:
    """Map an error of urllib3. Only an error before the first byte of the request counts as not sent."""
    cause = error.reason if isinstance(error, MaxRetryError) else error
    if isinstance(cause, NewConnectionError):
        return RequestNotSent()
    if isinstance(cause, ConnectTimeoutError):
        return ConnectTimedOut()
    if isinstance(cause, TimeoutError):
        return ResponseTimedOut()
    if isinstance(cause, SSLError):
        is_refused = any(isinstance(reason, ssl.SSLCertVerificationError) for reason in cause.args)
        return TlsError() if is_refused else TlsInterrupted()
    return ResponseLost()


def raise_without_context(error: Exception) -> Never:
    """Raise an error without a context, even while another exception is being handled."""
    try:
        raise error
    finally:
        error.__context__ = None
