"""Plaid's answers in banking's words. The sign of money is turned here and nowhere else.

Plaid counts money that leaves an account as positive; banking counts it as negative. Figures stay exactly as
they were sent. What Plaid may leave out or set to null becomes ``None`` or an empty text, words that Plaid
may add tomorrow pass through, and an answer that breaks Plaid's own contract raises ``MalformedAnswer``. One odd row
takes nothing else along: what only describes it is left empty, and without what its money hangs on it is set aside.
Every transaction of every sync passes through here, so one row may cost a few microseconds and no more.
"""

import functools
import html
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from html.entities import html5
from typing import Any, TypeVar
from urllib.parse import urlsplit

from banking.plaid.errors import trouble, word
from banking.provider import (
    AccountRow,
    Brought,
    Credential,
    InstitutionFacts,
    ItemFacts,
    LinkToken,
    MalformedAnswer,
    Page,
    Readiness,
    Roster,
    SetAside,
    TransactionRow,
)

Json = dict[str, Any]
Shape = TypeVar("Shape")

READINESS = {
    "INITIAL_UPDATE_COMPLETE": Readiness.INITIAL,
    "HISTORICAL_UPDATE_COMPLETE": Readiness.HISTORICAL,
}
PRODUCT_LISTS = ("products", "billed_products", "consented_products", "available_products")
KINDS = {"added": "transaction", "modified": "transaction", "removed": "removal", "accounts": "account"}
# Eighteen digits before the point are as many as a money column has; no account comes near. PostgreSQL reads no figure
# with endless digits behind it.
MOST = Decimal(10) ** 18 - 1
SMALLEST = -1000
LONGEST_ID = 256
LONGEST_CURRENCY = 10

# With its semicolon: HTML reads some without one, and would make "B®AL" of "B&REGAL".
_ENTITY = re.compile(r"&(#[0-9]{1,7};|#[xX][0-9a-fA-F]{1,6};|[A-Za-z][A-Za-z0-9]{1,31};)")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


class Flaw(Exception):
    """A field is not what Plaid promises. Names the field, never what it held."""


def translation(translate: Callable[[Json], Shape]) -> Callable[[Json], Shape]:
    """Let ``translate`` raise ``MalformedAnswer``, with Plaid's request id, for a missing or broken field."""

    @functools.wraps(translate)
    def checked(answer: Json) -> Shape:
        try:
            return translate(answer)
        except (KeyError, Flaw) as flaw:
            field = str(flaw.args[0])
        raise MalformedAnswer("BROKEN_FIELD", request_id=word(answer.get("request_id")), detail=field)

    return checked


@translation
def page(answer: Json) -> Page:
    """Translate an answer of /transactions/sync.

    https://plaid.com/docs/api/products/transactions/#transactionssync
    """
    if not isinstance(answer.get("next_cursor"), str):
        raise Flaw("next_cursor")
    next_cursor, has_more = _text(answer, "next_cursor"), _flag(answer, "has_more")
    if has_more and not next_cursor:
        # Following an empty cursor would read the stream from its beginning, for ever.
        raise Flaw("next_cursor")
    aside: list[SetAside] = []
    return Page(
        added=_each(answer, "added", _transaction, aside),
        modified=_each(answer, "modified", _transaction, aside),
        removed=_each(answer, "removed", _removed, aside),
        accounts=_each(answer, "accounts", _account, aside),
        next_cursor=next_cursor,
        has_more=has_more,
        readiness=READINESS.get(_text(answer, "transactions_update_status"), Readiness.NOT_READY),
        request_id=word(answer.get("request_id")),
        set_aside=aside,
    )


@translation
def roster(answer: Json) -> Roster:
    """Translate an answer of /accounts/get. https://plaid.com/docs/api/accounts/#accountsget"""
    if answer["accounts"] is None:
        # Not the same as none: every account would be closed.
        raise Flaw("accounts")
    aside: list[SetAside] = []
    accounts = _each(answer, "accounts", _account, aside)
    return Roster(accounts=accounts, request_id=word(answer.get("request_id")), set_aside=aside)


@translation
def item(answer: Json) -> ItemFacts:
    """Translate an answer of /item/get; ``products`` holds all that Plaid lists for the Item, in use or not.

    https://plaid.com/docs/api/items/#itemget
    """
    facts, status = _object(answer, "item"), _optional_object(answer, "status")
    error = _optional_object(facts, "error")
    return ItemFacts(
        provider_item_id=_identifier(facts, "item_id"),
        institution_id=_text(facts, "institution_id"),
        institution_name=_words(facts, "institution_name"),
        error_code=word(error.get("error_code")),
        webhook=_text(facts, "webhook"),
        consent_expires_at=_moment(facts, "consent_expiration_time"),
        data_as_of=_moment(_optional_object(status, "transactions"), "last_successful_update"),
        products=_products(facts),
        trouble=trouble(error),
    )


@translation
def institution(answer: Json) -> InstitutionFacts:
    """Translate an answer of /institutions/get_by_id. Pages use address and color, so odd ones go.

    https://plaid.com/docs/api/institutions/#institutionsget_by_id
    """
    facts = _object(answer, "institution")
    url, color = _text(facts, "url"), _text(facts, "primary_color")
    return InstitutionFacts(
        institution_id=_identifier(facts, "institution_id"),
        name=_words(facts, "name"),
        url=url if _is_web_address(url) else "",
        color=color if _COLOR.fullmatch(color) else "",
    )


@translation
def link_token(answer: Json) -> LinkToken:
    """Translate an answer of /link/token/create. https://plaid.com/docs/api/link/#linktokencreate"""
    expires_at = _moment(answer, "expiration")
    if expires_at is None:
        raise Flaw("expiration")
    return LinkToken(
        value=_identifier(answer, "link_token"),
        expires_at=expires_at,
        request_id=word(answer.get("request_id")),
    )


@translation
def brought(answer: Json) -> list[Brought]:
    """Translate an answer of /link/token/get: what each ended session has added, in the new form and in the old.

    https://plaid.com/docs/api/link/#linktokenget
    """
    found: dict[str, Brought] = {}
    for session in _rows({"link_sessions": answer.get("link_sessions") or []}, "link_sessions"):
        results, success = _optional_object(session, "results"), _optional_object(session, "on_success")
        added = _rows({"added": results.get("item_add_results") or []}, "added")
        if success:
            added = [*added, {**_optional_object(success, "metadata"), "public_token": success.get("public_token")}]
        found |= {each.public_token: each for each in map(_brought, added)}
    return list(found.values())


def _brought(row: Json) -> Brought:
    institution = _optional_object(row, "institution")
    accounts = _rows({"accounts": row.get("accounts") or []}, "accounts")
    return Brought(
        public_token=_identifier(row, "public_token"),
        institution_id=_text(institution, "institution_id"),
        institution_name=_text(institution, "name"),
        accounts=frozenset((_text(account, "name"), _text(account, "mask")) for account in accounts),
    )


@translation
def credential(answer: Json) -> Credential:
    """Translate an answer of /item/public_token/exchange.

    https://plaid.com/docs/api/items/#itempublic_tokenexchange
    """
    return Credential(
        access_token=_identifier(answer, "access_token"),
        provider_item_id=_identifier(answer, "item_id"),
        request_id=word(answer.get("request_id")),
    )


@translation
def webhook_key(answer: Json) -> Json:
    """Take the JWK out of an answer of /webhook_verification_key/get.

    https://plaid.com/docs/api/webhooks/webhook-verification/#get-webhook-verification-key
    """
    return _object(answer, "key")


def _each(answer: Json, field: str, translate: Callable[[Json], Shape], aside: list[SetAside]) -> list[Shape]:
    """Translate a list's rows, and set those aside that cannot be. A list may be null; anything else is no list."""
    rows, translated = answer[field], []
    if rows is None:
        return []
    if type(rows) is not list:
        raise Flaw(field)
    for row in rows:
        if type(row) is not dict:
            aside.append(SetAside(KINDS[field], "row"))
            continue
        try:
            translated.append(translate(row))
        except (KeyError, Flaw) as flaw:
            aside.append(SetAside(KINDS[field], str(flaw.args[0]), _loose_id(row, "transaction_id")))
    return translated


def _removed(row: Json) -> str:
    return _row_id(row, "transaction_id")


def _transaction(row: Json) -> TransactionRow:
    paid = _money(row, "amount")
    if paid is None:
        raise Flaw("amount")
    category = _loose_object(row, "personal_finance_category")
    return TransactionRow(
        _row_id(row, "transaction_id"),
        _row_id(row, "account_id"),
        # copy_negate is exact at any length, where a minus rounds to 28 digits. It makes -0 of 0, though.
        paid.copy_negate() if paid else paid.copy_abs(),
        paid,
        _currency(row, True),
        _day(row["date"], "date"),
        _loose_day(row, "authorized_date"),
        _words(row, "name"),
        _words(row, "merchant_name"),
        _flag(row, "pending"),
        _loose_id(row, "pending_transaction_id"),
        _loose(category, "primary"),
        _loose(category, "detailed"),
        _loose(category, "confidence_level"),
        _loose(row, "payment_channel"),
    )


def _account(row: Json) -> AccountRow:
    balances = _loose_object(row, "balances")
    return AccountRow(
        provider_id=_row_id(row, "account_id"),
        persistent_id=_loose_id(row, "persistent_account_id"),
        name=_words(row, "name"),
        official_name=_words(row, "official_name"),
        mask=_loose(row, "mask"),
        type=_loose(row, "type") or "other",
        subtype=_loose(row, "subtype"),
        current=_loose_money(balances, "current"),
        available=_loose_money(balances, "available"),
        limit=_loose_money(balances, "limit"),
        currency=_currency(balances, False),
    )


def _money(row: Json, field: str) -> Decimal | None:
    """A figure exactly as sent. A float means that somebody decoded the answer carelessly."""
    value = row.get(field)
    if value is None:
        return None
    if type(value) is int:
        value = Decimal(value)
    if type(value) is not Decimal or not value.is_finite() or not -MOST <= value <= MOST:
        raise Flaw(field)
    if int(value.as_tuple().exponent) < SMALLEST:
        raise Flaw(field)
    return value


def _loose_money(row: Json, field: str) -> Decimal | None:
    """A balance, or nothing where what is sent is none: the account is there all the same."""
    try:
        return _money(row, field)
    except Flaw:
        return None


def _currency(row: Json, needed: bool) -> str:
    """The ISO code or, for the likes of BTC, Plaid's own. A movement with neither cannot be counted."""
    for field in ("iso_currency_code", "unofficial_currency_code"):
        code = row.get(field)
        if type(code) is str and code.isprintable() and 0 < len(code) <= LONGEST_CURRENCY:
            return code
    if needed:
        raise Flaw("iso_currency_code")
    return ""


def _loose(row: Json, field: str) -> str:
    """A text that only describes. A number is as good as its digits, anything else is as good as nothing."""
    value = row.get(field)
    if type(value) is str:
        return value if value.isprintable() else _storable(value)
    return str(value) if type(value) in (int, Decimal) else ""


def _loose_object(row: Json, field: str) -> Json:
    value = row.get(field)
    return value if type(value) is dict else _NOTHING


def _loose_day(row: Json, field: str) -> date | None:
    value = row.get(field)
    if value is None:
        return None
    try:
        return _day(value, field)
    except Flaw:
        return None


def _loose_id(row: Json, field: str) -> str:
    value = row.get(field)
    return value if type(value) is str and value.isprintable() and len(value) <= LONGEST_ID else ""


def _row_id(row: Json, field: str) -> str:
    value = _identifier(row, field)
    if len(value) > LONGEST_ID:
        raise Flaw(field)
    return value


def _text(row: Json, field: str) -> str:
    value = row.get(field)
    if value is None:
        return ""
    if type(value) is not str:
        raise Flaw(field)
    return value if value.isprintable() else _storable(value)


def _words(row: Json, field: str) -> str:
    """A text that people read. Some banks send it escaped for HTML, ``AT&amp;T``; that is taken back, once."""
    text = _loose(row, field)
    return _ENTITY.sub(_unescaped, text) if "&" in text else text


def _unescaped(entity: re.Match[str]) -> str:
    """The character that an entity stands for; a name that HTML does not have stays, where HTML would take a part."""
    return html.unescape(entity[0]) if entity[1].startswith("#") or entity[1] in html5 else entity[0]


def _storable(text: str) -> str:
    """JSON may carry NUL and halves of surrogate pairs, which no PostgreSQL text can hold."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _identifier(row: Json, field: str) -> str:
    value = row[field]
    if type(value) is not str or not value or not value.isprintable():
        raise Flaw(field)
    return value


def _flag(row: Json, field: str) -> bool:
    value = row[field]
    if type(value) is not bool:
        raise Flaw(field)
    return value


def _day(value: Any, field: str) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Flaw(field) from None


def _moment(row: Json, field: str) -> datetime | None:
    value = row.get(field)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Flaw(field) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _object(row: Json, field: str) -> Json:
    value = row[field]
    if type(value) is not dict:
        raise Flaw(field)
    return value


_NOTHING: Json = {}


def _optional_object(row: Json, field: str) -> Json:
    return _NOTHING if row.get(field) is None else _object(row, field)


def _rows(answer: Json, field: str) -> list[Json]:
    rows = answer[field]
    if type(rows) is not list or not all(type(row) is dict for row in rows):
        raise Flaw(field)
    return rows


def _products(facts: Json) -> list[str]:
    """Each product once. Where consent was asked for in advance, only ``consented_products`` may show it."""
    lists = [facts.get(field) for field in PRODUCT_LISTS]
    listed = [word(product) for products in lists if isinstance(products, list) for product in products]
    return list(dict.fromkeys(filter(None, listed)))


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname)
