"""JSON on the wire: numbers come in and go out as Decimal, digit for digit."""

from decimal import Decimal
from typing import Any

import msgspec
from werkzeug.wrappers import Request, Response

from sandbox.errors import PlaidError

ENCODER = msgspec.json.Encoder(decimal_format="number")
DECODER = msgspec.json.Decoder(float_hook=Decimal)
LIMIT = 1_000_000


def dumps(body: Any) -> str:
    """JSON text in which a Decimal is a number with exactly its own digits."""
    return ENCODER.encode(body).decode()


def loads(text: str | bytes) -> Any:
    """The value of JSON text, fractions as Decimal. Raises ValueError for bad text, NaN and Infinity."""
    return DECODER.decode(text)


def json_response(body: Any, status: int = 200) -> Response:
    """A complete JSON answer."""
    return Response(dumps(body), status, content_type="application/json")


def json_object(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body. Raises PlaidError INVALID_BODY for anything else."""
    if (request.content_length or 0) > LIMIT:
        raise PlaidError("INVALID_BODY", "body is too large")
    try:
        body = loads(request.get_data())
    except (ValueError, RecursionError) as error:
        raise PlaidError("INVALID_BODY") from error
    if not isinstance(body, dict):
        raise PlaidError("INVALID_BODY", "body must be a JSON object")
    return body
