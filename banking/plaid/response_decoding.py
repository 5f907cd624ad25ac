"""Decode Plaid's responses into the structs of ``banking.plaid.schemas``, and name an invalid field.

Errors that leave this module have no other error as context, because a response may contain a token.
"""

import functools
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from decimal import Decimal
from typing import TypeVar

from msgspec import MsgspecError, Raw, ValidationError
from msgspec.json import Decoder

from banking.plaid import json_decoding
from banking.plaid.errors import safe_code
from banking.plaid.fields import SURROGATE_PLACEHOLDER, optional_row_id
from banking.plaid.schemas import PlaidResponse, RemovedTransaction
from banking.provider import MalformedResponse, ProviderError, RowKind, SkippedRow, Unavailable

Response = TypeVar("Response", bound=PlaidResponse)
Schema = TypeVar("Schema")
Result = TypeVar("Result")

# The field in msgspec's messages: the missing one, or the last one in the path to an invalid one.
_FIELD = re.compile(r"required field `(\w+)`| - at `\$\S*\.(\w+)\S*`$")
# An escaped surrogate pair, a lone surrogate (the group), and any other escape.
_ESCAPE = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F]..)|\\.", re.DOTALL)
_named = Decoder(RemovedTransaction)


def parses(
    schema: type[Response], *, valid: type[Response] | None = None
) -> Callable[[Callable[[Response], Result]], Callable[[bytes], Result]]:
    """Decorate a function of a decoded response, so that it takes the response's JSON.

    It then raises ``Unavailable`` if that is not a JSON object, and ``MalformedResponse``, with Plaid's request id, for
    a missing or invalid field. ``valid`` is a faster schema that a response without any invalid part has.
    """
    decoder = Decoder(schema, float_hook=Decimal)
    valid_decoder = Decoder(valid, float_hook=Decimal) if valid else None

    def decorate(parse: Callable[[Response], Result]) -> Callable[[bytes], Result]:
        @functools.wraps(parse)
        def parse_json(body: bytes) -> Result:
            if valid_decoder:
                with suppress(MsgspecError, UnicodeError, ArithmeticError, RecursionError):
                    return parse(valid_decoder.decode(body))
            with suppress(MsgspecError, UnicodeError, ArithmeticError, RecursionError):
                # As text, because msgspec accepts invalid UTF-8 within a ``Raw`` row.
                return parse(decoder.decode(body.decode()))
            # A rejected body is decoded again: to find out which error it has, and then without lone surrogates.
            request_id = safe_code(_decode_object(body).get("request_id"))
            try:
                return parse(decoder.decode(_replace_lone_surrogates(body)))
            except ValidationError as error:
                field = _field_name(error)
            raise MalformedResponse("BROKEN_FIELD", request_id=request_id, detail=field)

        return parse_json

    return decorate


def parse_rows(
    rows: Iterable[Raw | Schema] | None,
    kind: RowKind,
    decoder: Decoder[Schema],
    parse: Callable[[Schema], Result],
    skipped: list[SkippedRow],
) -> list[Result]:
    """Parse a list's rows one by one; ``skipped`` gets those that cannot be parsed. The list may be null."""
    parsed = []
    for row in rows or ():
        try:
            parsed.append(parse(decoder.decode(row) if isinstance(row, Raw) else row))
        except (ValidationError, ArithmeticError) as error:
            skipped.append(SkippedRow(kind, _field_name(error), _transaction_id(row)))
    return parsed


def decode_part(sent: Raw | Schema | None, decoder: Decoder[Schema | None]) -> Schema | None:
    """Decode an object within a row that only describes the row; ``None`` if it is invalid."""
    if not isinstance(sent, Raw):
        return sent
    try:
        return decoder.decode(sent)
    except (ValidationError, ArithmeticError):
        return None


def _decode_object(body: bytes) -> dict[str, object]:
    failure: ProviderError
    try:
        return json_decoding.decode(body)
    except json_decoding.InvalidJsonResponse:
        failure = Unavailable("NOT_JSON")
    except json_decoding.InvalidNumber:
        failure = MalformedResponse("BAD_NUMBER")
    raise failure


def _replace_lone_surrogates(body: bytes) -> bytes:
    """Replace each escaped lone surrogate, which a bank's text may contain, by ``SURROGATE_PLACEHOLDER``."""
    return _ESCAPE.sub(lambda escape: SURROGATE_PLACEHOLDER.encode() if escape[1] else escape[0], body)


def _field_name(error: Exception) -> str:
    match = _FIELD.search(str(error))
    return match[1] or match[2] if match else "row"


def _transaction_id(row: object) -> str:
    with suppress(MsgspecError):
        named = _named.decode(row) if isinstance(row, Raw) else row
        return optional_row_id(getattr(named, "transaction_id", None))
    return ""
