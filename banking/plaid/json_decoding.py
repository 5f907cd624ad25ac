"""Decode JSON of other systems strictly: exact numbers, and nothing that is not in the JSON standard.

The errors carry no text on purpose. A response may hold a token, and Python's own decoding errors keep the whole
document, so they are dropped before ours are raised.
"""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any, Never

import msgspec


class InvalidJsonResponse(ValueError):
    """The text is not one JSON object."""


class InvalidNumber(ValueError):
    """A number is NaN, infinite or beyond all measure."""


_quick = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def decode(text: bytes | str) -> dict[str, Any]:
    """Read one JSON object. Fractions come out as ``Decimal``, whole numbers as ``int``, never a ``float``.

    Raises ``NotJson`` (also for an empty, cut off or non-UTF-8 text) and ``BadNumber``.
    """
    # It reads in half the time. What it refuses is read again: it tells no flaw from another, and half a surrogate
    # pair, which a bank's text may hold, is none to Python.
    with suppress(msgspec.MsgspecError, UnicodeError, ArithmeticError, RecursionError):
        return _quick.decode(text)
    return _decode(text)


def _decode(text: bytes | str) -> dict[str, Any]:
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
