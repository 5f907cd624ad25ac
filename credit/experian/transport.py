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
from urllib3 import PoolManager, Retry, Timeout

from compliance.outbound.bounded import read_bounded
from compliance.outbound.errors import map_urllib3_exceptions

CONNECT_SECONDS = 5.0
# The largest public sample, with a hundred public records, has 181 kB.
MOST_BYTES = 8 * 1024 * 1024
NO_REPEATS = Retry(total=0, redirect=False, raise_on_redirect=False)


class Response(NamedTuple):
    """What came back, whatever its status."""

    status: int
    content_type: str
    retry_after: str
    body: bytes


class ExperianTransport:
    """Posts to one host. Threads and forks may share it: it holds no connection."""

    def __init__(self, host: str) -> None:
        """``host`` is a base URL without a trailing slash; certificates are judged by what the system trusts."""
        self._host = host
        self._tls = ssl.create_default_context() if host.startswith("https:") else None

    # Hides the locals of everything beneath from error reports: they hold tokens and personal details.
    @sensitive_variables()
    def post(self, path: str, headers: Mapping[str, str], body: bytes, *, seconds: float) -> Response:
        """Send one request. ``seconds`` is how long the other side may think. Raises ``OutboundError``.

        No error keeps another one inside it: those of urllib3 can hold requests and responses.
        """
        with map_urllib3_exceptions():
            return self._send(path, headers, body, seconds)

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
                content = read_bounded(response, max_bytes=MOST_BYTES, deadline=deadline)
            finally:
                response.close()
        content_type = response.headers.get("Content-Type", "")[:100]
        return Response(response.status, content_type, response.headers.get("Retry-After", ""), content)
