"""Map Plaid's error codes to the error classes of ``banking.provider``.

Source: https://plaid.com/docs/errors/ . Plaid adds codes without notice, so an unknown one is classified by its
type and then by its HTTP status. Plaid's messages are never stored: some of them contain an access token.
"""

import re
from collections.abc import Mapping
from typing import Any

from banking.plaid import json_decoding
from banking.provider import (
    ConsentRequired,
    InstitutionDown,
    InvalidCursor,
    ItemNotFound,
    LoginRequired,
    MutationDuringPagination,
    NotReady,
    ProviderConfigurationError,
    ProviderError,
    PublicTokenRefused,
    RateLimited,
    Unavailable,
    Unsupported,
)


class UnknownKey(ProviderError):
    """Plaid has no webhook key with this id."""


class UnknownErrorCode(ProviderError):
    """An error code that is not in ``CODES``. It does not affect other calls."""


_CODES_BY_KIND: Mapping[type[ProviderError], tuple[str, ...]] = {
    LoginRequired: (
        "ITEM_LOGIN_REQUIRED",
        "PASSWORD_RESET_REQUIRED",
        "USER_SETUP_REQUIRED",
        "ITEM_LOCKED",
        "MANUAL_VERIFICATION_REQUIRED",
        "INVALID_CREDENTIALS",
        "INVALID_MFA",
        "INSUFFICIENT_CREDENTIALS",
        "INVALID_SEND_METHOD",
        "INVALID_UPDATED_USERNAME",
        "INVALID_PHONE_NUMBER",
        "INVALID_OTP",
        "USER_INPUT_TIMEOUT",
    ),
    ConsentRequired: ("ADDITIONAL_CONSENT_REQUIRED", "ACCESS_NOT_GRANTED"),
    ItemNotFound: (
        "ITEM_NOT_FOUND",
        "ITEM_CONCURRENTLY_DELETED",
        "USER_PERMISSION_REVOKED",
        # The client never sends a token of another environment, so a token that Plaid does not know is revoked.
        "INVALID_ACCESS_TOKEN",
    ),
    Unsupported: (
        "NO_ACCOUNTS",
        "NO_LIABILITY_ACCOUNTS",
        "NO_INVESTMENT_ACCOUNTS",
        "NO_AUTH_ACCOUNTS",
        "PRODUCTS_NOT_SUPPORTED",
        "PRODUCT_NOT_ENABLED",
        "ITEM_NOT_SUPPORTED",
        "MFA_NOT_SUPPORTED",
        "COUNTRY_NOT_SUPPORTED",
        "INSTITUTION_NO_LONGER_SUPPORTED",
    ),
    NotReady: ("PRODUCT_NOT_READY",),
    InstitutionDown: ("INSTITUTION_DOWN", "INSTITUTION_NOT_RESPONDING", "INSTITUTION_NOT_AVAILABLE"),
    Unavailable: (
        "UNSUPPORTED_RESPONSE",
        "INTERNAL_SERVER_ERROR",
        "plaid-internal-error",
        "PLANNED_MAINTENANCE",
        "LAST_UPDATED_DATETIME_OUT_OF_RANGE",
    ),
    MutationDuringPagination: ("TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION",),
    PublicTokenRefused: ("INVALID_PUBLIC_TOKEN",),
    UnknownKey: ("INVALID_WEBHOOK_VERIFICATION_KEY_ID",),
    ProviderConfigurationError: (
        "INVALID_API_KEYS",
        "UNAUTHORIZED_ENVIRONMENT",
        "UNAUTHORIZED_ROUTE_ACCESS",
        "UNAUTHORIZED_INSTITUTION",
        "INSTITUTION_REGISTRATION_REQUIRED",
        "INSTITUTION_NOT_ENABLED_IN_ENVIRONMENT",
        "INVALID_PRODUCT",
        "INVALID_INSTITUTION",
        "INVALID_ACCOUNT_ID",
        "INVALID_LINK_TOKEN",
        "MISSING_FIELDS",
        "INVALID_FIELD",
        "INVALID_BODY",
        "INVALID_HEADERS",
        "UNKNOWN_FIELDS",
        "INVALID_CONFIGURATION",
        "SANDBOX_ONLY",
        "NOT_FOUND",
        "NO_LONGER_AVAILABLE",
        "CREDITS_EXHAUSTED",
    ),
}
CODES = {code: kind for kind, codes in _CODES_BY_KIND.items() for code in codes}

TYPES: Mapping[str, type[ProviderError]] = {
    "API_ERROR": Unavailable,
    "INSTITUTION_ERROR": InstitutionDown,
    "INVALID_REQUEST": ProviderConfigurationError,
}

# Every other limit is counted per Item. https://plaid.com/docs/errors/rate-limit-exceeded/
LIMIT_SCOPES: Mapping[str, str] = {
    "RATE_LIMIT": "client",
    "INSTITUTIONS_GET_LIMIT": "client",
    "INSTITUTIONS_GET_BY_ID_LIMIT": "client",
    "INSTITUTION_RATE_LIMIT": "institution",
}
RETRY_AFTER, MAX_RETRY_AFTER = 60, 4 * 60 * 60

_SAFE_CODE = re.compile(r"[A-Za-z0-9_-]{1,100}")


def error_from_response(status: int, body: bytes | str, *, retry_after: str | None = None) -> ProviderError:
    """Return the error for a response with another status than 200. Never raises.

    ``retry_after`` is the value of the Retry-After header, if it was sent.
    """
    try:
        response = json_decoding.decode(body)
    except ValueError:
        response = {}
    code = safe_code(response.get("error_code"))
    code_or_status = code or f"HTTP_{status}"
    request_id = safe_code(response.get("request_id"))
    kind = CODES.get(code) or _kind_of_unknown(safe_code(response.get("error_type")), status, bool(code))
    if code == "INVALID_FIELD" and _names_cursor(response):
        kind = InvalidCursor
    if kind is RateLimited:
        scope = LIMIT_SCOPES.get(code, "item" if code.endswith("_LIMIT") else "client")
        return RateLimited(code_or_status, scope=scope, retry_after=_seconds(retry_after), request_id=request_id)
    return kind(code_or_status, request_id=request_id)


def item_error(error: Mapping[str, Any]) -> ProviderError | None:
    """Return the error of an Item's ``error`` field, as a failed call would raise it; ``None`` without a code."""
    code = safe_code(error.get("error_code"))
    kind = CODES.get(code) or _kind_of_unknown(safe_code(error.get("error_type")), 400, bool(code))
    return kind(code) if code and kind is not RateLimited else None


def safe_code(value: object) -> str:
    """Return a code or id if it is safe to log and to show to an operator, else an empty string."""
    return value if isinstance(value, str) and _SAFE_CODE.fullmatch(value) else ""


def _kind_of_unknown(error_type: str, status: int, has_code: bool) -> type[ProviderError]:
    if error_type == "RATE_LIMIT_EXCEEDED" or status == 429:
        return RateLimited
    if error_type in TYPES:
        return TYPES[error_type]
    if 300 <= status < 400:
        return ProviderConfigurationError
    # An error without a code comes from a proxy, not from Plaid.
    return Unavailable if status >= 500 or not has_code else UnknownErrorCode


def _names_cursor(response: Mapping[str, Any]) -> bool:
    """Whether the cursor is the invalid field, which has no code of its own: only the message names the field."""
    return "cursor" in str(response.get("error_message")).lower()


def _seconds(retry_after: str | None) -> int:
    """Parse a Retry-After header in seconds; its date format and invalid values count as not sent."""
    if retry_after is None or not (retry_after.isascii() and retry_after.isdigit()) or len(retry_after) > 9:
        return RETRY_AFTER
    return min(max(int(retry_after), 1), MAX_RETRY_AFTER)
