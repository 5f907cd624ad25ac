"""Decode JSON of other systems strictly: exact numbers, and nothing that is not in the JSON standard.

The errors have no text on purpose. A response may contain a token, and Python's own decoding errors keep the whole
document, so ours are raised without them as context.
"""

import json
from decimal import Decimal
from typing import Any, Never


class InvalidJsonResponse(ValueError):
    """The text is not one JSON object."""


class InvalidNumber(ValueError):
    """A number is NaN or infinite, or has too many digits or too large an exponent."""


def decode(text: bytes | str) -> dict[str, Any]:
    """Decode one JSON object. Fractions become ``Decimal``, whole numbers ``int``, and nothing ``float``.

    Raises ``InvalidJsonResponse`` (also for an empty, cut off or non-UTF-8 text) and ``InvalidNumber``.
    """
    error_class: type[ValueError] = InvalidJsonResponse
    value = None
    try:
        document = text if isinstance(text, str) else text.decode()
        value = json.loads(document, parse_float=Decimal, parse_constant=_refuse)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        error_class = InvalidJsonResponse
    except (ValueError, ArithmeticError):
        # Python raises a bare ValueError for a whole number of more than 4,300 digits.
        error_class = InvalidNumber
    if not isinstance(value, dict):
        raise error_class
    return value


def _refuse(constant: str) -> Never:
    raise InvalidNumber(constant)
