"""A second provider, in memory: the minimum that a provider has to implement."""

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, ClassVar, Self

from banking.error_advice import ErrorAdvice, UserAction
from banking.provider import (
    AccountRow,
    AccountsResponse,
    Credential,
    InstitutionDetails,
    ItemDetails,
    ItemNotFound,
    LiabilitiesResponse,
    LinkResult,
    LinkResults,
    LinkSettings,
    LinkToken,
    LoginRequired,
    Priority,
    ProviderClient,
    ProviderError,
    PublicTokenRefused,
    Readiness,
    RecurringResponse,
    TransactionRow,
    TransactionsPage,
    Unsupported,
    UsageLimits,
    VerifiedWebhook,
    WebhookKind,
    WebhookRejected,
)

WEBHOOK_SECRET = b"toy"
SAVINGS = AccountRow(
    provider_id="toy-savings",
    persistent_id="",
    name="Toy Savings",
    official_name="",
    mask="1111",
    type="depository",
    subtype="savings",
    current=Decimal("12.34"),
    available=Decimal("12.34"),
    limit=None,
    currency="EUR",
)


class ToyBank:
    """One bank with one account. Its transactions are a list of amounts, and a cursor is an index in it."""

    def __init__(self) -> None:
        self.amounts: list[Decimal] = []
        self.public_tokens: dict[str, str] = {}
        self.access_tokens: dict[str, str] = {}

    def with_timeouts(self, *, response: float, total: float) -> Self:
        return self

    def for_item(self, *, key: str, institution_id: str, priority: Priority) -> Self:
        return self

    def create_link_token(self, *, client_user_id: str, webhook: str, return_url: str = "") -> LinkToken:
        return LinkToken(f"link-toy-{len(self.public_tokens) + 1}", datetime(2099, 1, 1, tzinfo=UTC), "toy-request")

    def create_update_token(
        self,
        access_token: str,
        *,
        client_user_id: str,
        selects_accounts: bool = False,
        consented_products: Sequence[str] = (),
        return_url: str = "",
    ) -> LinkToken:
        return self.create_link_token(client_user_id=client_user_id, webhook="")

    def finish_dialog(self, link_token: str) -> str:
        """End the dialog with a bank, and return the public token that the browser gets."""
        self.public_tokens[link_token] = f"public-toy-{link_token}"
        return self.public_tokens[link_token]

    def get_link_results(self, link_token: str) -> LinkResults:
        token = self.public_tokens.get(link_token)
        accounts = frozenset({("Toy Savings", "1111")})
        return LinkResults([LinkResult(token, "toy-bank", "Toy Bank", accounts)] if token else [])

    def exchange_public_token(self, public_token: str) -> Credential:
        if public_token not in self.public_tokens.values():
            raise PublicTokenRefused("TOY_TOKEN_UNKNOWN")
        item_id = f"toy-item-{len(self.access_tokens) + 1}"
        self.access_tokens[f"access-{item_id}"] = item_id
        return Credential(f"access-{item_id}", item_id, "toy-request")

    def get_item(self, access_token: str) -> ItemDetails:
        item_id = self._item_id(access_token)
        return ItemDetails(item_id, "toy-bank", "Toy Bank", "", "", None, datetime.now(UTC), ("transactions",))

    def update_webhook(self, access_token: str, *, webhook: str) -> str:
        self._item_id(access_token)
        return webhook

    def get_accounts(self, access_token: str) -> AccountsResponse:
        self._item_id(access_token)
        return AccountsResponse(accounts=[SAVINGS], request_id="toy-request")

    def get_live_accounts(self, access_token: str) -> AccountsResponse:
        raise Unsupported("TOY_BANK_IS_NOT_ASKED")

    def refresh_transactions(self, access_token: str) -> None:
        raise Unsupported("TOY_BANK_IS_NOT_ASKED")

    def sync_transactions(self, access_token: str, *, cursor: str) -> TransactionsPage:
        self._item_id(access_token)
        start = int(cursor or 0)
        added = [_transaction(number, self.amounts[number]) for number in range(start, len(self.amounts))]
        return TransactionsPage(
            added=added,
            modified=[],
            removed=[],
            accounts=[SAVINGS],
            next_cursor=str(len(self.amounts)),
            has_more=False,
            readiness=Readiness.HISTORICAL,
            request_id="toy-request",
        )

    def get_liabilities(self, access_token: str) -> LiabilitiesResponse:
        raise Unsupported("TOY_HAS_NO_LOANS")

    def get_recurring_streams(self, access_token: str) -> RecurringResponse:
        raise Unsupported("TOY_FINDS_NO_PATTERN")

    def get_institution(self, institution_id: str) -> InstitutionDetails:
        return InstitutionDetails(institution_id, "Toy Bank", "https://toy.example", "#112233")

    def remove_item(self, access_token: str) -> None:
        self.access_tokens.pop(access_token, None)

    def _item_id(self, access_token: str) -> str:
        if access_token not in self.access_tokens:
            raise ItemNotFound("TOY_ITEM_UNKNOWN")
        return self.access_tokens[access_token]


def _transaction(number: int, amount: Decimal) -> TransactionRow:
    return TransactionRow(
        provider_id=f"toy-{number}",
        account_id=SAVINGS.provider_id,
        amount=amount,
        provider_amount=amount,
        currency="EUR",
        date=date(2026, 11, 1 + number),
        authorized_date=None,
        name=f"Toy {number}",
        merchant_name="",
        pending=False,
        pending_id="",
        category="",
        category_detail="",
        category_confidence="",
        payment_channel="",
    )


class ToyProvider:
    """Implements ``banking.provider.Provider``. All instances share one bank."""

    key = "toy"
    name = "Toyland"
    environment = "toybox"
    billed_environments: frozenset[str] = frozenset()
    bank: ClassVar = ToyBank()

    def connect(self) -> ProviderClient:
        return self.bank

    def link_settings(self) -> LinkSettings:
        policy: dict[str, Any] = {"script-src": ["https://toy.example/dialog.js"]}
        return LinkSettings("https://toy.example/dialog.js", "", "", 30, policy)

    def advise(self, error_code: str, *, reason: str = "") -> ErrorAdvice:
        if error_code == "TOY_LOCKED":
            return ErrorAdvice(LoginRequired, UserAction.RECONNECT, "Your toy box is locked.")
        return ErrorAdvice(ProviderError)

    def usage_limits(self) -> UsageLimits:
        return UsageLimits()

    def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, *, is_known: Callable[[str], bool]
    ) -> VerifiedWebhook:
        signature = headers.get("Toy-Signature", "")
        if not hmac.compare_digest(signature, sign(body)):
            raise WebhookRejected("signature")
        item_id = json.loads(body)["item"]
        return VerifiedWebhook(
            provider=self.key,
            environment=self.environment,
            provider_item_id=item_id,
            kind=WebhookKind.TRANSACTIONS_CHANGED,
            type="TOY",
            code="NEWS",
            fingerprint=sha256(signature.encode()).hexdigest(),
            issued_at=datetime.now(UTC),
        )


def sign(body: bytes) -> str:
    return hmac.new(WEBHOOK_SECRET, body, sha256).hexdigest()
