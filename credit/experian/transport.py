"""The one place that speaks HTTP with Experian: one request out, one bounded response back.

Nothing is repeated and no redirect is followed: a request for a report may cost money even when its response is
lost. Every call has a connection of its own, because a kept one that the other side has closed looks just
like a response that was lost. What fails says whether the request can have arrived.
"""

import ssl
import time
from collections.abc import Mapping
from typing import NamedTuple

from django.views.decorators.debug import sensitive_variables
from urllib3 import BaseHTTPResponse, PoolManager, Retry, Timeout
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

CONNECT_SECONDS = 5.0
# The largest public sample, with a hundred public records, has 181 kB.
MOST_BYTES = 8 * 1024 * 1024
CHUNK = 64 * 1024
NO_REPEATS = Retry(total=0, redirect=False, raise_on_redirect=False)


class Response(NamedTuple):
    """What came back, whatever its status."""

    status: int
    content_type: str
    retry_after: str
    body: bytes


class TransportError(Exception):
    """No usable response came. ``code`` is a word; nothing of the request or the response is kept."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class RequestNotSent(TransportError):
    """The request did not reach the other side."""


class TlsError(RequestNotSent):
    """The other side does not prove that it is Experian, so nothing was sent."""


class ResponseLost(TransportError):
    """The request may have reached the other side; no whole response came back."""


class ResponseTooLarge(TransportError):
    """The response has more bytes than any true one."""


class Transport:
    """Posts to one host. Threads and forks may share it: it holds no connection."""

    def __init__(self, host: str) -> None:
        """``host`` is a base URL without a trailing slash; certificates are judged by what the system trusts."""
        self._host = host
        self._tls = ssl.create_default_context() if host.startswith("https:") else None

    # Hides the locals of everything beneath from error reports: they hold tokens and personal details.
    @sensitive_variables()
    def post(self, path: str, headers: Mapping[str, str], body: bytes, *, seconds: float) -> Response:
        """Send one request. ``seconds`` is how long the other side may think. Raises ``Failure``.

        No error keeps another one inside it: those of urllib3 can hold requests and responses.
        """
        failure: TransportError
        try:
            return self._send(path, headers, body, seconds)
        except TransportError as known:
            failure = known
        except HTTPError as error:
            failure = _failure(error)
        failure.__context__ = None
        raise failure

    def _send(self, path: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Response:
        deadline = time.monotonic() + CONNECT_SECONDS + seconds
        with PoolManager(num_pools=1, retries=NO_REPEATS, ssl_context=self._tls) as pool:
            response = pool.request(
                "POST",
                self._host + path,
                body=body,
                headers={**headers, "Connection": "close"},
                timeout=Timeout(connect=CONNECT_SECONDS, read=seconds),
                redirect=False,
                preload_content=False,
            )
            try:
                read = _read(response, deadline)
            finally:
                response.close()
        named = response.headers
        return Response(response.status, named.get("Content-Type", "")[:100], named.get("Retry-After", ""), read)


def _read(response: BaseHTTPResponse, deadline: float) -> bytes:
    body = bytearray()
    while chunk := response.read1(CHUNK):
        body += chunk
        if len(body) > MOST_BYTES:
            raise ResponseTooLarge("RESPONSE_TOO_LARGE")
        if time.monotonic() > deadline:
            raise ResponseLost("TIMEOUT")
    return bytes(body)


def _failure(error: HTTPError) -> TransportError:
    """Only what breaks before the first byte of the request counts as not sent."""
    cause = error.reason if isinstance(error, MaxRetryError) else error
    if isinstance(cause, NewConnectionError | ConnectTimeoutError):
        return RequestNotSent("NOT_CONNECTED")
    if isinstance(cause, SSLError) and _refused(cause):
        return TlsError("CERTIFICATE_REFUSED")
    return ResponseLost("TIMEOUT" if isinstance(cause, ReadTimeoutError) else "CONNECTION_LOST")


def _refused(error: SSLError) -> bool:
    return any(isinstance(reason, ssl.SSLCertVerificationError) for reason in error.args)
