"""urllib3's errors are mapped to the project's own, without any content of the call."""

import ssl
import time
from io import BytesIO

import pytest
from urllib3 import HTTPResponse
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from compliance.outbound.bounded import read_bounded
from compliance.outbound.errors import (
    ConnectTimedOut,
    OutboundError,
    RequestNotSent,
    ResponseLost,
    ResponseTimedOut,
    ResponseTooLarge,
    TlsError,
    TlsInterrupted,
    map_urllib3_exceptions,
)

CASES = {
    "refused": (NewConnectionError(None, "CANARY"), RequestNotSent),
    "no connection in time": (ConnectTimeoutError("CANARY"), ConnectTimedOut),
    "no response in time": (ReadTimeoutError(None, "CANARY", "CANARY"), ResponseTimedOut),
    "a bad certificate": (SSLError(ssl.SSLCertVerificationError("CANARY")), TlsError),
    "a broken handshake": (SSLError(ssl.SSLEOFError("CANARY")), TlsInterrupted),
    "a lost connection": (ProtocolError("CANARY"), ResponseLost),
    "anything else": (HTTPError("CANARY"), ResponseLost),
}


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "after retries"])
@pytest.mark.parametrize(("error", "kind"), CASES.values(), ids=CASES)
def test_it_maps_an_error_without_its_content(error: HTTPError, kind: type[OutboundError], wrapped: bool) -> None:
    with pytest.raises(OutboundError) as error_info, map_urllib3_exceptions():
        raise MaxRetryError(None, "https://CANARY.example", error) if wrapped else error
    assert type(error_info.value) is kind
    assert (error_info.value.__context__, error_info.value.__cause__) == (None, None)
    assert "CANARY" not in f"{error_info.value} {error_info.value!r} {vars(error_info.value)}"


def give_up_while_handling() -> None:
    with map_urllib3_exceptions():
        try:
            raise HTTPError("CANARY")
        except HTTPError:
            raise ResponseTooLarge from None


def test_it_raises_its_own_errors_without_their_context() -> None:
    with pytest.raises(ResponseTooLarge) as error_info:
        give_up_while_handling()
    assert error_info.value.__context__ is None


def test_it_does_not_change_other_errors() -> None:
    with pytest.raises(ZeroDivisionError), map_urllib3_exceptions():
        raise ZeroDivisionError
    with map_urllib3_exceptions():
        pass


def make_response(size: int) -> HTTPResponse:
    return HTTPResponse(BytesIO(b"x" * size), preload_content=False)


def test_it_reads_at_most_the_allowed_size() -> None:
    deadline = time.monotonic() + 60
    assert read_bounded(make_response(1000), max_bytes=1000, deadline=deadline) == b"x" * 1000
    with pytest.raises(ResponseTooLarge):
        read_bounded(make_response(1001), max_bytes=1000, deadline=deadline)


def test_it_raises_after_the_deadline() -> None:
    with pytest.raises(ResponseTimedOut):
        read_bounded(make_response(10), max_bytes=1000, deadline=time.monotonic() - 1)
