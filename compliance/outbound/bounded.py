"""Read a response whole, but bounded in size and time."""

import time

from urllib3 import BaseHTTPResponse

from compliance.outbound.errors import ResponseTimedOut, ResponseTooLarge

CHUNK_BYTES = 64 * 1024


def read_bounded(response: BaseHTTPResponse, *, max_bytes: int, deadline: float) -> bytes:
    """Return the body. ``deadline`` is a moment of ``time.monotonic``.

    Raises ``ResponseTooLarge`` and ``ResponseTimedOut`` as soon as a bound is passed, and what urllib3 raises.
    """
    body = bytearray()
    while chunk := response.read1(CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            raise ResponseTooLarge
        if time.monotonic() > deadline:
            raise ResponseTimedOut
    return bytes(body)
