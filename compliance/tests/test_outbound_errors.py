"""urllib3's errors in the project's own terms, with nothing of a call kept in them."""

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
def test_it_maps_an_error_and_keeps_nothing_of_it(error: HTTPError, kind: type[OutboundError], wrapped: bool) -> None:
    with pytest.raises(OutboundError) as caught, map_urllib3_exceptions():
        raise MaxRetryError(None, "https://CANARY.example", error) if wrapped else error
    assert type(caught.value) is kind
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)
    assert "CANARY" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


def give_up_while_handling() -> None:
    with map_urllib3_exceptions():
        try:
            raise HTTPError("CANARY")
        except HTTPError:
            raise ResponseTooLarge from None


def test_it_lets_its_own_errors_through_without_their_context() -> None:
    with pytest.raises(ResponseTooLarge) as caught:
        give_up_while_handling()
    assert caught.value.__context__ is None


def test_it_lets_other_errors_and_results_alone() -> None:
    with pytest.raises(ZeroDivisionError), map_urllib3_exceptions():
        raise ZeroDivisionError
    with map_urllib3_exceptions():
        pass


def body(size: int) -> HTTPResponse:
    return HTTPResponse(BytesIO(b"x" * size), preload_content=False)


def test_it_reads_as_much_as_is_allowed_and_no_more() -> None:
    later = time.monotonic() + 60
    assert read_bounded(body(1000), max_bytes=1000, deadline=later) == b"x" * 1000
    with pytest.raises(ResponseTooLarge):
        read_bounded(body(1001), max_bytes=1000, deadline=later)


def test_it_gives_up_at_the_deadline() -> None:
    with pytest.raises(ResponseTimedOut):
        read_bounded(body(10), max_bytes=1000, deadline=time.monotonic() - 1)
