"""Plaid, as ``banking.providers`` finds it. Importing this module is cheap and loads no SDK."""

from collections.abc import Callable, Mapping

from django.conf import settings

from banking.error_advice import ErrorAdvice
from banking.plaid import client, errors, link_page, webhooks
from banking.plaid.limits.published_limits import PAID_ENDPOINTS, PUBLISHED, REFRESH_ENDPOINTS
from banking.provider import BankRefresh, LinkSettings, ProviderClient, UsageLimits, VerifiedWebhook


class PlaidProvider:
    """Implements ``banking.provider.Provider``."""

    key = "plaid"
    name = "Plaid"
    billed_environments = frozenset({"production"})

    @property
    def environment(self) -> str:
        """The value of ``PLAID_ENV``: embedded, sandbox or production."""
        return str(settings.PLAID_ENV)

    def connect(self) -> ProviderClient:
        """Return this process's client. Raises ``ProviderConfigurationError``."""
        return client.connect()

    def link_settings(self) -> LinkSettings:
        """How this site opens Plaid Link."""
        return LinkSettings(
            script_url=link_page.link_script(),
            webhook_url=settings.PLAID_WEBHOOK_URL,
            redirect_uri=settings.PLAID_REDIRECT_URI,
            days_requested=settings.PLAID_DAYS_REQUESTED,
            content_security_policy=link_page.link_policy(),
            has_hosted_pages=True,
        )

    def advise(self, error_code: str, *, reason: str = "") -> ErrorAdvice:
        """Return what one of Plaid's error codes means for the user."""
        return errors.advise(error_code, reason=reason)

    def usage_limits(self) -> UsageLimits:
        """How much of Plaid this site may use."""
        published = PUBLISHED.get(self.environment, {})
        return UsageLimits(
            item_cap=settings.PLAID_ITEM_CAP,
            cap_counts_removed=settings.PLAID_ITEM_CAP_COUNTS_REMOVED,
            paid_endpoints=PAID_ENDPOINTS,
            paid_calls_per_day=settings.PLAID_PAID_CALLS_PER_DAY,
            calls_per_minute={name: limit.client for name, limit in published.items() if limit.client},
            refresh_endpoints={kind: REFRESH_ENDPOINTS[kind] for kind in map(BankRefresh, settings.PLAID_REFRESH)},
            refreshes_per_day=settings.PLAID_REFRESHES_PER_DAY,
        )

    def verify_webhook(
        self, headers: Mapping[str, str], body: bytes, *, is_known: Callable[[str], bool]
    ) -> VerifiedWebhook:
        """Check a webhook's signature. Raises as ``webhooks.verify`` does."""
        return webhooks.verify(headers.get(webhooks.HEADER, ""), body, is_known=is_known)
