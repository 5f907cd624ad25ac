"""The interface of a bank data provider.

A provider's package (today ``banking/plaid/``) converts its vendor's responses to the classes here and its vendor's
errors to the exceptions here. No other module imports a provider package: ``banking.providers`` finds the packages by
the settings, so a second provider is one more folder.
"""

from banking.provider.errors import (
    ConsentRequired,
    Fault,
    InstitutionDown,
    InvalidCursor,
    ItemNotFound,
    LoginRequired,
    MalformedResponse,
    MutationDuringPagination,
    NotReady,
    PermissionRevoked,
    ProviderConfigurationError,
    ProviderError,
    PublicTokenRefused,
    RateLimited,
    TimedOut,
    Unavailable,
    Unsupported,
)
from banking.provider.interface import BankRefresh, Priority, Provider, ProviderClient, UsageLimits
from banking.provider.items import InstitutionDetails, ItemDetails, SentWebhook
from banking.provider.linking import Credential, LinkExit, LinkResult, LinkResults, LinkSettings, LinkToken
from banking.provider.products import (
    AprRow,
    LiabilitiesResponse,
    LiabilityKind,
    LiabilityRow,
    RecurringResponse,
    RecurringStreamRow,
)
from banking.provider.rows import (
    LISTS_OF_CHANGES,
    AccountRow,
    AccountsResponse,
    Counterparty,
    Readiness,
    RowKind,
    SkippedRow,
    TransactionRow,
    TransactionsPage,
)
from banking.provider.webhooks import VerifiedWebhook, WebhookKind, WebhookNotVerifiable, WebhookRejected

__all__ = [
    "LISTS_OF_CHANGES",
    "AccountRow",
    "AccountsResponse",
    "AprRow",
    "BankRefresh",
    "ConsentRequired",
    "Counterparty",
    "Credential",
    "Fault",
    "InstitutionDetails",
    "InstitutionDown",
    "InvalidCursor",
    "ItemDetails",
    "ItemNotFound",
    "LiabilitiesResponse",
    "LiabilityKind",
    "LiabilityRow",
    "LinkExit",
    "LinkResult",
    "LinkResults",
    "LinkSettings",
    "LinkToken",
    "LoginRequired",
    "MalformedResponse",
    "MutationDuringPagination",
    "NotReady",
    "PermissionRevoked",
    "Priority",
    "Provider",
    "ProviderClient",
    "ProviderConfigurationError",
    "ProviderError",
    "PublicTokenRefused",
    "RateLimited",
    "Readiness",
    "RecurringResponse",
    "RecurringStreamRow",
    "RowKind",
    "SentWebhook",
    "SkippedRow",
    "TimedOut",
    "TransactionRow",
    "TransactionsPage",
    "Unavailable",
    "Unsupported",
    "UsageLimits",
    "VerifiedWebhook",
    "WebhookKind",
    "WebhookNotVerifiable",
    "WebhookRejected",
]
