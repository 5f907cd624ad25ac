"""Plaid as banking's provider: one method for each endpoint that we call.

Methods raise the errors of ``banking.provider`` and nothing else. Importing this module is cheap; the SDK,
which is not, is loaded by the first ``connect()``.
"""

import functools
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from django.views.decorators.debug import sensitive_variables

from banking.plaid import translate
from banking.plaid.deadline import DeadlineTransport
from banking.plaid.settings import PlaidSettings
from banking.plaid.webhook_keys import CachedKeyLookupLimits, WebhookKeys
from banking.provider import (
    AccountsResponse,
    Credential,
    InstitutionDetails,
    ItemDetails,
    ItemNotFound,
    LinkResult,
    LinkToken,
    ProviderConfigurationError,
    PublicTokenRefused,
    TransactionsPage,
)

if TYPE_CHECKING:
    from banking.plaid.transport import Transport

# How long Plaid may think, in seconds. The first page of a stream takes up to eight times as long as others.
CONTROL, SYNC, FIRST_SYNC, WEBHOOK_KEY = 15, 30, 60, 5
# The most that Plaid gives. Fewer pages mean fewer calls, and fewer changes while we read.
ROWS_PER_PAGE = 500
CATEGORY_VERSION = "v2"


def connect() -> "PlaidClient":
    """Return this process's client for the Plaid that the settings name. Raises ``ProviderConfigurationError``."""
    return _client(PlaidSettings.from_settings())


@functools.cache
def _client(settings: PlaidSettings) -> "PlaidClient":
    from banking.plaid.transport import Transport

    transport = Transport(host=settings.host, client_id=settings.client_id, secret=settings.secret)
    return PlaidClient(settings, transport)


# A forked child must not share its parent's open connections.
os.register_at_fork(after_in_child=_client.cache_clear)


class PlaidClient:
    """Implements ``banking.provider.ProviderClient``. Threads may share one."""

    def __init__(self, settings: PlaidSettings, transport: "Transport | DeadlineTransport") -> None:
        self.settings = settings
        self.keys = WebhookKeys(self.webhook_key, CachedKeyLookupLimits(settings.environment))
        self._transport = transport

    def with_timeouts(self, *, response: float, total: float) -> Self:
        """Return a client that gives Plaid less time: seconds for each answer, and for all from now on."""
        return type(self)(self.settings, DeadlineTransport(self._transport, response=response, total=total))

    def create_link_token(self, *, client_user_id: str, webhook: str) -> LinkToken:
        """Make the token that opens Link for a new Item. ``client_user_id`` must not tell who the person is.

        https://plaid.com/docs/api/link/#linktokencreate
        """
        fields = self._link_fields(client_user_id) | {
            "products": ["transactions"],
            "transactions": {"days_requested": self.settings.days_requested},
        }
        if webhook:
            fields["webhook"] = webhook
        return translate.link_token(self._transport.post("link_token_create", fields, seconds=CONTROL))

    @sensitive_variables()
    def create_update_token(self, access_token: str, *, client_user_id: str) -> LinkToken:
        """Make the token that opens Link for signing in again to an Item. The Item keeps its access token.

        https://plaid.com/docs/link/update-mode/
        """
        fields = self._link_fields(client_user_id) | self._opened_by(access_token)
        return translate.link_token(self._transport.post("link_token_create", fields, seconds=CONTROL))

    @sensitive_variables()
    def get_link_results(self, link_token: str) -> Sequence[LinkResult]:
        """Read what the dialogs that a link token opened have brought. Plaid keeps it for six hours.

        https://plaid.com/docs/api/link/#linktokenget
        """
        answer = self._transport.post("link_token_get", {"link_token": link_token}, seconds=CONTROL)
        return translate.brought(answer)

    @sensitive_variables()
    def exchange_public_token(self, public_token: str) -> Credential:
        """Exchange a public token, which works once. It comes from a browser, so its form is checked first.

        https://plaid.com/docs/api/items/#itempublic_tokenexchange
        """
        if not re.fullmatch(rf"public-{self.settings.token_environment}-[A-Za-z0-9-]{{1,100}}", public_token):
            raise PublicTokenRefused("INVALID_PUBLIC_TOKEN")
        fields = {"public_token": public_token}
        answer = self._transport.post("item_public_token_exchange", fields, seconds=CONTROL)
        return translate.credential(answer)

    @sensitive_variables()
    def get_item(self, access_token: str) -> ItemDetails:
        """Read an Item's own state. Free of charge. https://plaid.com/docs/api/items/#itemget"""
        fields = self._opened_by(access_token)
        return translate.item(self._transport.post("item_get", fields, seconds=CONTROL))

    @sensitive_variables()
    def get_accounts(self, access_token: str) -> AccountsResponse:
        """Read all accounts with the balances that Plaid last saw. Free of charge, unlike live balances.

        https://plaid.com/docs/api/accounts/#accountsget
        """
        fields = self._opened_by(access_token)
        return translate.roster(self._transport.post("accounts_get", fields, seconds=CONTROL))

    @sensitive_variables()
    def sync_transactions(self, access_token: str, *, cursor: str) -> TransactionsPage:
        """Read the page of the transaction stream that follows ``cursor``; an empty one means from the start.

        https://plaid.com/docs/api/products/transactions/#transactionssync
        """
        fields: dict[str, Any] = self._opened_by(access_token) | {
            "count": ROWS_PER_PAGE,
            "options": {"personal_finance_category_version": CATEGORY_VERSION},
        }
        if cursor:
            fields["cursor"] = cursor
        answer = self._transport.post("transactions_sync", fields, seconds=SYNC if cursor else FIRST_SYNC)
        return translate.page(answer)

    def get_institution(self, institution_id: str) -> InstitutionDetails:
        """Read what Plaid knows of a bank. https://plaid.com/docs/api/institutions/#institutionsget_by_id"""
        fields = {
            "institution_id": institution_id,
            "country_codes": list(self.settings.country_codes),
            "options": {"include_optional_metadata": True},
        }
        return translate.institution(self._transport.post("institutions_get_by_id", fields, seconds=CONTROL))

    @sensitive_variables()
    def remove_item(self, access_token: str) -> None:
        """End an Item at Plaid, and its billing. An Item that is gone already counts as removed.

        https://plaid.com/docs/api/items/#itemremove
        """
        fields = self._opened_by(access_token)
        try:
            self._transport.post("item_remove", fields, seconds=CONTROL)
        except ItemNotFound:
            return

    def webhook_key(self, key_id: str) -> dict[str, Any]:
        """Read the key, a JWK, that signs webhooks under this id. Raises ``UnknownKey`` where there is none.

        https://plaid.com/docs/api/webhooks/webhook-verification/#get-webhook-verification-key
        """
        answer = self._transport.post("webhook_verification_key_get", {"key_id": key_id}, seconds=WEBHOOK_KEY)
        return translate.webhook_key(answer)

    def _link_fields(self, client_user_id: str) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "client_name": self.settings.client_name,
            "language": self.settings.language,
            "country_codes": list(self.settings.country_codes),
            "user": {"client_user_id": client_user_id},
        }
        # Plaid refuses the whole call for an address that is not on its list, so none is sent just in case.
        if self.settings.redirect_uri:
            fields["redirect_uri"] = self.settings.redirect_uri
        return fields

    def _opened_by(self, access_token: str) -> dict[str, Any]:
        """Refuse a token of another environment: Plaid would call it unknown, and a living Item seem dead."""
        if not access_token.startswith(f"access-{self.settings.token_environment}-"):
            raise ProviderConfigurationError("WRONG_ENVIRONMENT")
        return {"access_token": access_token}
