"""The client for Plaid's API: one method for each endpoint that this site calls.

Methods raise only the errors of ``banking.provider``. The SDK is slow to import, so the first ``connect()`` imports it.
"""

import functools
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from django.views.decorators.debug import sensitive_variables

from banking.limits.call_limits import CallLimits
from banking.limits.rates import Caller
from banking.plaid import responses
from banking.plaid.deadline import DeadlineTransport
from banking.plaid.limits.limited_transport import LimitedTransport
from banking.plaid.limits.published_limits import limits_of
from banking.plaid.products.responses import parse_liabilities, parse_recurring
from banking.plaid.settings import PlaidSettings
from banking.plaid.webhook_keys import CachedKeyLookupLimits, WebhookKeys
from banking.provider import (
    AccountsResponse,
    Credential,
    InstitutionDetails,
    ItemDetails,
    ItemNotFound,
    LiabilitiesResponse,
    LinkResults,
    LinkToken,
    Priority,
    ProviderConfigurationError,
    PublicTokenRefused,
    RecurringResponse,
    TransactionsPage,
    Unsupported,
)

# Response timeouts in seconds. The first page of a transaction stream takes up to eight times as long as others.
CONTROL_SECONDS, SYNC_SECONDS, FIRST_SYNC_SECONDS, WEBHOOK_KEY_SECONDS = 15, 30, 60, 5
# Plaid asks the bank meanwhile: half of the calls take 3 seconds, one of twenty more than 11.
BALANCE_SECONDS = 30
# Capital One has no live balances of cards and loans, and refuses a request that does not say how old they may be.
# Other banks ignore it: https://plaid.com/docs/api/products/signal/#accountsbalanceget
OLDEST_BALANCE = timedelta(days=30)
# Of the site, not of one bank: its contract does not include the product.
NOT_ENABLED = frozenset({"INVALID_PRODUCT", "PRODUCT_NOT_ENABLED", "UNAUTHORIZED_ROUTE_ACCESS"})
# Plaid's maximum. Fewer pages mean fewer calls, and fewer mutations during pagination.
ROWS_PER_PAGE = 500
CATEGORY_VERSION = "v2"
# Products to which the user consents when they link a bank. Plaid adds, and bills, one with its first call. As initial
# products they would hide the banks that do not have them. https://plaid.com/docs/link/initializing-products/
CONSENTED_PRODUCTS = ("liabilities",)


def connect() -> "PlaidClient":
    """Return this process's client for the configured environment. Raises ``ProviderConfigurationError``."""
    return _client(PlaidSettings.from_settings())


@functools.cache
def _client(settings: PlaidSettings) -> "PlaidClient":
    from banking.plaid.transport import PlaidTransport

    transport = PlaidTransport(host=settings.host, client_id=settings.client_id, secret=settings.secret)
    call_limits = CallLimits(f"plaid:{settings.environment}")
    return PlaidClient(settings, LimitedTransport(transport, call_limits, limits_of(settings.environment)))


# A forked child process must not use its parent's open connections.
os.register_at_fork(after_in_child=_client.cache_clear)


class PlaidClient:
    """Implements ``banking.provider.ProviderClient``. Thread-safe."""

    def __init__(self, settings: PlaidSettings, transport: LimitedTransport | DeadlineTransport) -> None:
        self.settings = settings
        self.keys = WebhookKeys(self.webhook_key, CachedKeyLookupLimits(settings.environment))
        self._transport = transport

    def with_timeouts(self, *, response: float, total: float) -> Self:
        """Return a client with shorter timeouts in seconds: for each response, and for all calls from now on."""
        return type(self)(self.settings, DeadlineTransport(self._transport, response=response, total=total))

    def for_item(self, *, key: str, institution_id: str, priority: Priority) -> Self:
        """Return a client whose calls count against the limits of one Item and its bank."""
        caller = Caller(item_key=key, institution_id=institution_id, priority=priority)
        return type(self)(self.settings, self._transport.for_caller(caller))

    def create_link_token(self, *, client_user_id: str, webhook: str, return_url: str = "") -> LinkToken:
        """Create the token that opens Link for a new Item. ``client_user_id`` must not identify the user.

        With ``return_url``, it is a token of Hosted Link. https://plaid.com/docs/api/link/#linktokencreate
        """
        fields = self._link_fields(client_user_id, return_url) | {
            "products": ["transactions"],
            "additional_consented_products": list(CONSENTED_PRODUCTS),
            "transactions": {"days_requested": self.settings.days_requested},
        }
        if webhook:
            fields["webhook"] = webhook
        return responses.parse_link_token(self._transport.post("link_token_create", fields, seconds=CONTROL_SECONDS))

    @sensitive_variables()
    def create_update_token(
        self,
        access_token: str,
        *,
        client_user_id: str,
        selects_accounts: bool = False,
        consented_products: Sequence[str] = (),
        return_url: str = "",
    ) -> LinkToken:
        """Create the token that opens Link in update mode. The Item keeps its access token.

        https://plaid.com/docs/link/update-mode/
        """
        fields = self._link_fields(client_user_id, return_url) | self._with_access_token(access_token)
        if selects_accounts:
            fields["update"] = {"account_selection_enabled": True}
        if consented_products:
            fields["additional_consented_products"] = list(consented_products)
        return responses.parse_link_token(self._transport.post("link_token_create", fields, seconds=CONTROL_SECONDS))

    @sensitive_variables()
    def get_link_results(self, link_token: str) -> LinkResults:
        """Get the results of the Link sessions of a link token. Plaid keeps them for six hours.

        https://plaid.com/docs/api/link/#linktokenget
        """
        response = self._transport.post("link_token_get", {"link_token": link_token}, seconds=CONTROL_SECONDS)
        return responses.parse_link_results(response)

    @sensitive_variables()
    def exchange_public_token(self, public_token: str) -> Credential:
        """Exchange a public token, which works once. It comes from a browser, so its format is checked first.

        https://plaid.com/docs/api/items/#itempublic_tokenexchange
        """
        if not re.fullmatch(rf"public-{self.settings.token_environment}-[A-Za-z0-9-]{{1,100}}", public_token):
            raise PublicTokenRefused("INVALID_PUBLIC_TOKEN")
        fields = {"public_token": public_token}
        response = self._transport.post("item_public_token_exchange", fields, seconds=CONTROL_SECONDS)
        return responses.parse_credential(response)

    @sensitive_variables()
    def get_item(self, access_token: str) -> ItemDetails:
        """Get an Item's status. Free of charge. https://plaid.com/docs/api/items/#itemget"""
        fields = self._with_access_token(access_token)
        return responses.parse_item(self._transport.post("item_get", fields, seconds=CONTROL_SECONDS))

    @sensitive_variables()
    def update_webhook(self, access_token: str, *, webhook: str) -> str:
        """Change the URL of an Item's webhooks; Plaid confirms it by a webhook to the new URL. Free of charge.

        https://plaid.com/docs/api/items/#itemwebhookupdate
        """
        fields = self._with_access_token(access_token) | {"webhook": webhook}
        return responses.parse_webhook_update(
            self._transport.post("item_webhook_update", fields, seconds=CONTROL_SECONDS)
        )

    @sensitive_variables()
    def get_accounts(self, access_token: str) -> AccountsResponse:
        """Get all accounts with the balances that Plaid has cached. Free of charge, unlike real-time balances.

        https://plaid.com/docs/api/accounts/#accountsget
        """
        fields = self._with_access_token(access_token)
        return responses.parse_accounts(self._transport.post("accounts_get", fields, seconds=CONTROL_SECONDS))

    @sensitive_variables()
    def get_live_accounts(self, access_token: str) -> AccountsResponse:
        """Get all accounts with real-time balances. Plaid charges for each call.

        https://plaid.com/docs/api/products/signal/#accountsbalanceget
        """
        oldest = datetime.now(UTC) - OLDEST_BALANCE
        fields = self._with_access_token(access_token) | {"options": {"min_last_updated_datetime": oldest}}
        with unsupported_if_not_enabled():
            response = self._transport.post("accounts_balance_get", fields, seconds=BALANCE_SECONDS)
        return responses.parse_accounts(response)

    @sensitive_variables()
    def refresh_transactions(self, access_token: str) -> None:
        """Request an update from the bank, which a webhook announces. Plaid charges for each call.

        https://plaid.com/docs/api/products/transactions/#transactionsrefresh
        """
        fields = self._with_access_token(access_token)
        with unsupported_if_not_enabled():
            responses.parse_refresh(self._transport.post("transactions_refresh", fields, seconds=CONTROL_SECONDS))

    @sensitive_variables()
    def sync_transactions(self, access_token: str, *, cursor: str) -> TransactionsPage:
        """Get the page of transactions that follows ``cursor``; an empty cursor means from the start.

        https://plaid.com/docs/api/products/transactions/#transactionssync
        """
        fields: dict[str, Any] = self._with_access_token(access_token) | {
            "count": ROWS_PER_PAGE,
            "options": {
                "personal_finance_category_version": CATEGORY_VERSION,
                "include_original_description": True,
            },
        }
        if cursor:
            fields["cursor"] = cursor
        response = self._transport.post(
            "transactions_sync", fields, seconds=SYNC_SECONDS if cursor else FIRST_SYNC_SECONDS
        )
        return responses.parse_sync(response)

    @sensitive_variables()
    def get_liabilities(self, access_token: str) -> LiabilitiesResponse:
        """Get the terms of all cards and loans. The first call for an Item adds a product that Plaid bills monthly.

        https://plaid.com/docs/api/products/liabilities/#liabilitiesget
        """
        fields = self._with_access_token(access_token)
        response = self._transport.post("liabilities_get", fields, seconds=SYNC_SECONDS)
        return parse_liabilities(response)

    @sensitive_variables()
    def get_recurring_streams(self, access_token: str) -> RecurringResponse:
        """Get all recurring payments, which Plaid finds in the Item's transactions. Billed as liabilities are.

        https://plaid.com/docs/api/products/transactions/#transactionsrecurringget
        """
        fields = self._with_access_token(access_token) | {
            "options": {"personal_finance_category_version": CATEGORY_VERSION}
        }
        response = self._transport.post("transactions_recurring_get", fields, seconds=SYNC_SECONDS)
        return parse_recurring(response)

    def get_institution(self, institution_id: str) -> InstitutionDetails:
        """Get an institution's details. https://plaid.com/docs/api/institutions/#institutionsget_by_id"""
        fields = {
            "institution_id": institution_id,
            "country_codes": list(self.settings.country_codes),
            "options": {"include_optional_metadata": True},
        }
        return responses.parse_institution(
            self._transport.post("institutions_get_by_id", fields, seconds=CONTROL_SECONDS)
        )

    @sensitive_variables()
    def remove_item(self, access_token: str) -> None:
        """Remove an Item at Plaid, which ends its billing. An Item that does not exist counts as removed.

        https://plaid.com/docs/api/items/#itemremove
        """
        fields = self._with_access_token(access_token)
        try:
            responses.parse_removal(self._transport.post("item_remove", fields, seconds=CONTROL_SECONDS))
        except ItemNotFound:
            return

    def webhook_key(self, key_id: str) -> dict[str, Any]:
        """Get a webhook verification key, a JWK, by its id. Raises ``UnknownKey``.

        https://plaid.com/docs/api/webhooks/webhook-verification/#get-webhook-verification-key
        """
        response = self._transport.post("webhook_verification_key_get", {"key_id": key_id}, seconds=WEBHOOK_KEY_SECONDS)
        return responses.parse_webhook_key(response)

    def _link_fields(self, client_user_id: str, return_url: str) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "client_name": self.settings.client_name,
            "language": self.settings.language,
            "country_codes": list(self.settings.country_codes),
            "user": {"client_user_id": client_user_id},
        }
        # Plaid rejects a redirect URI that is not registered, so an empty one is not sent.
        if self.settings.redirect_uri:
            fields["redirect_uri"] = self.settings.redirect_uri
        if return_url:
            fields["hosted_link"] = {"completion_redirect_uri": return_url}
        return fields

    def _with_access_token(self, access_token: str) -> dict[str, Any]:
        """Refuse a token of another environment: Plaid would report an active Item as not found."""
        if not access_token.startswith(f"access-{self.settings.token_environment}-"):
            raise ProviderConfigurationError("WRONG_ENVIRONMENT")
        return {"access_token": access_token}


@contextmanager
def unsupported_if_not_enabled() -> Iterator[None]:
    """Raise ``Unsupported`` where Plaid answers that the site's contract does not include the product."""
    try:
        yield
    except ProviderConfigurationError as error:
        if error.code not in NOT_ENABLED:
            raise
        raise Unsupported(error.code, request_id=error.request_id) from None
