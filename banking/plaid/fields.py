"""Convert the fields of Plaid's responses to what banking stores.

Functions that take the field's name raise ``FieldError``; the others return an empty value instead, because their
field only describes the row. Every field of every transaction passes through here, so one may cost a fraction of a
microsecond.
"""

import html
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from html.entities import html5

from msgspec import Raw, ValidationError

# A money column has eighteen digits before the point. PostgreSQL rejects numbers with too many digits after it.
MAX_AMOUNT = Decimal(10) ** 18 - 1
MAX_AMOUNT_LENGTH, MIN_EXPONENT = 1000, -1000
MAX_ID_LENGTH = 256
MAX_CURRENCY_LENGTH = 10
# Totals have an index of categories, which holds no long texts. Plaid's codes have up to 60 characters.
MAX_CODE_LENGTH = 100
MIN_YEAR, MAX_YEAR = 1900, 9998
MAX_AUTHORIZATION_TIME = timedelta(days=366)
# Plaid has at most two years of a history. Dates that stand for none, such as 0001-01-01 and 1970-01-01, are earlier.
FIRST_POSTING_DATE = date(1990, 1, 1)

# Replaces a lone surrogate, which UTF-8 cannot encode. UTF-8 can encode U+FFFF, which is not a character: no genuine
# text contains it, and ids with it are refused because it is not printable.
SURROGATE_PLACEHOLDER = "\uffff"
_STORABLE = {0: None, ord(SURROGATE_PLACEHOLDER): "?"}

# Only with a semicolon: HTML accepts some without one, and would turn "B&REGAL" into "B®AL".
_ENTITY = re.compile(r"&(#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)")


class FieldError(ValidationError):
    """A field is not what Plaid documents. The message names the field as msgspec does, and never its value."""

    def __init__(self, field: str) -> None:
        super().__init__(f"Invalid value - at `$.{field}`")


def money(sent: Raw) -> Decimal | None:
    """A JSON number exactly as sent; ``None`` for anything else, such as a string of digits."""
    try:
        value = Decimal(str(sent, "utf-8"))
    except InvalidOperation:
        return None
    has_valid_size = -MAX_AMOUNT <= value <= MAX_AMOUNT and value.adjusted() >= MIN_EXPONENT
    return value if has_valid_size and len(sent) <= MAX_AMOUNT_LENGTH else None


def required_money(sent: Raw, field: str) -> Decimal:
    value = money(sent)
    if value is None:
        raise FieldError(field)
    return value


def negate(outflow: Decimal) -> Decimal:
    """Turn Plaid's sign into banking's, exactly: a minus would round to 28 digits, and ``copy_negate`` makes -0."""
    return outflow.copy_negate() if outflow else outflow.copy_abs()


def currency_code(iso: object, unofficial: object) -> str:
    """The ISO code, or Plaid's unofficial one for currencies such as BTC."""
    for code in (iso, unofficial):
        if type(code) is str and code.isprintable() and 0 < len(code) <= MAX_CURRENCY_LENGTH:
            return code
    return ""


def required_currency_code(iso: object, unofficial: object, field: str) -> str:
    """As ``currency_code``, but required: an amount without a currency cannot be counted."""
    code = currency_code(iso, unofficial)
    if not code:
        raise FieldError(field)
    return code


def identifier(sent: str, field: str) -> str:
    if not sent or not sent.isprintable():
        raise FieldError(field)
    return sent


def row_id(sent: str, field: str) -> str:
    if not 0 < len(sent) <= MAX_ID_LENGTH or not sent.isprintable():
        raise FieldError(field)
    return sent


def optional_row_id(sent: object) -> str:
    return sent if type(sent) is str and sent.isprintable() and len(sent) <= MAX_ID_LENGTH else ""


def text(sent: object) -> str:
    """A string that PostgreSQL can store. A number becomes its digits, and any other type an empty string."""
    if type(sent) is str:
        return sent if sent.isprintable() else sent.translate(_STORABLE)
    return str(sent) if type(sent) in (int, Decimal) else ""


def code(sent: object) -> str:
    """One of Plaid's codes, known or not; empty if it is too long for one."""
    value = text(sent)
    return value if len(value) <= MAX_CODE_LENGTH else ""


def display_text(sent: object) -> str:
    """A text for pages. Some banks send it escaped for HTML, as ``AT&amp;T``: it is unescaped once."""
    plain = text(sent)
    return _ENTITY.sub(_unescape, plain) if "&" in plain else plain


def _unescape(entity: re.Match[str]) -> str:
    """The character of an HTML entity. An unknown name stays as it is, although HTML would match a prefix of it."""
    return html.unescape(entity[0]) if entity[1].startswith("#") or entity[1] in html5 else entity[0]


def optional_date(sent: object) -> date | None:
    try:
        return date.fromisoformat(sent) if type(sent) is str else None
    except ValueError:
        return None


def posting_date(sent: date, field: str) -> date:
    """The day on which a transaction was posted. One that stands for no date would begin the account's history."""
    if sent < FIRST_POSTING_DATE:
        raise FieldError(field)
    return sent


def authorization_date(sent: object, *, posted: date) -> date | None:
    """The day on which a transaction was authorized, unless it is more than a year away from the posting date.

    Some banks send 0001-01-01 or 1970-01-01 where they know none, and this day decides where a transaction is counted.
    """
    day = optional_date(sent)
    return day if day is not None and abs(day - posted) <= MAX_AUTHORIZATION_TIME else None


def optional_time(sent: object) -> datetime | None:
    """A time as ``optional_utc``, from its text."""
    if type(sent) is not str:
        return None
    try:
        moment = datetime.fromisoformat(sent)
    except ValueError:
        return None
    return optional_utc(moment)


def utc(moment: datetime) -> datetime:
    """The time with its time zone, which is UTC if none was sent."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def optional_utc(moment: datetime | None) -> datetime | None:
    """A decoded time, if its year is one that both Python and PostgreSQL can hold in every time zone."""
    return utc(moment) if moment and MIN_YEAR <= moment.year <= MAX_YEAR else None
