"""The fields of Plaid's responses that we use, with Plaid's names and types.

A field with a specific type must be sent with it. A field of type ``object`` only describes its row: any value is
accepted, and ``banking.plaid.fields`` converts it or leaves it empty. Rows are ``Raw``, so that each is decoded
separately and an invalid one affects no other, and so are the objects within them, which only describe their row. A
page of transactions is first decoded as a whole, as ``ValidTransactionsPage``, which takes two thirds of the time.
Amounts are ``Raw`` too, because msgspec would also decode a ``Decimal`` from a string.

Names and types: https://github.com/plaid/plaid-openapi
"""

from datetime import date, datetime
from typing import Any

from msgspec import Raw, Struct

from banking.provider import Counterparty

Rows = list[Raw] | None
NOT_SENT = Raw(b"null")


class PlaidResponse(Struct, kw_only=True):
    """The field of every response, and the only one of /item/remove and /transactions/refresh."""

    request_id: object = None


class TransactionsSyncResponse(PlaidResponse):
    """https://plaid.com/docs/api/products/transactions/#transactionssync"""

    next_cursor: str
    has_more: bool
    added: Rows = None
    modified: Rows = None
    removed: Rows = None
    accounts: Rows = None
    transactions_update_status: object = None


class PersonalFinanceCategory(Struct):
    primary: object = None
    detailed: object = None
    confidence_level: object = None


class TransactionFields(Struct):
    transaction_id: str
    account_id: str
    amount: Raw
    date: date
    pending: bool
    iso_currency_code: object = None
    unofficial_currency_code: object = None
    authorized_date: object = None
    name: object = None
    merchant_name: object = None
    pending_transaction_id: object = None
    payment_channel: object = None
    original_description: object = None
    datetime: object = None
    authorized_datetime: object = None
    merchant_entity_id: object = None
    website: object = None
    logo_url: object = None


class UncheckedTransaction(TransactionFields):
    """A transaction whose descriptive objects may be invalid."""

    personal_finance_category: Raw = NOT_SENT  # PersonalFinanceCategory
    counterparties: Raw = NOT_SENT  # tuple[Counterparty, ...]


class ValidTransaction(TransactionFields):
    """A transaction that is as Plaid documents it."""

    personal_finance_category: PersonalFinanceCategory | None = None
    counterparties: tuple[Counterparty, ...] | None = None


class ValidTransactionsPage(TransactionsSyncResponse):
    """A page whose transactions are all valid, as nearly all pages are."""

    added: list[ValidTransaction] | None = None  # type: ignore[assignment]
    modified: list[ValidTransaction] | None = None  # type: ignore[assignment]


class RemovedTransaction(Struct):
    transaction_id: str


class AccountsGetResponse(PlaidResponse):
    """https://plaid.com/docs/api/accounts/#accountsget"""

    accounts: Rows = None


class AccountBalance(Struct):
    current: Raw = NOT_SENT
    available: Raw = NOT_SENT
    limit: Raw = NOT_SENT
    iso_currency_code: object = None
    unofficial_currency_code: object = None


class PlaidAccount(Struct):
    account_id: str
    persistent_account_id: object = None
    name: object = None
    official_name: object = None
    mask: object = None
    type: object = None
    subtype: object = None
    balances: Raw = NOT_SENT  # AccountBalance


class PlaidItem(Struct):
    item_id: str
    institution_id: str | None = None
    institution_name: object = None
    error: dict[str, Any] | None = None
    webhook: str | None = None
    consent_expiration_time: datetime | None = None
    products: object = None
    billed_products: object = None
    consented_products: object = None
    available_products: object = None


class TransactionsStatus(Struct):
    last_successful_update: datetime | None = None


class LastWebhook(Struct):
    sent_at: datetime | None = None
    code_sent: object = None


class ItemStatus(Struct):
    transactions: TransactionsStatus | None = None
    last_webhook: LastWebhook | None = None


class ItemGetResponse(PlaidResponse):
    """https://plaid.com/docs/api/items/#itemget"""

    item: PlaidItem
    status: ItemStatus | None = None


class ItemWebhookUpdateResponse(PlaidResponse):
    """https://plaid.com/docs/api/items/#itemwebhookupdate"""

    item: PlaidItem


class PlaidInstitution(Struct):
    institution_id: str
    name: object = None
    url: str | None = None
    primary_color: str | None = None


class InstitutionsGetByIdResponse(PlaidResponse):
    """https://plaid.com/docs/api/institutions/#institutionsget_by_id"""

    institution: PlaidInstitution


class LinkTokenCreateResponse(PlaidResponse):
    """https://plaid.com/docs/api/link/#linktokencreate"""

    link_token: str
    expiration: datetime
    hosted_link_url: str | None = None


class LinkInstitution(Struct):
    institution_id: object = None
    name: object = None


class LinkAccount(Struct):
    name: object = None
    mask: object = None


class LinkSuccessMetadata(Struct):
    institution: LinkInstitution | None = None
    accounts: list[LinkAccount] | None = None


class LinkItemAddResult(LinkSuccessMetadata, kw_only=True):
    public_token: str


class LinkSuccess(Struct):
    public_token: str = ""
    metadata: LinkSuccessMetadata | None = None


class LinkSessionResults(Struct):
    item_add_results: list[LinkItemAddResult] | None = None


class LinkExitError(Struct):
    error_code: object = None


class LinkExitMetadata(Struct):
    status: object = None
    request_id: object = None


class LinkSessionExit(Struct):
    error: LinkExitError | None = None
    metadata: LinkExitMetadata | None = None


class PlaidLinkSession(Struct):
    """One run of Link. ``results`` is the field of Plaid's current API, ``on_success`` the deprecated one."""

    link_session_id: object = None
    finished_at: object = None
    results: LinkSessionResults | None = None
    on_success: LinkSuccess | None = None
    exit: Raw = NOT_SENT  # LinkSessionExit


class LinkTokenGetResponse(PlaidResponse):
    """https://plaid.com/docs/api/link/#linktokenget"""

    link_sessions: list[PlaidLinkSession] | None = None


class ItemPublicTokenExchangeResponse(PlaidResponse):
    """https://plaid.com/docs/api/items/#itempublic_tokenexchange"""

    access_token: str
    item_id: str


class WebhookVerificationKeyGetResponse(PlaidResponse):
    """https://plaid.com/docs/api/webhooks/webhook-verification/#get-webhook-verification-key"""

    key: dict[str, Any]
