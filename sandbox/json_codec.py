"""JSON of requests and responses, with fractions as exact Decimals."""

from decimal import Decimal
from typing import Any

import msgspec
from werkzeug.wrappers import Request, Response

from sandbox.errors import PlaidError

ENCODER = msgspec.json.Encoder(decimal_format="number")
DECODER = msgspec.json.Decoder(float_hook=Decimal)
LIMIT = 1_000_000


def dumps(body: Any) -> str:
    """Encode as JSON; a Decimal becomes a number with exactly its digits."""
    return ENCODER.encode(body).decode()


def loads(text: str | bytes) -> Any:
    """Decode JSON, fractions as Decimal. Raises ValueError for invalid text, NaN and Infinity."""
    return DECODER.decode(text)


def json_response(body: Any, status: int = 200) -> Response:
    return Response(dumps(body), status, content_type="application/json")


def json_object(request: Request) -> dict[str, Any]:
    """Return the JSON object in a request's body. Raises PlaidError INVALID_BODY for anything else."""
    if (request.content_length or 0) > LIMIT:
        raise PlaidError("INVALID_BODY", "body is too large")
    try:
        body = loads(request.get_data())
    except (ValueError, RecursionError) as error:
        raise PlaidError("INVALID_BODY") from error
    if not isinstance(body, dict):
        raise PlaidError("INVALID_BODY", "body must be a JSON object")
    return body
