"""All of Plaid's error codes: the error class (what a sync does), the user's action, and the sentence that they read.

Source: https://plaid.com/docs/errors/ . Each code stands here once. A failure that passes without the user (``WAIT``)
and one that only an operator can resolve (``NONE``) have no sentence: pages say that the sync failed, and when the next
attempt is. Codes that Plaid adds later are classified in ``errors``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from banking.error_advice import ErrorAdvice, UserAction
from banking.provider import (
    ConsentRequired,
    InstitutionDown,
    ItemNotFound,
    LoginRequired,
    MutationDuringPagination,
    NotReady,
    PermissionRevoked,
    ProviderConfigurationError,
    ProviderError,
    PublicTokenRefused,
    RateLimited,
    Unavailable,
    Unsupported,
)

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class UnknownKey(ProviderError):
    """Plaid has no webhook key with this id."""


class DialogFailed(ProviderError):
    """Link could not continue in the browser, and has to be opened again. No call of ours fails with it."""


@dataclass(frozen=True, slots=True)
class ErrorCodes:
    """Codes with the same consequences. ``scope`` is what a rate limit counts: calls of an item, institution or client.

    ``selects_accounts``: https://plaid.com/docs/link/update-mode/#requesting-additional-accounts
    """

    codes: tuple[str, ...]
    error: type[ProviderError]
    action: UserAction = UserAction.NONE
    message: "StrOrPromise" = ""
    scope: str = ""
    selects_accounts: bool = False

    @property
    def advice(self) -> ErrorAdvice:
        """What these codes mean for the user."""
        return ErrorAdvice(self.error, self.action, self.message, self.selects_accounts)


ERROR_CODES: Final = (
    # --- The user has to sign in again ------------------------------------------------------------------------
    ErrorCodes(
        ("ITEM_LOGIN_REQUIRED",),
        LoginRequired,
        UserAction.RECONNECT,
        _("%(bank)s needs you to sign in again. This can happen after a password change."),
    ),
    ErrorCodes(
        ("PASSWORD_RESET_REQUIRED",),
        LoginRequired,
        UserAction.RECONNECT,
        _("%(bank)s requires a new password. Set it there, then reconnect."),
    ),
    ErrorCodes(
        ("USER_SETUP_REQUIRED",),
        LoginRequired,
        UserAction.RECONNECT,
        _("%(bank)s needs you to finish setting up your account. Sign in there, then reconnect."),
    ),
    ErrorCodes(
        ("ITEM_LOCKED",),
        LoginRequired,
        UserAction.RECONNECT,
        _("%(bank)s locked your account after failed sign-ins. Unlock it there, then reconnect."),
    ),
    ErrorCodes(
        ("MANUAL_VERIFICATION_REQUIRED",),
        LoginRequired,
        UserAction.RECONNECT,
        _("%(bank)s needs you to verify your account. Sign in there, then reconnect."),
    ),
    ErrorCodes(
        ("INVALID_CREDENTIALS", "INVALID_UPDATED_USERNAME"),
        LoginRequired,
        UserAction.RECONNECT,
        _("%(bank)s didn't accept the username or password. Reconnect to enter them again."),
    ),
    ErrorCodes(
        (
            "INVALID_MFA",
            "INVALID_OTP",
            "INVALID_SEND_METHOD",
            "INVALID_PHONE_NUMBER",
            "INSUFFICIENT_CREDENTIALS",
            "USER_INPUT_TIMEOUT",
        ),
        LoginRequired,
        UserAction.RECONNECT,
        _("The last sign-in to %(bank)s wasn't completed. Reconnect to sign in again."),
    ),
    # --- The user has to allow more ---------------------------------------------------------------------------
    ErrorCodes(
        ("ADDITIONAL_CONSENT_REQUIRED",),
        ConsentRequired,
        UserAction.REVIEW_CONSENT,
        _("%(bank)s needs your approval to keep sharing. Reconnect to review it."),
    ),
    ErrorCodes(
        ("ACCESS_NOT_GRANTED",),
        ConsentRequired,
        UserAction.REVIEW_CONSENT,
        _("The access we need wasn't granted. Reconnect %(bank)s and allow it."),
        selects_accounts=True,
    ),
    ErrorCodes(
        ("NO_ACCOUNTS",),
        ConsentRequired,
        UserAction.REVIEW_CONSENT,
        _("%(bank)s shares no open accounts with us. Reconnect to choose accounts, or disconnect it."),
        selects_accounts=True,
    ),
    # --- The Item has ended: only a new one helps -------------------------------------------------------------
    ErrorCodes(
        ("USER_PERMISSION_REVOKED",),
        PermissionRevoked,
        UserAction.ADD_AGAIN,
        _("Our access to %(bank)s was withdrawn at the bank or at Plaid. To continue syncing, connect it again."),
    ),
    ErrorCodes(
        # The client never sends a token of another environment, so a token that Plaid does not know is revoked.
        ("ITEM_NOT_FOUND", "ITEM_CONCURRENTLY_DELETED", "INVALID_ACCESS_TOKEN"),
        ItemNotFound,
        UserAction.ADD_AGAIN,
        _("Our access to %(bank)s ended. To continue syncing, connect it again."),
    ),
    ErrorCodes(
        ("INSTITUTION_NO_LONGER_SUPPORTED",),
        Unsupported,
        UserAction.NONE,
        _("Plaid no longer supports %(bank)s, so we can't sync it. Its history stays."),
    ),
    ErrorCodes(
        ("ITEM_NOT_SUPPORTED", "MFA_NOT_SUPPORTED", "COUNTRY_NOT_SUPPORTED"),
        Unsupported,
        UserAction.NONE,
        _("Plaid doesn't support your account at %(bank)s, so we can't sync it. Its history stays."),
    ),
    # --- This product is not offered for this Item; others may be ---------------------------------------------
    ErrorCodes(
        ("PRODUCTS_NOT_SUPPORTED",),
        Unsupported,
        UserAction.NONE,
        _("%(bank)s doesn't offer this data through Plaid."),
    ),
    ErrorCodes(
        ("NO_LIABILITY_ACCOUNTS",),
        Unsupported,
        UserAction.NONE,
        _("%(bank)s shares no card or loan of which Plaid knows the terms."),
    ),
    ErrorCodes(("NO_INVESTMENT_ACCOUNTS", "NO_AUTH_ACCOUNTS"), Unsupported),
    # --- The site retries; nobody has to act ------------------------------------------------------------------
    ErrorCodes(("PRODUCT_NOT_READY",), NotReady, UserAction.WAIT),
    ErrorCodes(
        ("INSTITUTION_DOWN", "INSTITUTION_NOT_RESPONDING", "INSTITUTION_NOT_AVAILABLE"),
        InstitutionDown,
        UserAction.WAIT,
    ),
    ErrorCodes(
        (
            "UNSUPPORTED_RESPONSE",
            "INTERNAL_SERVER_ERROR",
            "plaid-internal-error",
            "PLANNED_MAINTENANCE",
            "LAST_UPDATED_DATETIME_OUT_OF_RANGE",
        ),
        Unavailable,
        UserAction.WAIT,
    ),
    ErrorCodes(("TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION",), MutationDuringPagination, UserAction.WAIT),
    ErrorCodes(
        (
            "TRANSACTIONS_SYNC_LIMIT",
            "TRANSACTIONS_REFRESH_LIMIT",
            "ACCOUNTS_LIMIT",
            "ACCOUNTS_BALANCE_GET_LIMIT",
            "BALANCE_LIMIT",
            "ITEM_GET_LIMIT",
        ),
        RateLimited,
        UserAction.WAIT,
        scope="item",
    ),
    ErrorCodes(("INSTITUTION_RATE_LIMIT",), RateLimited, UserAction.WAIT, scope="institution"),
    ErrorCodes(
        ("RATE_LIMIT", "INSTITUTIONS_GET_LIMIT", "INSTITUTIONS_GET_BY_ID_LIMIT"),
        RateLimited,
        UserAction.WAIT,
        scope="client",
    ),
    # --- Only while a bank is linked; the pages of linking have their own words (``linking.link_messages``) ----
    ErrorCodes(("INVALID_PUBLIC_TOKEN",), PublicTokenRefused, UserAction.ADD_AGAIN),
    ErrorCodes(
        (
            "OAUTH_STATE_ID_ALREADY_PROCESSED",
            "OAUTH_STATE_ID_NOT_FOUND",
            "INCORRECT_OAUTH_NONCE",
            "INCORRECT_LINK_TOKEN",
        ),
        DialogFailed,
        UserAction.ADD_AGAIN,
    ),
    ErrorCodes(("TOO_MANY_VERIFICATION_ATTEMPTS",), DialogFailed, UserAction.WAIT),
    # --- Our keys, settings or requests are wrong: an operator has to act -------------------------------------
    ErrorCodes(("INVALID_WEBHOOK_VERIFICATION_KEY_ID",), UnknownKey),
    ErrorCodes(
        (
            "INVALID_API_KEYS",
            "UNAUTHORIZED_ENVIRONMENT",
            "UNAUTHORIZED_ROUTE_ACCESS",
            "UNAUTHORIZED_INSTITUTION",
            "INSTITUTION_REGISTRATION_REQUIRED",
            "INSTITUTION_NOT_ENABLED_IN_ENVIRONMENT",
            "PRODUCT_NOT_ENABLED",
            "INVALID_PRODUCT",
            "INVALID_INSTITUTION",
            "INVALID_ACCOUNT_ID",
            "INVALID_LINK_TOKEN",
            "INVALID_USER_IDENTITY_DATA",
            "CREDITS_EXHAUSTED",
        ),
        ProviderConfigurationError,
    ),
    ErrorCodes(
        (
            "MISSING_FIELDS",
            "INVALID_FIELD",
            "INVALID_BODY",
            "INVALID_HEADERS",
            "UNKNOWN_FIELDS",
            "INVALID_CONFIGURATION",
            "NOT_FOUND",
            "NO_LONGER_AVAILABLE",
        ),
        ProviderConfigurationError,
    ),
    ErrorCodes(
        ("SANDBOX_ONLY", "SANDBOX_PRODUCT_NOT_ENABLED", "SANDBOX_WEBHOOK_INVALID"),
        ProviderConfigurationError,
    ),
)
BY_CODE: Final[Mapping[str, ErrorCodes]] = {code: row for row in ERROR_CODES for code in row.codes}

# Plaid's ``error_code_reason`` replaces the sentence of ITEM_LOGIN_REQUIRED: https://plaid.com/docs/errors/item/
LOGIN_REASONS: Final[Mapping[str, "StrOrPromise"]] = {
    "OAUTH_CONSENT_EXPIRED": _("Your permission to share data from %(bank)s expired. Reconnect to renew it."),
    "OAUTH_USER_REVOKED": _("Our access was withdrawn at %(bank)s. Reconnect to allow it again, or disconnect it."),
    "OAUTH_INVALID_TOKEN": _("%(bank)s no longer accepts our access. Reconnect to renew it."),
}
