"""The interface of a bank data provider.

A provider's package (today ``banking/plaid/``) converts its vendor's responses to the classes below and its vendor's
errors to the exceptions below. No other module imports a provider package: ``banking.providers`` finds the packages by
the settings, so a second provider is one more folder.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date as Day
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Final, NamedTuple, Protocol, Self

from msgspec import Struct

from banking.error_advice import ErrorAdvice


class Readiness(StrEnum):
    """How much of an Item's history the provider has prepared. It only ever increases."""

    NOT_READY = "not_ready"
    INITIAL = "initial"
    HISTORICAL = "historical"


class Priority(StrEnum):
    """Who waits for a call. The lower ones leave a part of the provider's rate limits to the higher ones."""

    PERSON = "person"
    WEBHOOK = "webhook"
    ROUTINE = "routine"


class BankRefresh(StrEnum):
    """What a provider fetches from the bank when it is asked to, each for a charge.

    Transactions arrive some time after the request, balances in its response.
    """

    TRANSACTIONS = "transactions"
    BALANCES = "balances"


class AccountRow(NamedTuple):
    """One account as the provider reports it. Balances keep the provider's sign.

    A credit or loan balance is positive when money is owed. ``None`` means that the bank does not report it.
    """

    provider_id: str
    persistent_id: str
    name: str
    official_name: str
    mask: str
    type: str
    subtype: str
    current: Decimal | None
    available: Decimal | None
    limit: Decimal | None
    currency: str


class Counterparty(Struct, frozen=True, omit_defaults=True, gc=False):
    """A merchant or another company in a transaction, such as a marketplace. It is stored as JSON with these names.

    ``type`` and ``confidence_level`` are the provider's own words, and ``entity_id`` is its id of the company.
    """

    name: str | None = None
    type: str | None = None
    entity_id: str | None = None
    website: str | None = None
    logo_url: str | None = None
    confidence_level: str | None = None


class TransactionRow(NamedTuple):
    """One transaction; ``amount`` is positive when money comes into the account.

    ``provider_amount`` is the amount as it was sent. ``pending_id`` names the pending transaction that
    this posted one replaces, or is empty. ``original_description`` is the bank's own text. Few banks send times, and
    some of these send midnight where they know only the day.
    """

    provider_id: str
    account_id: str
    amount: Decimal
    provider_amount: Decimal
    currency: str
    date: Day
    authorized_date: Day | None
    name: str
    merchant_name: str
    pending: bool
    pending_id: str
    category: str
    category_detail: str
    category_confidence: str
    payment_channel: str
    original_description: str = ""
    posted_at: datetime | None = None
    authorized_at: datetime | None = None
    counterparties: Sequence[Counterparty] = ()


class LiabilityKind(StrEnum):
    """What a liability is the terms of."""

    CREDIT = "credit"
    STUDENT = "student"
    MORTGAGE = "mortgage"
    LOAN = "loan"
    LINE_OF_CREDIT = "line_of_credit"


class AprRow(NamedTuple):
    """One interest rate of a card, in percent a year. ``type`` is the provider's code of what it applies to."""

    type: str
    percentage: Decimal
    balance_subject_to_apr: Decimal | None
    interest_charge_amount: Decimal | None


class LiabilityRow(NamedTuple):
    """The terms of one card or loan. ``None`` and an empty text mean that the bank does not report it.

    Amounts are in the account's currency, and positive when they are owed or were paid.
    """

    account_id: str
    kind: LiabilityKind
    aprs: Sequence[AprRow] = ()
    is_overdue: bool | None = None
    past_due_amount: Decimal | None = None
    minimum_payment_amount: Decimal | None = None
    next_payment_amount: Decimal | None = None
    next_payment_due_date: Day | None = None
    last_payment_amount: Decimal | None = None
    last_payment_date: Day | None = None
    last_statement_balance: Decimal | None = None
    last_statement_issue_date: Day | None = None
    interest_rate: Decimal | None = None
    interest_rate_type: str = ""
    outstanding_interest_amount: Decimal | None = None
    ytd_interest_paid: Decimal | None = None
    ytd_principal_paid: Decimal | None = None
    escrow_balance: Decimal | None = None
    origination_date: Day | None = None
    origination_principal_amount: Decimal | None = None
    maturity_date: Day | None = None
    loan_name: str = ""
    loan_status: str = ""
    repayment_plan: str = ""


class RecurringStreamRow(NamedTuple):
    """One series of similar payments on an account. Amounts are positive when money comes into the account.

    ``frequency``, ``status`` and the categories are the provider's codes.
    """

    provider_id: str
    account_id: str
    is_inflow: bool
    description: str
    merchant_name: str
    category: str
    category_detail: str
    frequency: str
    average_amount: Decimal
    last_amount: Decimal | None
    currency: str
    first_date: Day | None
    last_date: Day
    predicted_next_date: Day | None
    status: str
    is_active: bool


class RowKind(StrEnum):
    """What could not be read: a row, or a field of the page around the rows, such as a list that is null."""

    TRANSACTION = "transaction"
    REMOVAL = "removal"
    ACCOUNT = "account"
    PAGE = "page"
    ACCOUNT_LIST = "account_list"
    LIABILITY = "liability"
    APR = "apr"
    STREAM = "stream"


# The fields of a page whose rows no later page repeats.
LISTS_OF_CHANGES: Final = ("added", "modified", "removed")


class SkippedRow(NamedTuple):
    """A row that cannot be stored: its kind, the invalid field, and its id if it has one.

    ``field`` is a name and never the field's value. A list that was not sent counts as one row of kind ``PAGE`` or
    ``ACCOUNT_LIST``: nobody knows how many rows it should have had.
    """

    kind: RowKind
    field: str
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class TransactionsPage:
    """One page of the provider's transaction stream. ``skipped`` lists the rows that could not be parsed."""

    added: Sequence[TransactionRow]
    modified: Sequence[TransactionRow]
    removed: Sequence[str]
    accounts: Sequence[AccountRow]
    next_cursor: str
    has_more: bool
    readiness: Readiness
    request_id: str
    skipped: Sequence[SkippedRow] = ()


@dataclass(frozen=True, slots=True)
class LinkToken:
    """A token that opens the provider's linking dialog in one user's browser.

    ``hosted_url`` is where the browser goes if the provider's own pages take the place of the dialog, else empty. It is
    an address of the provider, or a path of this site, and contains the token or a secret like it.
    """

    value: str = field(repr=False)
    expires_at: datetime
    request_id: str
    hosted_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class LinkResult:
    """What the user linked in one run of the dialog, as the provider reports it. Its public token may be used up."""

    public_token: str = field(repr=False)
    institution_id: str
    institution_name: str
    accounts: frozenset[tuple[str, str]]
    link_session_id: str = ""

    @property
    def digest(self) -> str:
        """The public token's fingerprint."""
        return hashlib.sha256(self.public_token.encode()).hexdigest()


class LinkExit(NamedTuple):
    """How the user left the dialog without a connection, as the provider's codes. Each may be empty."""

    error_code: str = ""
    exit_status: str = ""
    request_id: str = ""
    link_session_id: str = ""


@dataclass(frozen=True, slots=True)
class LinkResults:
    """How the dialogs of one link token have ended so far: what was linked, and how the user left the others."""

    linked: Sequence[LinkResult] = ()
    exits: Sequence[LinkExit] = ()


@dataclass(frozen=True, slots=True)
class Credential:
    """A new access token and its Item. The token is never shown."""

    access_token: str = field(repr=False)
    provider_item_id: str
    request_id: str


@dataclass(frozen=True, slots=True)
class ItemDetails:
    """An Item as the provider describes it. ``error_code`` is empty when the Item is healthy.

    ``error`` is that error as a failed call would have raised it. Older data may still be readable. ``webhook`` is the
    URL to which the provider sends the Item's webhooks.
    """

    provider_item_id: str
    institution_id: str
    institution_name: str
    error_code: str
    webhook: str
    consent_expires_at: datetime | None
    data_as_of: datetime | None
    products: Sequence[str]
    error: "ProviderError | None" = None
    last_webhook: "SentWebhook | None" = None


class SentWebhook(NamedTuple):
    """The last webhook that the provider says it sent for an Item."""

    code: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class AccountsResponse:
    """All accounts of an Item, with balances as of the provider's last update. ``skipped`` could not be parsed."""

    accounts: Sequence[AccountRow]
    request_id: str
    skipped: Sequence[SkippedRow] = ()


@dataclass(frozen=True, slots=True)
class LiabilitiesResponse:
    """The terms of all cards and loans of an Item. ``skipped`` could not be parsed."""

    liabilities: Sequence[LiabilityRow]
    request_id: str
    skipped: Sequence[SkippedRow] = ()


@dataclass(frozen=True, slots=True)
class RecurringResponse:
    """All recurring payments of an Item. ``skipped`` could not be parsed."""

    streams: Sequence[RecurringStreamRow]
    request_id: str
    skipped: Sequence[SkippedRow] = ()


@dataclass(frozen=True, slots=True)
class InstitutionDetails:
    """A bank as the provider describes it."""

    institution_id: str
    name: str
    url: str
    color: str


class WebhookKind(StrEnum):
    """What a webhook says, in the same words for every provider. ``banking.sync.webhook_events`` says what follows."""

    TRANSACTIONS_CHANGED = "transactions_changed"
    ITEM_ERROR = "item_error"
    LOGIN_REPAIRED = "login_repaired"
    # The bank will end the access at a known time, unless the user signs in before.
    ACCESS_ENDING = "access_ending"
    ACCESS_REVOKED = "access_revoked"
    ACCOUNT_REVOKED = "account_revoked"
    NEW_ACCOUNTS = "new_accounts"
    WEBHOOK_UPDATED = "webhook_updated"
    RECURRING_CHANGED = "recurring_changed"
    HOLDINGS_CHANGED = "holdings_changed"
    INVESTMENTS_CHANGED = "investments_changed"
    LIABILITIES_CHANGED = "liabilities_changed"
    LINK = "link"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class VerifiedWebhook:
    """A verified webhook: the Item that it names, and its type and code. It is a hint to read the Item, never data.

    ``type`` and ``code`` are the provider's own. ``fingerprint`` is the same for every copy of one signed delivery, and
    different for every other delivery. ``link_token_hash`` is the SHA-256 of the link token that a webhook about a
    dialog names, and empty for all others. ``summary`` has the few fields that explain it to operators: flags, codes
    and times, and never a token or an amount. If the access is ending, it has the ``expiry_reason`` and, if that is
    known, when (``expires_at``); if an account was revoked, its ``account_id``.
    """

    provider: str
    environment: str
    provider_item_id: str
    kind: WebhookKind
    type: str
    code: str
    fingerprint: str
    issued_at: datetime
    summary: Mapping[str, str | bool] = field(default_factory=dict)
    link_token_hash: str = ""


class WebhookRejected(Exception):
    """The request is not a genuine webhook of the provider. ``reason`` is one word for logs and counters."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WebhookNotVerifiable(Exception):
    """The webhook may be genuine, but cannot be verified now. Respond with 503, and the provider sends it again."""


class Fault(StrEnum):
    """Who caused a failure, so that no page blames a bank for another's fault."""

    OURS = "ours"
    PROVIDER = "provider"
    BANK = "bank"


class ProviderError(Exception):
    """A call of the provider failed or could not be made. It counts as our fault unless a subclass says otherwise.

    ``code`` is the vendor's error code, for operators, and ``reason`` the vendor's code of its cause, if it sends one;
    ``request_id`` is for the vendor's support. Neither the message nor any attribute ever contains a token, a secret or
    a request body.
    """

    fault: ClassVar = Fault.OURS

    def __init__(self, code: str, *, request_id: str = "", detail: str = "", reason: str = "") -> None:
        super().__init__(f"{code} (request {request_id or 'unknown'}){': ' + detail if detail else ''}")
        self.code = code
        self.reason = reason
        self.request_id = request_id


class Unavailable(ProviderError):
    """The provider or the bank does not respond now. The same call may work later."""

    fault: ClassVar = Fault.PROVIDER


class TimedOut(Unavailable):
    """No response arrived in time. The call may have been executed."""


class RateLimited(Unavailable):
    """Too many calls; wait at least ``retry_after`` seconds. ``scope`` is item, client or institution.

    Nobody's failure: neither the person nor their bank can do anything about it. The provider refused the call, or this
    site did not make it, because the provider would have.
    """

    def __init__(self, code: str, *, scope: str, retry_after: int = 60, request_id: str = "") -> None:
        super().__init__(code, request_id=request_id)
        self.scope = scope
        self.retry_after = retry_after


class InstitutionDown(Unavailable):
    """The bank has problems that the user cannot solve. Only waiting helps."""

    fault: ClassVar = Fault.BANK


class LoginRequired(ProviderError):
    """The bank requires the user to sign in again."""


class ConsentRequired(ProviderError):
    """The user has to consent to more before this product can be read."""


class ItemNotFound(ProviderError):
    """The Item no longer exists at the provider, or access was withdrawn permanently."""


class PermissionRevoked(ItemNotFound):
    """The user withdrew the access elsewhere. The Item still exists, and is billed, until it is removed."""


class Unsupported(ProviderError):
    """This bank or account does not support this product."""


class NotReady(ProviderError):
    """The provider is still preparing the data."""


class MutationDuringPagination(ProviderError):
    """The stream changed while its pages were read. Start again from the first cursor of this sync."""


class InvalidCursor(ProviderError):
    """The stored cursor is no longer accepted. Read the whole stream again."""


class PublicTokenRefused(ProviderError):
    """The public token is expired, was used already, or never existed."""


class ProviderConfigurationError(ProviderError):
    """Our keys, environment or request are wrong. An operator has to act; the Item is not the cause."""


class MalformedResponse(ProviderError):
    """The provider's response breaks its contract."""


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How this site opens the provider's linking dialog.

    ``webhook_url`` and ``redirect_uri`` are empty where there are none; a redirect URI lets a bank's own sign-in page
    interrupt the dialog. ``content_security_policy`` holds the directives that the page of the dialog replaces.
    ``has_hosted_pages`` says whether pages of the provider can take the place of the dialog, which need no script.
    """

    script_url: str
    webhook_url: str
    redirect_uri: str
    days_requested: int
    content_security_policy: Mapping[str, Any]
    has_hosted_pages: bool = False


@dataclass(frozen=True, slots=True)
class UsageLimits:
    """How much of a provider this site may use. ``item_cap`` is 0 without a cap, of ever linked Items or current ones.

    ``paid_endpoints`` are those of which each call costs money, ``calls_per_minute`` the published limits of the site.
    ``refresh_endpoints`` are the paid ones that "Sync now" calls, by what each fetches from the bank, and
    ``refreshes_per_day`` is how often it does for each Item.
    """

    item_cap: int = 0
    cap_counts_removed: bool = True
    paid_endpoints: frozenset[str] = frozenset()
    paid_calls_per_day: int = 0
    calls_per_minute: Mapping[str, int] = field(default_factory=dict)
    refresh_endpoints: Mapping[BankRefresh, str] = field(default_factory=dict)
    refreshes_per_day: int = 0


class Provider(Protocol):
    """One bank data provider. Everything but ``connect`` and ``verify_webhook`` works without valid credentials.

    ``key`` is stored in rows, ``name`` is shown to users. ``billed_environments`` are those in which every Item costs
    money until it is removed.
    """

    key: str
    name: str
    billed_environments: frozenset[str]

    @property
    def environment(self) -> str:
        """The environment that the site uses. Tokens of one environment are never sent to another."""
        ...

    def connect(self) -> "ProviderClient":
        """Return this process's client. Raises ``ProviderConfigurationError``."""
        ...

    def link_settings(self) -> LinkSettings: ...

    def advise(self, error_code: str, *, reason: str = "") -> ErrorAdvice:
        """Return what an error code means for the user, also for a code that is unknown."""
        ...

    def usage_limits(self) -> UsageLimits: ...

    def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, *, is_known: Callable[[str], bool]
    ) -> VerifiedWebhook:
        """Check a webhook's signature over its raw body. ``is_known`` says whether an Item id is one of this site's.

        Raises ``WebhookRejected``, ``WebhookNotVerifiable`` and ``ProviderConfigurationError``.
        """
        ...


class ProviderClient(Protocol):
    """The calls that linking and sync make. Each may raise a ``ProviderError``."""

    def with_timeouts(self, *, response: float, total: float) -> Self:
        """Return a client with shorter timeouts: seconds for each response, and for all of them from now on."""
        ...

    def for_item(self, *, key: str, institution_id: str, priority: Priority) -> Self:
        """Return a client whose calls count against the limits of one Item and its bank.

        ``key`` is the Item's primary key. ``institution_id`` is empty if the bank is not known.
        """
        ...

    def create_link_token(self, *, client_user_id: str, webhook: str, return_url: str = "") -> LinkToken:
        """Return a token for a new Item. With ``return_url``, it opens the provider's own pages, which end there."""
        ...

    def create_update_token(
        self,
        access_token: str,
        *,
        client_user_id: str,
        selects_accounts: bool = False,
        consented_products: Sequence[str] = (),
        return_url: str = "",
    ) -> LinkToken:
        """Return a token that opens the dialog for an existing Item: to sign in again, or to share more.

        The dialog can ask which accounts to share, and for consent to more products. ``return_url`` is as above.
        """
        ...

    def get_link_results(self, link_token: str) -> LinkResults:
        """Return the results so far of the dialogs that this token opened."""
        ...

    def exchange_public_token(self, public_token: str) -> Credential: ...

    def get_item(self, access_token: str) -> ItemDetails: ...

    def update_webhook(self, access_token: str, *, webhook: str) -> str:
        """Change the URL to which the provider sends an Item's webhooks. Returns the URL that it stored."""
        ...

    def get_accounts(self, access_token: str) -> AccountsResponse: ...

    def get_live_accounts(self, access_token: str) -> AccountsResponse:
        """The same, with the balances that the bank reports now, which takes seconds. Paid.

        Raises ``Unsupported`` if the provider does not offer that to this site or for this bank.
        """
        ...

    def refresh_transactions(self, access_token: str) -> None:
        """Have the provider fetch new transactions from the bank. They come later, with a webhook. Paid.

        Raises ``Unsupported`` as above.
        """
        ...

    def sync_transactions(self, access_token: str, *, cursor: str) -> TransactionsPage:
        """Return the page after ``cursor``; an empty cursor means the beginning of the stream."""
        ...

    def get_liabilities(self, access_token: str) -> LiabilitiesResponse: ...

    def get_recurring_streams(self, access_token: str) -> RecurringResponse: ...

    def get_institution(self, institution_id: str) -> InstitutionDetails: ...

    def remove_item(self, access_token: str) -> None:
        """Remove the Item at the provider. An Item that no longer exists counts as removed."""
        ...
