"""What a provider's package implements."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, Self

from banking.error_advice import ErrorAdvice
from banking.provider.items import InstitutionDetails, ItemDetails
from banking.provider.linking import Credential, LinkResults, LinkSettings, LinkToken
from banking.provider.products import LiabilitiesResponse, RecurringResponse
from banking.provider.rows import AccountsResponse, TransactionsPage
from banking.provider.webhooks import VerifiedWebhook


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
