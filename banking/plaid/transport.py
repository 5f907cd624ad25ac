"""HTTP calls to Plaid: the SDK validates and sends the requests, and this module reads the responses.

The SDK's own response handling parses money as binary floats at 3 ms a row, has no timeout, retries without a delay,
and follows redirects with our secret and the access token in the headers. Importing this module takes half a second and
20 MB or more, so no module imports it at start-up.
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
from urllib3.exceptions import ProtocolError, SSLError

from banking.plaid.errors import error_from_response
from banking.provider import MalformedResponse, ProviderConfigurationError, ProviderError, TimedOut, Unavailable
from compliance.outbound.bounded import read_bounded
from compliance.outbound.errors import (
    ConnectTimedOut,
    OutboundError,
    ResponseTimedOut,
    ResponseTooLarge,
    TlsError,
    map_urllib3_exceptions,
)

CONNECT_SECONDS = 5.0
# A full page of 500 transactions with every optional field is about 1.3 MB.
MAX_BYTES = 16 * 1024 * 1024


class BoundedPool(PoolManager):
    """Connections that read each response completely, within a limit of size and time, and follow no redirect."""

    def urlopen(self, method: str, url: str, redirect: bool = True, **options: Any) -> BaseHTTPResponse:  # type: ignore[override]
        """Send one request and return its response with the body read. ``redirect`` is ignored.

        Raises ``ResponseTooLarge``, ``ResponseTimedOut`` and what urllib3 raises.
        """
        timeout = options["timeout"]
        deadline = time.monotonic() + timeout.connect_timeout + timeout.read_timeout
        response = super().urlopen(method, url, redirect=False, **{**options, "preload_content": False})
        try:
            body = _read(response, deadline)
        except SSLError:
            # The SDK crashes on an SSLError that comes after the handshake.
            raise ProtocolError("the TLS stream broke off") from None
        finally:
            # A completely read response has released its connection. The rest of an incomplete one would be read as
            # the next response, so its connection is closed.
            response.close()
        return HTTPResponse(
            body=BytesIO(body),
            headers=response.headers,
            status=response.status,
            reason=response.reason,
            decode_content=False,
            enforce_content_length=False,
        )


class PlaidTransport:
    """Calls endpoints of one Plaid host with one pair of API keys. Thread-safe, but not fork-safe."""

    def __init__(self, *, host: str, client_id: str, secret: str) -> None:
        """Configure the SDK; nothing is sent yet. ``host`` has no trailing slash."""
        configuration = plaid.Configuration(host=host, api_key={"clientId": client_id, "secret": secret})
        client = plaid.ApiClient(configuration)
        client.rest_client.pool_manager = BoundedPool(
            maxsize=configuration.connection_pool_maxsize,
            cert_reqs=ssl.CERT_REQUIRED,
            retries=Retry(total=0, redirect=False),
        )
        self._api = PlaidApi(client)

    # Hides the local variables of all functions called from here, with the SDK's headers, from error reports.
    @sensitive_variables()
    def post(self, endpoint: str, fields: dict[str, Any], *, seconds: float) -> bytes:
        """Call the SDK's method ``endpoint`` and return the body of Plaid's response.

        The SDK checks ``fields`` against the endpoint's own types. ``seconds`` is the timeout of the response. Raises
        ``ProviderError``, without the SDK's or urllib3's error as context: these can contain requests and responses.
        """
        status, body, headers = self._send(endpoint, fields, seconds)
        if status != 200:
            raise error_from_response(status, body, retry_after=headers.get("Retry-After"))
        return body

    def _send(self, endpoint: str, fields: dict[str, Any], seconds: float) -> tuple[int, bytes, Mapping[str, str]]:
        failure: ProviderError
        try:
            with map_urllib3_exceptions():
                response = getattr(self._api, endpoint)(
                    fields, _preload_content=False, _request_timeout=(CONNECT_SECONDS, seconds)
                )
            return response.status, response.data, response.headers
        except plaid.ApiException as error:
            return error.status, error.body, error.headers
        except plaid.OpenApiException:
            failure = ProviderConfigurationError("REQUEST_REFUSED_BY_SDK", detail=endpoint)
        except OutboundError as error:
            failure = _provider_error(error)
        except UnicodeDecodeError:
            # The SDK decodes the body of an error response before it returns it.
            failure = Unavailable("NOT_JSON")
        raise failure


def _read(response: BaseHTTPResponse, deadline: float) -> bytes:
    return read_bounded(response, max_bytes=MAX_BYTES, deadline=deadline)


def _provider_error(error: OutboundError) -> ProviderError:
    match error:
        case ResponseTooLarge():
            return MalformedResponse(error.code)
        case ConnectTimedOut() | ResponseTimedOut():
            return TimedOut("TIMEOUT")
        case TlsError():
            return ProviderConfigurationError(error.code)
    return Unavailable(error.code)
