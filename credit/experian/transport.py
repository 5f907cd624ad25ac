"""The only module that sends HTTP requests to Experian. It limits the size and the time of responses.

It retries nothing and follows no redirect: a request for a report can cost money even if its response is lost. Every
call opens a new connection, because a reused one that the other side has closed is indistinguishable from a lost
response. Errors say whether the request can have arrived.
"""

import ssl
import time
from collections.abc import Mapping
from typing import NamedTuple

from django.views.decorators.debug import sensitive_variables
from urllib3 import PoolManager, Retry, Timeout

from compliance.outbound.bounded import read_bounded
from compliance.outbound.errors import map_urllib3_exceptions

CONNECT_SECONDS = 5.0
# The largest public sample, with a hundred public records, has 181 kB.
MAX_BYTES = 8 * 1024 * 1024
NO_RETRIES = Retry(total=0, redirect=False, raise_on_redirect=False)


class Response(NamedTuple):
    """A response with any status."""

    status: int
    content_type: str
    retry_after: str
    body: bytes


class ExperianTransport:
    """Sends POST requests to one host. It keeps no connection, so threads and forks can share it."""

    def __init__(self, host: str) -> None:
        """``host`` is a base URL without a trailing slash. Certificates are verified by the system's trust store."""
        self._host = host
        self._tls = ssl.create_default_context() if host.startswith("https:") else None

    # Hides the local variables of all functions below from error reports: they hold tokens and personal details.
    @sensitive_variables()
    def post(self, path: str, headers: Mapping[str, str], body: bytes, *, seconds: float) -> Response:
        """Send one request and wait ``seconds`` for the response. Raises ``OutboundError``.

        The error has no cause or context, because urllib3's errors can hold requests and responses.
        """
        with map_urllib3_exceptions():
            return self._send(path, headers, body, seconds)

    def _send(self, path: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Response:
        deadline = time.monotonic() + CONNECT_SECONDS + seconds
        with PoolManager(num_pools=1, retries=NO_RETRIES, ssl_context=self._tls) as pool:
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
                content = read_bounded(response, max_bytes=MAX_BYTES, deadline=deadline)
            finally:
                response.close()
        content_type = response.headers.get("Content-Type", "")[:100]
        return Response(response.status, content_type, response.headers.get("Retry-After", ""), content)
