"""Plaid's answers in banking's words. The sign of money is turned here and nowhere else.

Plaid counts money that leaves an account as positive; banking counts it as negative. Figures stay exactly as
they were sent. What Plaid may leave out or set to null becomes ``None`` or an empty text, words that Plaid
may add tomorrow pass through, and an answer that breaks Plaid's own contract raises ``MalformedResponse``. One odd row
takes nothing else along: what only describes it is left empty, and without what its money hangs on it is set aside.
Every transaction of every sync passes through here, so one row may cost a few microseconds and no more.
"""

import functools
import re
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from banking.plaid.errors import item_error, safe_code
from banking.plaid.fields import (
    FieldError,
    Json,
    read_currency,
    read_date,
    read_datetime,
    read_display_text,
    read_flag,
    read_identifier,
    read_loose_id,
    read_loose_money,
    read_loose_object,
    read_loose_text,
    read_money,
    read_object,
    read_optional_date,
    read_optional_object,
    read_row_id,
    read_rows,
    read_text,
)
from banking.provider import (
    AccountRow,
    AccountsResponse,
    Credential,
    InstitutionDetails,
    ItemDetails,
    LinkResult,
    LinkToken,
    MalformedResponse,
    Readiness,
    SkippedRow,
    TransactionRow,
    TransactionsPage,
)

Shape = TypeVar("Shape")

READINESS = {
    "INITIAL_UPDATE_COMPLETE": Readiness.INITIAL,
    "HISTORICAL_UPDATE_COMPLETE": Readiness.HISTORICAL,
}
PRODUCT_LISTS = ("products", "billed_products", "consented_products", "available_products")
KINDS = {"added": "transaction", "modified": "transaction", "removed": "removal", "accounts": "account"}
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def translation(translate: Callable[[Json], Shape]) -> Callable[[Json], Shape]:
    """Let ``translate`` raise ``MalformedResponse``, with Plaid's request id, for a missing or broken field."""

    @functools.wraps(translate)
    def checked(answer: Json) -> Shape:
        try:
            return translate(answer)
        except (KeyError, FieldError) as flaw:
            field = str(flaw.args[0])
        raise MalformedResponse("BROKEN_FIELD", request_id=safe_code(answer.get("request_id")), detail=field)

    return checked


@translation
def page(answer: Json) -> TransactionsPage:
    """Translate an answer of /transactions/sync.

    https://plaid.com/docs/api/products/transactions/#transactionssync
    """
    if not isinstance(answer.get("next_cursor"), str):
        raise FieldError("next_cursor")
    next_cursor, has_more = read_text(answer, "next_cursor"), read_flag(answer, "has_more")
    if has_more and not next_cursor:
        # Following an empty cursor would read the stream from its beginning, for ever.
        raise FieldError("next_cursor")
    aside: list[SkippedRow] = []
    return TransactionsPage(
        added=_each(answer, "added", _transaction, aside),
        modified=_each(answer, "modified", _transaction, aside),
        removed=_each(answer, "removed", _removed, aside),
        accounts=_each(answer, "accounts", _account, aside),
        next_cursor=next_cursor,
        has_more=has_more,
        readiness=READINESS.get(read_text(answer, "transactions_update_status"), Readiness.NOT_READY),
        request_id=safe_code(answer.get("request_id")),
        skipped=aside,
    )


@translation
def roster(answer: Json) -> AccountsResponse:
    """Translate an answer of /accounts/get. https://plaid.com/docs/api/accounts/#accountsget"""
    if answer["accounts"] is None:
        # Not the same as none: every account would be closed.
        raise FieldError("accounts")
    aside: list[SkippedRow] = []
    accounts = _each(answer, "accounts", _account, aside)
    return AccountsResponse(accounts=accounts, request_id=safe_code(answer.get("request_id")), skipped=aside)


@translation
def item(answer: Json) -> ItemDetails:
    """Translate an answer of /item/get; ``products`` holds all that Plaid lists for the Item, in use or not.

    https://plaid.com/docs/api/items/#itemget
    """
    facts, status = read_object(answer, "item"), read_optional_object(answer, "status")
    error = read_optional_object(facts, "error")
    return ItemDetails(
        provider_item_id=read_identifier(facts, "item_id"),
        institution_id=read_text(facts, "institution_id"),
        institution_name=read_display_text(facts, "institution_name"),
        error_code=safe_code(error.get("error_code")),
        webhook=read_text(facts, "webhook"),
        consent_expires_at=read_datetime(facts, "consent_expiration_time"),
        data_as_of=read_datetime(read_optional_object(status, "transactions"), "last_successful_update"),
        products=_products(facts),
        error=item_error(error),
    )


@translation
def institution(answer: Json) -> InstitutionDetails:
    """Translate an answer of /institutions/get_by_id. Pages use address and color, so odd ones go.

    https://plaid.com/docs/api/institutions/#institutionsget_by_id
    """
    facts = read_object(answer, "institution")
    url, color = read_text(facts, "url"), read_text(facts, "primary_color")
    return InstitutionDetails(
        institution_id=read_identifier(facts, "institution_id"),
        name=read_display_text(facts, "name"),
        url=url if _is_web_address(url) else "",
        color=color if _COLOR.fullmatch(color) else "",
    )


@translation
def link_token(answer: Json) -> LinkToken:
    """Translate an answer of /link/token/create. https://plaid.com/docs/api/link/#linktokencreate"""
    expires_at = read_datetime(answer, "expiration")
    if expires_at is None:
        raise FieldError("expiration")
    return LinkToken(
        value=read_identifier(answer, "link_token"),
        expires_at=expires_at,
        request_id=safe_code(answer.get("request_id")),
    )


@translation
def brought(answer: Json) -> list[LinkResult]:
    """Translate an answer of /link/token/get: what each ended session has added, in the new form and in the old.

    https://plaid.com/docs/api/link/#linktokenget
    """
    found: dict[str, LinkResult] = {}
    for session in read_rows({"link_sessions": answer.get("link_sessions") or []}, "link_sessions"):
        results, success = read_optional_object(session, "results"), read_optional_object(session, "on_success")
        added = read_rows({"added": results.get("item_add_results") or []}, "added")
        if success:
            added = [*added, {**read_optional_object(success, "metadata"), "public_token": success.get("public_token")}]
        found |= {each.public_token: each for each in map(_brought, added)}
    return list(found.values())


def _brought(row: Json) -> LinkResult:
    institution = read_optional_object(row, "institution")
    accounts = read_rows({"accounts": row.get("accounts") or []}, "accounts")
    return LinkResult(
        public_token=read_identifier(row, "public_token"),
        institution_id=read_loose_text(institution, "institution_id"),
        institution_name=read_display_text(institution, "name"),
        accounts=frozenset(
            (read_display_text(account, "name"), read_loose_text(account, "mask")) for account in accounts
        ),
    )


@translation
def credential(answer: Json) -> Credential:
    """Translate an answer of /item/public_token/exchange.

    https://plaid.com/docs/api/items/#itempublic_tokenexchange
    """
    return Credential(
        access_token=read_identifier(answer, "access_token"),
        provider_item_id=read_identifier(answer, "item_id"),
        request_id=safe_code(answer.get("request_id")),
    )


@translation
def webhook_key(answer: Json) -> Json:
    """Take the JWK out of an answer of /webhook_verification_key/get.

    https://plaid.com/docs/api/webhooks/webhook-verification/#get-webhook-verification-key
    """
    return read_object(answer, "key")


def _each(answer: Json, field: str, translate: Callable[[Json], Shape], aside: list[SkippedRow]) -> list[Shape]:
    """Translate a list's rows, and set those aside that cannot be. A list may be null; anything else is no list."""
    rows, translated = answer[field], []
    if rows is None:
        return []
    if type(rows) is not list:
        raise FieldError(field)
    for row in rows:
        if type(row) is not dict:
            aside.append(SkippedRow(KINDS[field], "row"))
            continue
        try:
            translated.append(translate(row))
        except (KeyError, FieldError) as flaw:
            aside.append(SkippedRow(KINDS[field], str(flaw.args[0]), read_loose_id(row, "transaction_id")))
    return translated


def _removed(row: Json) -> str:
    return read_row_id(row, "transaction_id")


def _transaction(row: Json) -> TransactionRow:
    paid = read_money(row, "amount")
    if paid is None:
        raise FieldError("amount")
    category = read_loose_object(row, "personal_finance_category")
    return TransactionRow(
        read_row_id(row, "transaction_id"),
        read_row_id(row, "account_id"),
        # copy_negate is exact at any length, where a minus rounds to 28 digits. It makes -0 of 0, though.
        paid.copy_negate() if paid else paid.copy_abs(),
        paid,
        read_currency(row, True),
        read_date(row["date"], "date"),
        read_optional_date(row, "authorized_date"),
        read_display_text(row, "name"),
        read_display_text(row, "merchant_name"),
        read_flag(row, "pending"),
        read_loose_id(row, "pending_transaction_id"),
        read_loose_text(category, "primary"),
        read_loose_text(category, "detailed"),
        read_loose_text(category, "confidence_level"),
        read_loose_text(row, "payment_channel"),
    )


def _account(row: Json) -> AccountRow:
    balances = read_loose_object(row, "balances")
    return AccountRow(
        provider_id=read_row_id(row, "account_id"),
        persistent_id=read_loose_id(row, "persistent_account_id"),
        name=read_display_text(row, "name"),
        official_name=read_display_text(row, "official_name"),
        mask=read_loose_text(row, "mask"),
        type=read_loose_text(row, "type") or "other",
        subtype=read_loose_text(row, "subtype"),
        current=read_loose_money(balances, "current"),
        available=read_loose_money(balances, "available"),
        limit=read_loose_money(balances, "limit"),
        currency=read_currency(balances, False),
    )


def _products(facts: Json) -> list[str]:
    """Each product once. Where consent was asked for in advance, only ``consented_products`` may show it."""
    lists = [facts.get(field) for field in PRODUCT_LISTS]
    listed = [safe_code(product) for products in lists if isinstance(products, list) for product in products]
    return list(dict.fromkeys(filter(None, listed)))


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname)
