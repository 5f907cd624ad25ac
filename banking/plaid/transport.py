"""The one place that speaks HTTP with Plaid: typed requests go out, raw JSON comes back.

Left to itself the SDK reads money as binary floats at 3 ms a row, waits for ever, retries at once, and
follows a redirect with our secret and the access token in hand. Here it only checks and sends requests; what
comes back is read by us. Importing this module costs half a second and 20 MB or more, so nothing imports it
at start-up.
"""

import ssl
import time
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import plaid
from django.views.decorators.debug import sensitive_variables
from plaid.api.plaid_api import PlaidApi
from urllib3 import BaseHTTPResponse, HTTPResponse, PoolManager, Retry
from urllib3.exceptions import (
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    SSLError,
    TimeoutError,
)

from banking.plaid import json_decoding
from banking.plaid.errors import error_from_response
from banking.provider import MalformedResponse, ProviderConfigurationError, ProviderError, TimedOut, Unavailable

CONNECT_SECONDS = 5.0
# A full page of 500 transactions with every optional field is about 1.3 MB.
MOST_BYTES = 16 * 1024 * 1024
CHUNK = 64 * 1024


class ResponseTooLarge(HTTPError):
    """The answer has more bytes than any true one."""


class ResponseTooSlow(TimeoutError):
    """The answer trickles in and is not complete in time."""


class BoundedPool(PoolManager):
    """Connections whose answers are read here: whole, but bounded in size and time, and never redirected."""

    def urlopen(self, method: str, url: str, redirect: bool = True, **options: Any) -> BaseHTTPResponse:  # type: ignore[override]
        """Send one request and return its answer with the body read. ``redirect`` is ignored.

        Raises ``ResponseTooLarge``, ``ResponseTooSlow`` and what urllib3 raises.
        """
        timeout = options["timeout"]
        deadline = time.monotonic() + timeout.connect_timeout + timeout.read_timeout
        answer = super().urlopen(method, url, redirect=False, **{**options, "preload_content": False})
        try:
            body = _read(answer, deadline)
        except SSLError:
            # The SDK stumbles over an SSLError that comes after the handshake.
            raise ProtocolError("the TLS stream broke off") from None
        finally:
            # An answer read to its end has given its connection back. What is left unread of another would be
            # taken for the next answer.
            answer.close()
        return HTTPResponse(
            body=BytesIO(body),
            headers=answer.headers,
            status=answer.status,
            reason=answer.reason,
            decode_content=False,
            enforce_content_length=False,
        )


class Transport:
    """Calls endpoints of one Plaid host with one pair of API keys. Threads may share it; forks may not."""

    def __init__(self, *, host: str, client_id: str, secret: str) -> None:
        """Prepare the SDK; nothing is sent yet. ``host`` has no trailing slash."""
        configuration = plaid.Configuration(host=host, api_key={"clientId": client_id, "secret": secret})
        client = plaid.ApiClient(configuration)
        client.rest_client.pool_manager = BoundedPool(
            maxsize=configuration.connection_pool_maxsize,
            cert_reqs=ssl.CERT_REQUIRED,
            retries=Retry(total=0, redirect=False),
        )
        self._api = PlaidApi(client)

    # Hides the locals of everything beneath, the SDK's own headers included, from error reports.
    @sensitive_variables()
    def post(self, endpoint: str, fields: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """Call the SDK's method ``endpoint`` and return Plaid's JSON, numbers as ``Decimal`` and ``int``.

        The SDK checks ``fields`` against the endpoint's own types. ``seconds`` is how long Plaid may think.
        Raises ``ProviderError``. No error keeps another one inside it: those of the SDK and of urllib3 can
        hold requests and answers.
        """
        status, body, headers = self._send(endpoint, fields, seconds)
        if status != 200:
            raise error_from_response(status, body, retry_after=headers.get("Retry-After"))
        return _decode(body)

    def _send(
        self, endpoint: str, fields: dict[str, Any], seconds: float
    ) -> tuple[int, bytes | str, Mapping[str, str]]:
        failure: ProviderError
        try:
            answer = getattr(self._api, endpoint)(
                fields, _preload_content=False, _request_timeout=(CONNECT_SECONDS, seconds)
            )
            return answer.status, answer.data, answer.headers
        except plaid.ApiException as error:
            return error.status, error.body, error.headers
        except plaid.OpenApiException:
            failure = ProviderConfigurationError("REQUEST_REFUSED_BY_SDK", detail=endpoint)
        except HTTPError as error:
            failure = _failure(error)
        except UnicodeDecodeError:
            # The SDK decodes the body of a refusal before it lets us see it.
            failure = Unavailable("NOT_JSON")
        raise failure


def _read(answer: BaseHTTPResponse, deadline: float) -> bytes:
    body = bytearray()
    while chunk := answer.read1(CHUNK):
        body += chunk
        if len(body) > MOST_BYTES:
            raise ResponseTooLarge
        if time.monotonic() > deadline:
            raise ResponseTooSlow
    return bytes(body)


def _decode(body: bytes | str) -> dict[str, Any]:
    failure: ProviderError
    try:
        return json_decoding.decode(body)
    except json_decoding.InvalidJson:
        failure = Unavailable("NOT_JSON")
    except json_decoding.InvalidNumber:
        failure = MalformedResponse("BAD_NUMBER")
    raise failure


def _failure(error: HTTPError) -> ProviderError:
    cause = error.reason if isinstance(error, MaxRetryError) else error
    if isinstance(cause, ResponseTooLarge):
        return MalformedResponse("RESPONSE_TOO_LARGE")
    if isinstance(cause, NewConnectionError):
        return Unavailable("NOT_CONNECTED")
    if isinstance(cause, TimeoutError):
        return TimedOut("TIMEOUT")
    if isinstance(cause, SSLError):
        return _tls_failure(cause)
    return Unavailable("CONNECTION_LOST")


def _tls_failure(error: SSLError) -> ProviderError:
    """A certificate that does not hold is for an operator; a handshake that breaks off is the network's."""
    if any(isinstance(reason, ssl.SSLCertVerificationError) for reason in error.args):
        return ProviderConfigurationError("CERTIFICATE_REFUSED")
    return Unavailable("TLS_FAILED")
