"""Decode JSON of other systems strictly: exact numbers, and nothing that is not in the JSON standard.

The errors carry no text on purpose. A response may hold a token, and Python's own decoding errors keep the whole
document, so they are dropped before ours are raised.
"""

import json
from decimal import Decimal
from typing import Any, Never


class InvalidJsonResponse(ValueError):
    """The text is not one JSON object."""


class InvalidNumber(ValueError):
    """A number is NaN, infinite or beyond all measure."""


def decode(text: bytes | str) -> dict[str, Any]:
    """Read one JSON object. Fractions come out as ``Decimal``, whole numbers as ``int``, never a ``float``.

    Raises ``InvalidJsonResponse`` (also for an empty, cut off or non-UTF-8 text) and ``InvalidNumber``.
    """
    flaw: type[ValueError] = InvalidJsonResponse
    value = None
    try:
        document = text if isinstance(text, str) else text.decode()
        value = json.loads(document, parse_float=Decimal, parse_constant=_refuse)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        flaw = InvalidJsonResponse
    except (ValueError, ArithmeticError):
        # Python raises a bare ValueError for a whole number of more than 4,300 digits.
        flaw = InvalidNumber
    if not isinstance(value, dict):
        raise flaw
    return value


def _refuse(constant: str) -> Never:
    raise InvalidNumber(constant)
