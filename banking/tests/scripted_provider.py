"""A provider client whose responses a test sets. ``test_scripted_provider`` holds its signatures to the real ones."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Self

from banking.provider import (
    AccountRow,
    AccountsResponse,
    Credential,
    InstitutionDetails,
    ItemDetails,
    LiabilitiesResponse,
    LiabilityKind,
    LiabilityRow,
    LinkExit,
    LinkResult,
    LinkResults,
    LinkToken,
    Priority,
    Readiness,
    RecurringResponse,
    RecurringStreamRow,
    TransactionRow,
    TransactionsPage,
)

CHECKING = AccountRow(
    provider_id="acc-checking",
    persistent_id="",
    name="Checking",
    official_name="Everyday Checking",
    mask="0000",
    type="depository",
    subtype="checking",
    current=Decimal("1200.50"),
    available=Decimal("1100.50"),
    limit=None,
    currency="USD",
)
CARD = CHECKING._replace(
    provider_id="acc-card",
    name="Card",
    official_name="",
    mask="3333",
    type="credit",
    subtype="credit card",
    current=Decimal("410"),
    available=None,
    limit=Decimal("2000"),
)
COFFEE = TransactionRow(
    provider_id="tx-coffee",
    account_id="acc-checking",
    amount=Decimal("-4.33"),
    provider_amount=Decimal("4.33"),
    currency="USD",
    date=date(2026, 11, 10),
    authorized_date=date(2026, 11, 9),
    name="STARBUCKS 123",
    merchant_name="Starbucks",
    pending=False,
    pending_id="",
    category="FOOD_AND_DRINK",
    category_detail="FOOD_AND_DRINK_COFFEE",
    category_confidence="HIGH",
    payment_channel="in store",
)

CARD_TERMS = LiabilityRow("acc-card", LiabilityKind.CREDIT, minimum_payment_amount=Decimal(35))
RENT = RecurringStreamRow(
    provider_id="stream-rent",
    account_id="acc-checking",
    is_inflow=False,
    description="LONGACRE PROPERTIES RENT",
    merchant_name="Longacre Properties",
    category="RENT_AND_UTILITIES",
    category_detail="RENT_AND_UTILITIES_RENT",
    frequency="MONTHLY",
    average_amount=Decimal(-1900),
    last_amount=Decimal(-1900),
    currency="USD",
    first_date=date(2026, 5, 1),
    last_date=date(2026, 11, 1),
    predicted_next_date=date(2026, 12, 1),
    status="MATURE",
    is_active=True,
)


def link_result(
    public_token: str, *, institution_id: str = "", name: str = "", accounts: Iterable[AccountRow] = ()
) -> LinkResult:
    """Build the result of a dialog that ended with this public token."""
    account_keys = frozenset((account.name, account.mask) for account in accounts)
    return LinkResult(public_token, institution_id, name, account_keys)


# What a call of ``sync_transactions`` returns, raises, or calls.
PageOutcome = TransactionsPage | BaseException | Callable[[], TransactionsPage]


def transaction_row(provider_id: str, amount: str = "-4.33", **changes: object) -> TransactionRow:
    """Copy ``COFFEE`` with another id and ``changes``; ``amount`` is positive when money comes in."""
    money = Decimal(amount)
    return COFFEE._replace(provider_id=provider_id, amount=money, provider_amount=-money, **changes)


def transactions_page(
    *,
    added: Iterable[TransactionRow] = (),
    modified: Iterable[TransactionRow] = (),
    removed: Iterable[str] = (),
    cursor: str = "c1",
    more: bool = False,
    readiness: Readiness = Readiness.HISTORICAL,
    accounts: Iterable[AccountRow] = (),
) -> TransactionsPage:
    return TransactionsPage(
        added=list(added),
        modified=list(modified),
        removed=list(removed),
        accounts=list(accounts),
        next_cursor=cursor,
        has_more=more,
        readiness=readiness,
        request_id="req-page",
    )


@dataclass
class ScriptedProvider:
    """Returns the ``pages`` in order, everything else from its fields, and records the tokens and cursors it gets."""

    pages: list[PageOutcome] = field(default_factory=list)
    listed_accounts: list[AccountRow] = field(default_factory=lambda: [CHECKING, CARD])
    credential: Credential | Exception = field(
        default_factory=lambda: Credential("access-sandbox-secret", "item-1", "req-exchange")
    )
    item_details: ItemDetails = field(
        default_factory=lambda: ItemDetails(
            provider_item_id="item-1",
            institution_id="ins_1",
            institution_name="First Platypus Bank",
            error_code="",
            webhook="",
            consent_expires_at=None,
            data_as_of=datetime(2026, 11, 20, 9, 40, tzinfo=UTC),
            products=("transactions",),
        )
    )
    # What a call returns, or raises.
    liabilities: LiabilitiesResponse | Exception = field(
        default_factory=lambda: LiabilitiesResponse([CARD_TERMS], "req-liabilities")
    )
    recurring: RecurringResponse | Exception = field(default_factory=lambda: RecurringResponse([RENT], "req-recurring"))
    # The products that were read.
    product_calls: list[str] = field(default_factory=list)
    # What each public token leads to that does not lead to ``credential``.
    other_credentials: dict[str, Credential] = field(
        default_factory=lambda: {"public-sandbox-2": Credential("access-sandbox-second", "item-2", "req-exchange")}
    )
    removal_error: Exception | None = None
    # What a call of ``get_item`` raises, or calls before it returns ``item_details``.
    item_outcome: Exception | Callable[[], object] | None = None
    item_calls: int = 0
    # The calls that the provider charges for, and what they raise and return.
    paid_calls: list[str] = field(default_factory=list)
    refresh_error: Exception | None = None
    live_accounts_error: Exception | None = None
    live_accounts: list[AccountRow] = field(default_factory=list)
    webhook_error: Exception | None = None
    # The URLs that were stored by ``update_webhook``.
    webhooks: list[str] = field(default_factory=list)
    # The results of each dialog by its link token; ``None``: every dialog ended with public-sandbox-1 and -2.
    link_results: dict[str, list[LinkResult]] | None = None
    # How the user left the dialogs of a link token that came to nothing.
    link_exits: dict[str, list[LinkExit]] = field(default_factory=dict)
    link_result_calls: int = 0
    cursors: list[str] = field(default_factory=list)
    exchanged_tokens: list[str] = field(default_factory=list)
    removed_tokens: list[str] = field(default_factory=list)
    # For which Item, which bank and whom calls were made.
    callers: list[tuple[str, str, Priority]] = field(default_factory=list)
    links: int = 0
    # Where each dialog on the provider's own pages returns to.
    return_urls: list[str] = field(default_factory=list)
    # For each dialog in update mode, whether it asks which accounts to share, and for consent to which products.
    account_selections: list[bool] = field(default_factory=list)
    requested_consents: list[list[str]] = field(default_factory=list)

    def with_timeouts(self, *, response: float, total: float) -> Self:
        return self

    def for_item(self, *, key: str, institution_id: str, priority: Priority) -> Self:
        self.callers.append((key, institution_id, priority))
        return self

    def create_link_token(self, *, client_user_id: str, webhook: str, return_url: str = "") -> LinkToken:
        self.links += 1
        hosted_url = f"https://secure.plaid.com/hl/{self.links}" if return_url else ""
        self.return_urls += [return_url] if return_url else []
        return LinkToken(f"link-sandbox-{self.links}", datetime(2099, 1, 1, tzinfo=UTC), "req-link", hosted_url)

    def create_update_token(
        self,
        access_token: str,
        *,
        client_user_id: str,
        selects_accounts: bool = False,
        consented_products: Sequence[str] = (),
        return_url: str = "",
    ) -> LinkToken:
        self.account_selections.append(selects_accounts)
        self.requested_consents.append(list(consented_products))
        return self.create_link_token(client_user_id=client_user_id, webhook="", return_url=return_url)

    def get_link_results(self, link_token: str) -> LinkResults:
        self.link_result_calls += 1
        if self.link_results is None:
            return LinkResults(linked=[link_result(f"public-sandbox-{number}") for number in (1, 2)])
        return LinkResults(self.link_results.get(link_token, []), self.link_exits.get(link_token, []))

    def exchange_public_token(self, public_token: str) -> Credential:
        self.exchanged_tokens.append(public_token)
        if isinstance(self.credential, Exception):
            raise self.credential
        return self.other_credentials.get(public_token, self.credential)

    def get_item(self, access_token: str) -> ItemDetails:
        self.item_calls += 1
        if isinstance(self.item_outcome, Exception):
            raise self.item_outcome
        if callable(self.item_outcome):
            self.item_outcome()
        return self.item_details

    def update_webhook(self, access_token: str, *, webhook: str) -> str:
        if self.webhook_error is not None:
            raise self.webhook_error
        self.webhooks.append(webhook)
        self.item_details = replace(self.item_details, webhook=webhook)
        return webhook

    def get_accounts(self, access_token: str) -> AccountsResponse:
        return AccountsResponse(accounts=self.listed_accounts, request_id="req-accounts")

    def get_live_accounts(self, access_token: str) -> AccountsResponse:
        self.paid_calls.append("balances")
        if self.live_accounts_error is not None:
            raise self.live_accounts_error
        return AccountsResponse(accounts=self.live_accounts or self.listed_accounts, request_id="req-balances")

    def refresh_transactions(self, access_token: str) -> None:
        self.paid_calls.append("transactions")
        if self.refresh_error is not None:
            raise self.refresh_error

    def sync_transactions(self, access_token: str, *, cursor: str) -> TransactionsPage:
        self.cursors.append(cursor)
        outcome = self.pages.pop(0) if self.pages else transactions_page(cursor=cursor or "c0")
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome() if callable(outcome) else outcome

    def get_liabilities(self, access_token: str) -> LiabilitiesResponse:
        self.product_calls.append("liabilities")
        if isinstance(self.liabilities, Exception):
            raise self.liabilities
        return self.liabilities

    def get_recurring_streams(self, access_token: str) -> RecurringResponse:
        self.product_calls.append("recurring")
        if isinstance(self.recurring, Exception):
            raise self.recurring
        return self.recurring

    def get_institution(self, institution_id: str) -> InstitutionDetails:
        return InstitutionDetails(institution_id, "First Platypus Bank", "https://bank.example", "#0a5f86")

    def remove_item(self, access_token: str) -> None:
        if self.removal_error is not None:
            raise self.removal_error
        self.removed_tokens.append(access_token)

    def set_item_error(self, code: str) -> None:
        """Set the Item's error; an empty code clears it."""
        self.item_details = replace(self.item_details, error_code=code)
