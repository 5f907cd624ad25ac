"""Parse Plaid's responses into banking's rows. ``fields.negate`` turns the sign of amounts.

For Plaid, money that leaves an account is positive; in banking it is negative. Amounts stay exactly as they were sent.
Fields that Plaid may omit or set to null become ``None`` or empty, and values that Plaid may add later pass through. A
response that breaks Plaid's own contract raises ``MalformedResponse``. A malformed row affects no other row: fields
that only describe it are left empty, and a row without a valid id, account, amount, currency or date is added to
``skipped``, as is one whose descriptive field is a number that Python cannot hold. Every transaction of every sync is
parsed here, so a row must not take more than a few microseconds.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from msgspec import structs
from msgspec.json import Decoder

from banking.plaid import schemas
from banking.plaid.errors import item_error, safe_code
from banking.plaid.fields import (
    FieldError,
    authorization_date,
    code,
    currency_code,
    display_text,
    identifier,
    money,
    negate,
    optional_row_id,
    optional_time,
    optional_utc,
    posting_date,
    required_currency_code,
    required_money,
    row_id,
    text,
    utc,
)
from banking.plaid.link_page import hosted_page
from banking.plaid.response_decoding import decode_part, parse_rows, parses
from banking.provider import (
    AccountRow,
    AccountsResponse,
    Counterparty,
    Credential,
    InstitutionDetails,
    ItemDetails,
    LinkExit,
    LinkResult,
    LinkResults,
    LinkToken,
    Readiness,
    RowKind,
    SentWebhook,
    SkippedRow,
    TransactionRow,
    TransactionsPage,
)

READINESS = {
    "INITIAL_UPDATE_COMPLETE": Readiness.INITIAL,
    "HISTORICAL_UPDATE_COMPLETE": Readiness.HISTORICAL,
}
KNOWN_STATUSES = frozenset({*READINESS, "NOT_READY", "TRANSACTIONS_UPDATE_STATUS_UNKNOWN"})
PAGE_LISTS = ("added", "modified", "removed", "accounts")
MERCHANT = "merchant"
NOBODY = Counterparty()
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_transactions = Decoder(schemas.UncheckedTransaction, float_hook=Decimal)
_removals = Decoder(schemas.RemovedTransaction)
_accounts = Decoder(schemas.PlaidAccount, float_hook=Decimal)
_exits = Decoder(schemas.LinkSessionExit | None)
_categories = Decoder(schemas.PersonalFinanceCategory | None, float_hook=Decimal)
_counterparties = Decoder(tuple[Counterparty, ...] | None, float_hook=Decimal)
_balances = Decoder(schemas.AccountBalance | None, float_hook=Decimal)


@parses(schemas.TransactionsSyncResponse, valid=schemas.ValidTransactionsPage)
def parse_sync(response: schemas.TransactionsSyncResponse) -> TransactionsPage:
    """Parse a response of /transactions/sync."""
    next_cursor = text(response.next_cursor)
    if response.has_more and not next_cursor:
        # Following an empty cursor would download the stream from its start, forever.
        raise FieldError("next_cursor")
    skipped = [SkippedRow(RowKind.PAGE, field) for field in _unreadable_page_fields(response)]
    return TransactionsPage(
        added=parse_rows(response.added, RowKind.TRANSACTION, _transactions, _parse_transaction, skipped),
        modified=parse_rows(response.modified, RowKind.TRANSACTION, _transactions, _parse_transaction, skipped),
        removed=parse_rows(response.removed, RowKind.REMOVAL, _removals, _parse_removal, skipped),
        accounts=parse_rows(response.accounts, RowKind.ACCOUNT, _accounts, _parse_account, skipped),
        next_cursor=next_cursor,
        has_more=response.has_more,
        readiness=READINESS.get(text(response.transactions_update_status), Readiness.NOT_READY),
        request_id=safe_code(response.request_id),
        skipped=skipped,
    )


@parses(schemas.AccountsGetResponse)
def parse_accounts(response: schemas.AccountsGetResponse) -> AccountsResponse:
    """Parse a response of /accounts/get or of /accounts/balance/get."""
    skipped = [SkippedRow(RowKind.ACCOUNT_LIST, "accounts")] if response.accounts is None else []
    accounts = parse_rows(response.accounts, RowKind.ACCOUNT, _accounts, _parse_account, skipped)
    return AccountsResponse(accounts=accounts, request_id=safe_code(response.request_id), skipped=skipped)


@parses(schemas.ItemGetResponse)
def parse_item(response: schemas.ItemGetResponse) -> ItemDetails:
    """Parse a response of /item/get. ``products`` are all that Plaid lists for the Item, used or not."""
    item, error = response.item, response.item.error or {}
    status = response.status and response.status.transactions
    last_webhook = response.status and response.status.last_webhook
    return ItemDetails(
        provider_item_id=identifier(item.item_id, "item_id"),
        institution_id=text(item.institution_id),
        institution_name=display_text(item.institution_name),
        error_code=safe_code(error.get("error_code")),
        webhook=text(item.webhook),
        consent_expires_at=optional_utc(item.consent_expiration_time),
        data_as_of=optional_utc(status.last_successful_update) if status else None,
        products=_products(item),
        error=item_error(error),
        last_webhook=_sent_webhook(last_webhook) if last_webhook else None,
    )


@parses(schemas.ItemWebhookUpdateResponse)
def parse_webhook_update(response: schemas.ItemWebhookUpdateResponse) -> str:
    """Return the URL of an Item's webhooks from a response of /item/webhook/update."""
    return text(response.item.webhook)


@parses(schemas.InstitutionsGetByIdResponse)
def parse_institution(response: schemas.InstitutionsGetByIdResponse) -> InstitutionDetails:
    """Parse a response of /institutions/get_by_id. Pages use the URL and the color, so invalid ones are dropped."""
    institution = response.institution
    url, color = text(institution.url), text(institution.primary_color)
    return InstitutionDetails(
        institution_id=identifier(institution.institution_id, "institution_id"),
        name=display_text(institution.name),
        url=url if _is_http_url(url) else "",
        color=color if _COLOR.fullmatch(color) else "",
    )


@parses(schemas.LinkTokenCreateResponse)
def parse_link_token(response: schemas.LinkTokenCreateResponse) -> LinkToken:
    """Parse a response of /link/token/create. Raises ``MalformedResponse`` for a page that is not Plaid's."""
    return LinkToken(
        value=identifier(response.link_token, "link_token"),
        expires_at=utc(response.expiration),
        request_id=safe_code(response.request_id),
        hosted_url=hosted_page(response.hosted_link_url) if response.hosted_link_url else "",
    )


@parses(schemas.LinkTokenGetResponse)
def parse_link_results(response: schemas.LinkTokenGetResponse) -> LinkResults:
    """Parse a response of /link/token/get: the results of all ended sessions, oldest first, each public token once."""
    sessions = sorted(response.link_sessions or (), key=lambda session: text(session.finished_at))
    linked = (result for session in sessions for result in _link_results(session))
    exits = (_link_exit(session) for session in sessions)
    return LinkResults(
        linked=list({result.public_token: result for result in linked}.values()),
        exits=[link_exit for link_exit in exits if link_exit is not None],
    )


def _link_exit(session: schemas.PlaidLinkSession) -> LinkExit | None:
    """How the user left a session; ``None`` if it is open or has a result, or if that cannot be read."""
    left = decode_part(session.exit, _exits)
    # An empty object means the same as null.
    if left is None or left == schemas.LinkSessionExit():
        return None
    metadata = left.metadata or schemas.LinkExitMetadata()
    return LinkExit(
        error_code=safe_code(left.error.error_code) if left.error else "",
        exit_status=safe_code(metadata.status),
        request_id=safe_code(metadata.request_id),
        link_session_id=safe_code(session.link_session_id),
    )


def _link_results(session: schemas.PlaidLinkSession) -> Iterator[LinkResult]:
    session_id = safe_code(session.link_session_id)
    if session.results:
        for added in session.results.item_add_results or ():
            yield _link_result(added.public_token, added, session_id)
    # An empty object means the same as null.
    if session.on_success and session.on_success != schemas.LinkSuccess():
        metadata = session.on_success.metadata or schemas.LinkSuccessMetadata()
        yield _link_result(session.on_success.public_token, metadata, session_id)


def _link_result(public_token: str, added: schemas.LinkSuccessMetadata, session_id: str) -> LinkResult:
    institution = added.institution
    return LinkResult(
        public_token=identifier(public_token, "public_token"),
        institution_id=text(institution.institution_id) if institution else "",
        institution_name=display_text(institution.name) if institution else "",
        accounts=frozenset((display_text(account.name), text(account.mask)) for account in added.accounts or ()),
        link_session_id=session_id,
    )


@parses(schemas.ItemPublicTokenExchangeResponse)
def parse_credential(response: schemas.ItemPublicTokenExchangeResponse) -> Credential:
    """Parse a response of /item/public_token/exchange."""
    return Credential(
        access_token=identifier(response.access_token, "access_token"),
        provider_item_id=identifier(response.item_id, "item_id"),
        request_id=safe_code(response.request_id),
    )


@parses(schemas.WebhookVerificationKeyGetResponse)
def parse_webhook_key(response: schemas.WebhookVerificationKeyGetResponse) -> dict[str, Any]:
    """Return the JWK of a response of /webhook_verification_key/get."""
    return response.key


@parses(schemas.PlaidResponse)
def parse_removal(response: schemas.PlaidResponse) -> str:
    """Return the request id of a response of /item/remove, which has no other field."""
    return safe_code(response.request_id)


@parses(schemas.PlaidResponse)
def parse_refresh(response: schemas.PlaidResponse) -> str:
    """Return the request id of a response of /transactions/refresh, which has no other field."""
    return safe_code(response.request_id)


def _unreadable_page_fields(response: schemas.TransactionsSyncResponse) -> Iterator[str]:
    """The lists that are null or missing, and a status that Plaid does not document."""
    yield from (name for name in PAGE_LISTS if getattr(response, name) is None)
    status = response.transactions_update_status
    if status is not None and text(status) not in KNOWN_STATUSES:
        yield "transactions_update_status"


def _parse_transaction(sent: schemas.UncheckedTransaction | schemas.ValidTransaction) -> TransactionRow:
    outflow = required_money(sent.amount, "amount")
    category = decode_part(sent.personal_finance_category, _categories) or schemas.PersonalFinanceCategory()
    return TransactionRow(
        row_id(sent.transaction_id, "transaction_id"),
        row_id(sent.account_id, "account_id"),
        negate(outflow),
        outflow,
        required_currency_code(sent.iso_currency_code, sent.unofficial_currency_code, "iso_currency_code"),
        posting_date(sent.date, "date"),
        authorization_date(sent.authorized_date, posted=sent.date),
        display_text(sent.name),
        display_text(sent.merchant_name),
        sent.pending,
        optional_row_id(sent.pending_transaction_id),
        code(category.primary),
        code(category.detailed),
        code(category.confidence_level),
        code(sent.payment_channel),
        text(sent.original_description),
        optional_time(sent.datetime),
        optional_time(sent.authorized_datetime),
        _parse_counterparties(sent),
    )


def _parse_counterparties(sent: schemas.UncheckedTransaction | schemas.ValidTransaction) -> Sequence[Counterparty]:
    """The companies that a transaction names, the merchant first; none if Plaid's list is invalid.

    The merchant's website, logo and id are fields of the transaction, too. They are kept once, in the counterparty.
    """
    parties = decode_part(sent.counterparties, _counterparties) or ()
    first = parties[0] if parties else NOBODY
    if sent.merchant_entity_id == first.entity_id and sent.website == first.website and sent.logo_url == first.logo_url:
        return parties
    return _with_merchant(parties, sent)


def _with_merchant(parties: Sequence[Counterparty], sent: schemas.TransactionFields) -> Sequence[Counterparty]:
    """The parties, with what the transaction says of its merchant in the first one."""
    sent_facts = {"entity_id": sent.merchant_entity_id, "website": sent.website, "logo_url": sent.logo_url}
    facts = {name: value for name, value in sent_facts.items() if isinstance(value, str)}
    if not facts:
        return parties
    merchants = (party for party in parties if party.type == MERCHANT)
    same = next((party for party in merchants if party.entity_id in (None, sent.merchant_entity_id)), None)
    merchant = same or Counterparty(name=display_text(sent.merchant_name) or None, type=MERCHANT)
    return (structs.replace(merchant, **facts), *(party for party in parties if party is not same))


def _parse_removal(sent: schemas.RemovedTransaction) -> str:
    return row_id(sent.transaction_id, "transaction_id")


def _parse_account(sent: schemas.PlaidAccount) -> AccountRow:
    balance = decode_part(sent.balances, _balances) or schemas.AccountBalance()
    return AccountRow(
        provider_id=row_id(sent.account_id, "account_id"),
        persistent_id=optional_row_id(sent.persistent_account_id),
        name=display_text(sent.name),
        official_name=display_text(sent.official_name),
        mask=text(sent.mask),
        type=text(sent.type) or "other",
        subtype=text(sent.subtype),
        current=money(balance.current),
        available=money(balance.available),
        limit=money(balance.limit),
        currency=currency_code(balance.iso_currency_code, balance.unofficial_currency_code),
    )


def _sent_webhook(sent: schemas.LastWebhook) -> SentWebhook | None:
    code = safe_code(sent.code_sent)
    return SentWebhook(code, utc(sent.sent_at)) if code and sent.sent_at else None


def _products(item: schemas.PlaidItem) -> list[str]:
    """Each product once. A product for which only consent was given is in ``consented_products`` alone."""
    lists = (item.products, item.billed_products, item.consented_products, item.available_products)
    codes = [safe_code(product) for products in lists if isinstance(products, list) for product in products]
    return list(dict.fromkeys(filter(None, codes)))


def _is_http_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname)
