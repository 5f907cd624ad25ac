"""Parse Plaid's responses into banking's rows. The sign of money is turned here and nowhere else.

Plaid counts money that leaves an account as positive, banking as negative. Amounts stay exactly as they were sent.
What Plaid may omit or set to null becomes ``None`` or an empty text, and values that Plaid may add later pass through.
A response that breaks Plaid's own contract raises ``MalformedResponse``. A malformed row affects no other row: fields
that only describe it are left empty, and a row without its id, account, amount, currency or date is skipped and
listed. Every transaction of every sync is parsed here, so one row may cost a few microseconds and no more.
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
ROW_KINDS = {"added": "transaction", "modified": "transaction", "removed": "removal", "accounts": "account"}
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def raises_malformed_response(parse: Callable[[Json], Shape]) -> Callable[[Json], Shape]:
    """Make a parser raise ``MalformedResponse``, with Plaid's request id, for a missing or broken field."""

    @functools.wraps(parse)
    def parse_or_raise(response: Json) -> Shape:
        try:
            return parse(response)
        except (KeyError, FieldError) as error:
            field = str(error.args[0])
        raise MalformedResponse("BROKEN_FIELD", request_id=safe_code(response.get("request_id")), detail=field)

    return parse_or_raise


@raises_malformed_response
def parse_sync(response: Json) -> TransactionsPage:
    """Parse a response of /transactions/sync.

    https://plaid.com/docs/api/products/transactions/#transactionssync
    """
    if not isinstance(response.get("next_cursor"), str):
        raise FieldError("next_cursor")
    next_cursor, has_more = read_text(response, "next_cursor"), read_flag(response, "has_more")
    if has_more and not next_cursor:
        # Following an empty cursor would read the stream from its beginning, for ever.
        raise FieldError("next_cursor")
    skipped: list[SkippedRow] = []
    return TransactionsPage(
        added=_parse_rows(response, "added", _parse_transaction, skipped),
        modified=_parse_rows(response, "modified", _parse_transaction, skipped),
        removed=_parse_rows(response, "removed", _parse_removed, skipped),
        accounts=_parse_rows(response, "accounts", _parse_account, skipped),
        next_cursor=next_cursor,
        has_more=has_more,
        readiness=READINESS.get(read_text(response, "transactions_update_status"), Readiness.NOT_READY),
        request_id=safe_code(response.get("request_id")),
        skipped=skipped,
    )


@raises_malformed_response
def parse_accounts(response: Json) -> AccountsResponse:
    """Parse a response of /accounts/get. https://plaid.com/docs/api/accounts/#accountsget"""
    if response["accounts"] is None:
        # Not the same as none: every account would be closed.
        raise FieldError("accounts")
    skipped: list[SkippedRow] = []
    accounts = _parse_rows(response, "accounts", _parse_account, skipped)
    return AccountsResponse(accounts=accounts, request_id=safe_code(response.get("request_id")), skipped=skipped)


@raises_malformed_response
def parse_item(response: Json) -> ItemDetails:
    """Parse a response of /item/get; ``products`` holds all that Plaid lists for the Item, in use or not.

    https://plaid.com/docs/api/items/#itemget
    """
    facts, status = read_object(response, "item"), read_optional_object(response, "status")
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


@raises_malformed_response
def parse_institution(response: Json) -> InstitutionDetails:
    """Parse a response of /institutions/get_by_id. Pages use the URL and the color, so invalid ones are dropped.

    https://plaid.com/docs/api/institutions/#institutionsget_by_id
    """
    facts = read_object(response, "institution")
    url, color = read_text(facts, "url"), read_text(facts, "primary_color")
    return InstitutionDetails(
        institution_id=read_identifier(facts, "institution_id"),
        name=read_display_text(facts, "name"),
        url=url if _is_http_url(url) else "",
        color=color if _COLOR.fullmatch(color) else "",
    )


@raises_malformed_response
def parse_link_token(response: Json) -> LinkToken:
    """Parse a response of /link/token/create. https://plaid.com/docs/api/link/#linktokencreate"""
    expires_at = read_datetime(response, "expiration")
    if expires_at is None:
        raise FieldError("expiration")
    return LinkToken(
        value=read_identifier(response, "link_token"),
        expires_at=expires_at,
        request_id=safe_code(response.get("request_id")),
    )


@raises_malformed_response
def parse_link_results(response: Json) -> list[LinkResult]:
    """Parse a response of /link/token/get: what each ended session added, in Plaid's new form and in its old one.

    https://plaid.com/docs/api/link/#linktokenget
    """
    results_by_token: dict[str, LinkResult] = {}
    for session in read_rows({"link_sessions": response.get("link_sessions") or []}, "link_sessions"):
        results, success = read_optional_object(session, "results"), read_optional_object(session, "on_success")
        added = read_rows({"added": results.get("item_add_results") or []}, "added")
        if success:
            added = [*added, {**read_optional_object(success, "metadata"), "public_token": success.get("public_token")}]
        results_by_token |= {result.public_token: result for result in map(_link_result, added)}
    return list(results_by_token.values())


def _link_result(row: Json) -> LinkResult:
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


@raises_malformed_response
def parse_credential(response: Json) -> Credential:
    """Parse a response of /item/public_token/exchange.

    https://plaid.com/docs/api/items/#itempublic_tokenexchange
    """
    return Credential(
        access_token=read_identifier(response, "access_token"),
        provider_item_id=read_identifier(response, "item_id"),
        request_id=safe_code(response.get("request_id")),
    )


@raises_malformed_response
def parse_webhook_key(response: Json) -> Json:
    """Take the JWK out of a response of /webhook_verification_key/get.

    https://plaid.com/docs/api/webhooks/webhook-verification/#get-webhook-verification-key
    """
    return read_object(response, "key")


def _parse_rows(response: Json, field: str, parse: Callable[[Json], Shape], skipped: list[SkippedRow]) -> list[Shape]:
    """Parse a list's rows; ``skipped`` gets those that cannot be parsed. The list may be null."""
    rows, parsed = response[field], []
    if rows is None:
        return []
    if type(rows) is not list:
        raise FieldError(field)
    for row in rows:
        if type(row) is not dict:
            skipped.append(SkippedRow(ROW_KINDS[field], "row"))
            continue
        try:
            parsed.append(parse(row))
        except (KeyError, FieldError) as error:
            skipped.append(SkippedRow(ROW_KINDS[field], str(error.args[0]), read_loose_id(row, "transaction_id")))
    return parsed


def _parse_removed(row: Json) -> str:
    return read_row_id(row, "transaction_id")


def _parse_transaction(row: Json) -> TransactionRow:
    outflow = read_money(row, "amount")
    if outflow is None:
        raise FieldError("amount")
    category = read_loose_object(row, "personal_finance_category")
    return TransactionRow(
        read_row_id(row, "transaction_id"),
        read_row_id(row, "account_id"),
        # copy_negate is exact at any length, where a minus rounds to 28 digits. It makes -0 of 0, though.
        outflow.copy_negate() if outflow else outflow.copy_abs(),
        outflow,
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


def _parse_account(row: Json) -> AccountRow:
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
    codes = [safe_code(product) for products in lists if isinstance(products, list) for product in products]
    return list(dict.fromkeys(filter(None, codes)))


def _is_http_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname)
