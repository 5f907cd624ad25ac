"""Plaid's errors as data: code -> type, HTTP status and messages.

Source: https://plaid.com/docs/errors/ . Wrong API keys are 400 at Plaid, not 401.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DOCS = "https://plaid.com/docs/?ref=error#"


@dataclass(frozen=True)
class PlaidErrorSpec:
    """The constant parts of one error code."""

    type: str
    message: str
    display: str | None = None
    status: int = 400


def _error_specs(
    error_type: str, status: int, messages: Mapping[str, str | tuple[str, str]]
) -> dict[str, PlaidErrorSpec]:
    """Build the entries of one error type. A pair is (message for developers, message for users)."""
    specs = {}
    for code, texts in messages.items():
        message, display = (texts, None) if isinstance(texts, str) else texts
        specs[code] = PlaidErrorSpec(error_type, message, display, status)
    return specs


_AT_BANK = "Please log in at your bank's own site first, then try again here."
_BANK_TROUBLE = "Your bank is having trouble at the moment. Please try again later."

CATALOGUE: dict[str, PlaidErrorSpec] = {
    **_error_specs(
        "ITEM_ERROR",
        400,
        {
            "ITEM_LOGIN_REQUIRED": (
                "the login details of this item have changed (credentials, MFA, or required user action) and a user "
                "login is required to update this information. use Link's update mode to restore the item to a good "
                "state",
                "The login details of this account have changed. Please sign in again.",
            ),
            "PASSWORD_RESET_REQUIRED": ("the user must reset their password", _AT_BANK),
            "USER_SETUP_REQUIRED": ("the account has not been fully set up", _AT_BANK),
            "ITEM_LOCKED": ("the account is locked", "The account is locked. " + _AT_BANK),
            "MANUAL_VERIFICATION_REQUIRED": ("the user must verify at the institution", _AT_BANK),
            "INVALID_CREDENTIALS": (
                "the provided credentials were not correct",
                "The provided credentials were not correct. Please try again.",
            ),
            "INVALID_MFA": (
                "the provided MFA was not correct",
                "The code or answer was not correct. Please try again.",
            ),
            "INSUFFICIENT_CREDENTIALS": (
                "the user did not finish signing in",
                "Please finish signing in at your bank.",
            ),
            "INVALID_SEND_METHOD": (
                "the selected send method is not available",
                "Please choose another way to get the code.",
            ),
            "INVALID_UPDATED_USERNAME": (
                "the username does not belong to this item",
                "Please use the login you linked.",
            ),
            "INVALID_PHONE_NUMBER": ("the phone number is not valid", "Please check the phone number."),
            "INVALID_OTP": ("the provided one-time password was not correct", "The code was not correct."),
            "USER_INPUT_TIMEOUT": ("the user did not answer in time", "That took too long. Please try again."),
            "ITEM_NOT_FOUND": "The Item you requested cannot be found. This Item does not exist, has been previously "
            "removed via /item/remove, or has had access removed by the user.",
            "ITEM_CONCURRENTLY_DELETED": "this item was deleted while the operation was in progress",
            "ITEM_NOT_SUPPORTED": ("this account is not supported", "This kind of account is not supported."),
            "MFA_NOT_SUPPORTED": (
                "this account requires an unsupported MFA",
                "This way of signing in is not supported.",
            ),
            "COUNTRY_NOT_SUPPORTED": ("the country is not supported", "Banks of this country are not supported."),
            "ACCESS_NOT_GRANTED": ("access to the product was not granted", "Please allow access to your accounts."),
            "NO_ACCOUNTS": ("no accounts were found", "No open accounts were found at this bank."),
            "NO_LIABILITY_ACCOUNTS": "there are no accounts that carry liabilities on this item",
            "NO_INVESTMENT_ACCOUNTS": "there are no investment accounts on this item",
            "NO_AUTH_ACCOUNTS": "there are no accounts with auth data on this item",
            "PRODUCT_NOT_READY": "the requested product is not yet ready. please provide a webhook or try again later",
            "PRODUCTS_NOT_SUPPORTED": "the products of this request are not supported by the institution",
            "PRODUCT_NOT_ENABLED": "the product is not enabled for this item",
        },
    ),
    **_error_specs(
        "INSTITUTION_ERROR",
        400,
        {
            "INSTITUTION_DOWN": ("this institution is not currently responding", _BANK_TROUBLE),
            "INSTITUTION_NOT_RESPONDING": (
                "this institution is not currently responding to this request",
                _BANK_TROUBLE,
            ),
            "INSTITUTION_NOT_AVAILABLE": ("this institution is not available at this time", _BANK_TROUBLE),
            "INSTITUTION_NO_LONGER_SUPPORTED": (
                "this institution is no longer supported",
                "This bank can't be linked any more.",
            ),
            "UNAUTHORIZED_INSTITUTION": (
                "not authorized to access this institution",
                "This bank is not available yet.",
            ),
            "INSTITUTION_REGISTRATION_REQUIRED": (
                "registration required for this institution",
                "This bank is not available yet.",
            ),
            "INSTITUTION_NOT_ENABLED_IN_ENVIRONMENT": "institution not enabled in this environment",
            "UNSUPPORTED_RESPONSE": ("the response from the institution is not supported", _BANK_TROUBLE),
        },
    ),
    **_error_specs(
        "INVALID_INPUT",
        400,
        {
            "ADDITIONAL_CONSENT_REQUIRED": "client does not have user consent to access the product",
            "USER_PERMISSION_REVOKED": "the holder of this account has revoked their permission for your application",
            "INVALID_ACCESS_TOKEN": "could not find matching access token",
            "INVALID_PUBLIC_TOKEN": "could not find matching public token",
            "INVALID_LINK_TOKEN": (
                "the link token is invalid or expired",
                "This window is out of date. Please start again.",
            ),
            "INVALID_ACCOUNT_ID": "failed to find requested account ID for requested item",
            "INVALID_API_KEYS": "invalid client_id or secret provided",
            "UNAUTHORIZED_ENVIRONMENT": "you are not enabled for this environment",
            "UNAUTHORIZED_ROUTE_ACCESS": "client is not authorized to access this route",
            "INVALID_PRODUCT": "client is not authorized to access the product",
            "INVALID_INSTITUTION": "invalid institution_id provided",
            "INVALID_WEBHOOK_VERIFICATION_KEY_ID": "invalid key_id provided. key_ids are case sensitive",
            "TOO_MANY_VERIFICATION_ATTEMPTS": ("too many attempts", "Too many attempts. Please try again later."),
        },
    ),
    **_error_specs(
        "INVALID_REQUEST",
        400,
        {
            "MISSING_FIELDS": "the following required fields are missing",
            "INVALID_FIELD": "a field is not valid",
            "INVALID_BODY": "body could not be parsed as JSON",
            "INVALID_HEADERS": "the request headers are not valid",
            "UNKNOWN_FIELDS": "the following fields are not recognized by this endpoint",
            "INVALID_CONFIGURATION": "the configuration is not valid",
            "SANDBOX_ONLY": "this endpoint is only available in Sandbox",
        },
    ),
    **_error_specs(
        "INVALID_REQUEST",
        404,
        {
            "NOT_FOUND": "the requested route or method does not exist",
            "NO_LONGER_AVAILABLE": "this endpoint is no longer available",
        },
    ),
    **_error_specs(
        "INVALID_RESULT",
        400,
        {
            "LAST_UPDATED_DATETIME_OUT_OF_RANGE": "requested datetime out of range",
        },
    ),
    **_error_specs(
        "TRANSACTIONS_ERROR",
        400,
        {
            "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION": "underlying transaction data changed since last page was "
            "fetched. please restart pagination from last update",
        },
    ),
    **_error_specs(
        "RATE_LIMIT_EXCEEDED",
        429,
        {
            "RATE_LIMIT": "rate limit exceeded. too many requests were made",
            "TRANSACTIONS_SYNC_LIMIT": "rate limit exceeded for transactions/sync on this item. please try again later",
            "TRANSACTIONS_REFRESH_LIMIT": "rate limit exceeded for transactions/refresh on this item. try again later",
            "TRANSACTIONS_LIMIT": "rate limit exceeded for transactions on this item. please try again later",
            "ACCOUNTS_LIMIT": "rate limit exceeded for accounts/get on this item. please try again later",
            "ACCOUNTS_BALANCE_GET_LIMIT": "rate limit exceeded for accounts/balance/get. please try again later",
            "BALANCE_LIMIT": "rate limit exceeded for accounts/balance/get on this item. please try again later",
            "ITEM_GET_LIMIT": "rate limit exceeded for item/get on this item. please try again later",
            "AUTH_LIMIT": "rate limit exceeded for auth/get on this item. please try again later",
            "IDENTITY_LIMIT": "rate limit exceeded for identity/get on this item. please try again later",
            "INVESTMENT_HOLDINGS_GET_LIMIT": "rate limit exceeded for investments/holdings/get. please try again later",
            "INVESTMENT_TRANSACTIONS_LIMIT": "rate limit exceeded for investments/transactions/get. try again later",
            "INSTITUTIONS_GET_LIMIT": "rate limit exceeded for institutions/get. please try again later",
            "INSTITUTIONS_GET_BY_ID_LIMIT": "rate limit exceeded for institutions/get_by_id. please try again later",
            "INSTITUTION_RATE_LIMIT": "rate limit exceeded at the institution. please try again later",
            "SANDBOX_TRANSACTIONS_CREATE_LIMIT": "rate limit exceeded for sandbox/transactions/create. try again later",
            "CREDITS_EXHAUSTED": "the credits of this trial are used up",
        },
    ),
    **_error_specs(
        "API_ERROR",
        500,
        {
            "INTERNAL_SERVER_ERROR": ("an unexpected error occurred", _BANK_TROUBLE),
            "plaid-internal-error": "an unexpected error occurred",
        },
    ),
    **_error_specs(
        "API_ERROR",
        503,
        {
            "PLANNED_MAINTENANCE": ("the API is down for maintenance", _BANK_TROUBLE),
        },
    ),
    **_error_specs(
        "OAUTH_ERROR",
        400,
        {
            "INCORRECT_OAUTH_NONCE": "the nonce does not match the one of this session",
            "INCORRECT_LINK_TOKEN": "the link token does not match the one with which the session started",
        },
    ),
    # 208 is what Plaid documents, although it is no error status.
    **_error_specs("OAUTH_ERROR", 208, {"OAUTH_STATE_ID_ALREADY_PROCESSED": "the OAuth state was used already"}),
    **_error_specs("OAUTH_ERROR", 404, {"OAUTH_STATE_ID_NOT_FOUND": "there is no such OAuth state"}),
    **_error_specs(
        "RECAPTCHA_ERROR",
        400,
        {
            "RECAPTCHA_REQUIRED": ("the request needs a human", "Please show that you are human."),
            "RECAPTCHA_BAD": ("the request looks automated", "Please try again later."),
        },
    ),
    **_error_specs("USER_ERROR", 403, {"INVALID_USER_IDENTITY_DATA": "the identity data of the user is not valid"}),
    **_error_specs(
        "SANDBOX_ERROR",
        400,
        {
            "SANDBOX_PRODUCT_NOT_ENABLED": "the product is not enabled in Sandbox for this item",
            "SANDBOX_WEBHOOK_INVALID": "no webhook is set on this item, so none can be fired",
            "SANDBOX_TRANSACTIONS_CREATE_INVALID": "this item does not accept custom transactions",
        },
    ),
}


LOGIN_REASONS = ("OAUTH_INVALID_TOKEN", "OAUTH_CONSENT_EXPIRED", "OAUTH_USER_REVOKED")


class PlaidError(Exception):
    """An error response of Plaid. The application turns it into JSON."""

    def __init__(self, code: str, message: str = "", *, display: str | None = None, reason: str | None = None) -> None:
        """``code`` must be in ``CATALOGUE``. ``message`` and ``display`` replace its messages."""
        spec = CATALOGUE[code]
        self.code = code
        self.type = spec.type
        self.status = spec.status
        self.message = message or spec.message
        self.display = display or spec.display
        self.reason = reason
        super().__init__(f"{code}: {self.message}")

    def body(self, request_id: str = "") -> dict[str, Any]:
        """Return Plaid's complete error object. In an Item or a webhook ``request_id`` is empty."""
        return {
            "error_type": self.type,
            "error_code": self.code,
            "error_code_reason": self.reason,
            "error_message": self.message,
            "display_message": self.display,
            "documentation_url": DOCS + self.code.lower().replace("_", "-"),
            "suggested_action": None,
            "request_id": request_id,
        }
