"""Convert the fields of Plaid's responses to what banking stores.

Functions that take the field's name raise ``FieldError``; the others return an empty value instead, because their
field only describes the row. Every field of every transaction passes through here, so one may cost a fraction of a
microsecond.
"""

import html
import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from html.entities import html5

from msgspec import Raw, ValidationError

# Eighteen digits before the point are as many as a money column has; no account comes near. PostgreSQL reads no figure
# with endless digits behind it.
MOST = Decimal(10) ** 18 - 1
LONGEST_FIGURE, SMALLEST_EXPONENT = 1000, -1000
LONGEST_ID = 256
LONGEST_CURRENCY = 10

# Stands for half of a surrogate pair: no character, no identifier holds it, and UTF-8 has it.
HALF_PAIR = "\uffff"
_STORABLE = {0: None, ord(HALF_PAIR): "?"}

# With its semicolon: HTML reads some without one, and would make "B®AL" of "B&REGAL".
_ENTITY = re.compile(r"&(#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)")


class FieldError(ValidationError):
    """A field is not what Plaid promises. Names the field as msgspec does, and never what it held."""

    def __init__(self, field: str) -> None:
        super().__init__(f"Invalid value - at `$.{field}`")


def money(sent: Raw) -> Decimal | None:
    """A figure exactly as sent; nothing where what is sent is no number, a text of digits included."""
    try:
        value = Decimal(str(sent, "utf-8"))
    except InvalidOperation:
        return None
    is_storable = -MOST <= value <= MOST and value.adjusted() >= SMALLEST_EXPONENT and len(sent) <= LONGEST_FIGURE
    return value if is_storable else None


def required_money(sent: Raw, field: str) -> Decimal:
    value = money(sent)
    if value is None:
        raise FieldError(field)
    return value


def currency_code(iso: object, unofficial: object) -> str:
    """The ISO code or, for the likes of BTC, Plaid's own."""
    for code in (iso, unofficial):
        if type(code) is str and code.isprintable() and 0 < len(code) <= LONGEST_CURRENCY:
            return code
    return ""


def required_currency_code(iso: object, unofficial: object, field: str) -> str:
    """As ``currency_code``. Money without a currency cannot be counted."""
    code = currency_code(iso, unofficial)
    if not code:
        raise FieldError(field)
    return code


def identifier(sent: str, field: str) -> str:
    if not sent or not sent.isprintable():
        raise FieldError(field)
    return sent


def row_id(sent: str, field: str) -> str:
    if not 0 < len(sent) <= LONGEST_ID or not sent.isprintable():
        raise FieldError(field)
    return sent


def optional_row_id(sent: object) -> str:
    return sent if type(sent) is str and sent.isprintable() and len(sent) <= LONGEST_ID else ""


def text(sent: object) -> str:
    """A text that PostgreSQL can hold. A number is as good as its digits, anything else is as good as nothing."""
    if type(sent) is str:
        return sent if sent.isprintable() else sent.translate(_STORABLE)
    return str(sent) if type(sent) in (int, Decimal) else ""


def display_text(sent: object) -> str:
    """A text that people read. Some banks send it escaped for HTML, ``AT&amp;T``; that is taken back, once."""
    plain = text(sent)
    return _ENTITY.sub(_unescape, plain) if "&" in plain else plain


def _unescape(entity: re.Match[str]) -> str:
    """The character that an entity stands for; a name that HTML does not have stays, where HTML would take a part."""
    return html.unescape(entity[0]) if entity[1].startswith("#") or entity[1] in html5 else entity[0]


def optional_date(sent: object) -> date | None:
    try:
        return date.fromisoformat(sent) if type(sent) is str else None
    except ValueError:
        return None


def utc(moment: datetime) -> datetime:
    """A time without a zone is UTC's; others keep theirs."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def optional_utc(moment: datetime | None) -> datetime | None:
    return utc(moment) if moment else None
