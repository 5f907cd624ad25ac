"""Turn Plaid's error responses into the errors of ``banking.provider``, and error codes into advice for the user.

The codes are in ``error_codes``. Plaid adds codes without notice, so an unknown one is classified by its type and then
by its HTTP status. Plaid's messages are never stored: some of them contain an access token.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from banking.error_advice import ErrorAdvice, UserAction
from banking.plaid import json_decoding
from banking.plaid.error_codes import BY_CODE, LOGIN_REASONS
from banking.provider import (
    InstitutionDown,
    InvalidCursor,
    ProviderConfigurationError,
    ProviderError,
    RateLimited,
    Unavailable,
)


class UnknownErrorCode(ProviderError):
    """An error code that is not in ``error_codes``. It does not affect other calls."""


TYPES: Mapping[str, type[ProviderError]] = {
    "API_ERROR": Unavailable,
    "INSTITUTION_ERROR": InstitutionDown,
    "INVALID_REQUEST": ProviderConfigurationError,
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
    kind = _kind_of(code, safe_code(response.get("error_type")), status)
    if code == "INVALID_FIELD" and _names_cursor(response):
        kind = InvalidCursor
    if kind is RateLimited:
        seconds = _seconds(retry_after)
        return RateLimited(code_or_status, scope=_scope_of(code), retry_after=seconds, request_id=request_id)
    return kind(code_or_status, request_id=request_id, reason=safe_code(response.get("error_code_reason")))


def item_error(error: Mapping[str, Any]) -> ProviderError | None:
    """Return the error of an Item's ``error`` field, as a failed call would raise it; ``None`` without a code."""
    code = safe_code(error.get("error_code"))
    kind = _kind_of(code, safe_code(error.get("error_type")), 400)
    if not code or kind is RateLimited:
        return None
    return kind(code, reason=safe_code(error.get("error_code_reason")))


def advise(code: str, *, reason: str = "") -> ErrorAdvice:
    """Return what a code means for the user; of an unknown one, only whether it is a rate limit."""
    known = BY_CODE.get(code)
    if known is None:
        return ErrorAdvice(RateLimited, UserAction.WAIT) if _is_rate_limit(code) else ErrorAdvice(UnknownErrorCode)
    if code == "ITEM_LOGIN_REQUIRED" and reason in LOGIN_REASONS:
        return replace(known.advice, message=LOGIN_REASONS[reason])
    return known.advice


def safe_code(value: object) -> str:
    """Return a code or id if it is safe to log and to show to an operator, else an empty string."""
    return value if isinstance(value, str) and _SAFE_CODE.fullmatch(value) else ""


def _kind_of(code: str, error_type: str, status: int) -> type[ProviderError]:
    if code in BY_CODE:
        return BY_CODE[code].error
    if error_type == "RATE_LIMIT_EXCEEDED" or status == 429:
        return RateLimited
    if error_type in TYPES:
        return TYPES[error_type]
    if 300 <= status < 400:
        return ProviderConfigurationError
    # An error without a code comes from a proxy, not from Plaid.
    return Unavailable if status >= 500 or not code else UnknownErrorCode


def _is_rate_limit(code: str) -> bool:
    """Whether a code that is unknown here is most likely that of a rate limit."""
    return code.endswith("_LIMIT") or code == "HTTP_429"


def _scope_of(code: str) -> str:
    """What a rate limit counts. A limit that is added later counts the calls of an Item, as most do."""
    if code in BY_CODE:
        return BY_CODE[code].scope
    return "item" if code.endswith("_LIMIT") else "client"


def _names_cursor(response: Mapping[str, Any]) -> bool:
    """Whether the cursor is the invalid field, which has no code of its own: only the message names the field."""
    return "cursor" in str(response.get("error_message")).lower()


def _seconds(retry_after: str | None) -> int:
    """Parse a Retry-After header in seconds; its date format and invalid values count as not sent."""
    if retry_after is None or not (retry_after.isascii() and retry_after.isdigit()) or len(retry_after) > 9:
        return RETRY_AFTER
    return min(max(int(retry_after), 1), MAX_RETRY_AFTER)
