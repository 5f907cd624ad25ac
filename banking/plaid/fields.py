"""Readers for the fields of Plaid's responses.

A strict reader raises ``FieldError``. A tolerant reader returns an empty value instead, because its field only
describes the row. Every field of every transaction passes through here, so one may cost a fraction of a microsecond.
"""

import html
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from html.entities import html5
from typing import Any

Json = dict[str, Any]

# Eighteen digits before the point are as many as a money column has; no account comes near. PostgreSQL reads no figure
# with endless digits behind it.
MOST = Decimal(10) ** 18 - 1
SMALLEST = -1000
LONGEST_ID = 256
LONGEST_CURRENCY = 10

# With its semicolon: HTML reads some without one, and would make "B®AL" of "B&REGAL".
_ENTITY = re.compile(r"&(#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)")
_NOTHING: Json = {}


class FieldError(Exception):
    """A field is not what Plaid promises. Names the field, never what it held."""


def read_money(row: Json, field: str) -> Decimal | None:
    """A figure exactly as sent. A float means that somebody decoded the answer carelessly."""
    value = row.get(field)
    if value is None:
        return None
    if type(value) is int:
        value = Decimal(value)
    if type(value) is not Decimal or not value.is_finite() or not -MOST <= value <= MOST:
        raise FieldError(field)
    if int(value.as_tuple().exponent) < SMALLEST:
        raise FieldError(field)
    return value


def read_loose_money(row: Json, field: str) -> Decimal | None:
    """A balance, or nothing where what is sent is none: the account is there all the same."""
    try:
        return read_money(row, field)
    except FieldError:
        return None


def read_currency(row: Json, needed: bool) -> str:
    """The ISO code or, for the likes of BTC, Plaid's own. A movement with neither cannot be counted."""
    for field in ("iso_currency_code", "unofficial_currency_code"):
        code = row.get(field)
        if type(code) is str and code.isprintable() and 0 < len(code) <= LONGEST_CURRENCY:
            return code
    if needed:
        raise FieldError("iso_currency_code")
    return ""


def read_loose_text(row: Json, field: str) -> str:
    """A text that only describes. A number is as good as its digits, anything else is as good as nothing."""
    value = row.get(field)
    if type(value) is str:
        return value if value.isprintable() else _storable(value)
    return str(value) if type(value) in (int, Decimal) else ""


def read_loose_object(row: Json, field: str) -> Json:
    value = row.get(field)
    return value if type(value) is dict else _NOTHING


def read_optional_date(row: Json, field: str) -> date | None:
    value = row.get(field)
    if value is None:
        return None
    try:
        return read_date(value, field)
    except FieldError:
        return None


def read_loose_id(row: Json, field: str) -> str:
    value = row.get(field)
    return value if type(value) is str and value.isprintable() and len(value) <= LONGEST_ID else ""


def read_row_id(row: Json, field: str) -> str:
    value = read_identifier(row, field)
    if len(value) > LONGEST_ID:
        raise FieldError(field)
    return value


def read_text(row: Json, field: str) -> str:
    value = row.get(field)
    if value is None:
        return ""
    if type(value) is not str:
        raise FieldError(field)
    return value if value.isprintable() else _storable(value)


def read_display_text(row: Json, field: str) -> str:
    """A text that people read. Some banks send it escaped for HTML, ``AT&amp;T``; that is taken back, once."""
    text = read_loose_text(row, field)
    return _ENTITY.sub(_unescaped, text) if "&" in text else text


def _unescaped(entity: re.Match[str]) -> str:
    """The character that an entity stands for; a name that HTML does not have stays, where HTML would take a part."""
    return html.unescape(entity[0]) if entity[1].startswith("#") or entity[1] in html5 else entity[0]


def _storable(text: str) -> str:
    """JSON may carry NUL and halves of surrogate pairs, which no PostgreSQL text can hold."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def read_identifier(row: Json, field: str) -> str:
    value = row[field]
    if type(value) is not str or not value or not value.isprintable():
        raise FieldError(field)
    return value


def read_flag(row: Json, field: str) -> bool:
    value = row[field]
    if type(value) is not bool:
        raise FieldError(field)
    return value


def read_date(value: Any, field: str) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise FieldError(field) from None


def read_datetime(row: Json, field: str) -> datetime | None:
    value = row.get(field)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise FieldError(field) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_object(row: Json, field: str) -> Json:
    value = row[field]
    if type(value) is not dict:
        raise FieldError(field)
    return value


def read_optional_object(row: Json, field: str) -> Json:
    return _NOTHING if row.get(field) is None else read_object(row, field)


def read_rows(answer: Json, field: str) -> list[Json]:
    rows = answer[field]
    if type(rows) is not list or not all(type(row) is dict for row in rows):
        raise FieldError(field)
    return rows
