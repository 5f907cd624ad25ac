import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banking.plaid.errors import CODES, UnknownErrorCode, UnknownKey, error_from_response
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

# From https://plaid.com/docs/errors/ : the expected class, error type, HTTP status, codes.
PLAIDS_TABLE = [
    (
        LoginRequired,
        "ITEM_ERROR",
        400,
        "ITEM_LOGIN_REQUIRED PASSWORD_RESET_REQUIRED USER_SETUP_REQUIRED ITEM_LOCKED",
    ),
    (
        LoginRequired,
        "ITEM_ERROR",
        400,
        "MANUAL_VERIFICATION_REQUIRED INVALID_CREDENTIALS INVALID_MFA INVALID_OTP",
    ),
    (
        LoginRequired,
        "ITEM_ERROR",
        400,
        "INSUFFICIENT_CREDENTIALS INVALID_SEND_METHOD INVALID_UPDATED_USERNAME",
    ),
    (LoginRequired, "ITEM_ERROR", 400, "INVALID_PHONE_NUMBER USER_INPUT_TIMEOUT"),
    (ItemNotFound, "ITEM_ERROR", 400, "ITEM_NOT_FOUND ITEM_CONCURRENTLY_DELETED"),
    (ConsentRequired, "ITEM_ERROR", 400, "ACCESS_NOT_GRANTED"),
    (
        Unsupported,
        "ITEM_ERROR",
        400,
        "NO_ACCOUNTS NO_LIABILITY_ACCOUNTS NO_INVESTMENT_ACCOUNTS NO_AUTH_ACCOUNTS",
    ),
    (Unsupported, "ITEM_ERROR", 400, "PRODUCTS_NOT_SUPPORTED PRODUCT_NOT_ENABLED ITEM_NOT_SUPPORTED"),
    (Unsupported, "ITEM_ERROR", 400, "MFA_NOT_SUPPORTED COUNTRY_NOT_SUPPORTED"),
    (NotReady, "ITEM_ERROR", 400, "PRODUCT_NOT_READY"),
    (InstitutionDown, "INSTITUTION_ERROR", 400, "INSTITUTION_DOWN INSTITUTION_NOT_RESPONDING"),
    (InstitutionDown, "INSTITUTION_ERROR", 400, "INSTITUTION_NOT_AVAILABLE"),
    (Unsupported, "INSTITUTION_ERROR", 400, "INSTITUTION_NO_LONGER_SUPPORTED"),
    (ProviderConfigurationError, "INSTITUTION_ERROR", 400, "UNAUTHORIZED_INSTITUTION"),
    (ProviderConfigurationError, "INSTITUTION_ERROR", 400, "INSTITUTION_REGISTRATION_REQUIRED"),
    (ProviderConfigurationError, "INSTITUTION_ERROR", 400, "INSTITUTION_NOT_ENABLED_IN_ENVIRONMENT"),
    (Unavailable, "INSTITUTION_ERROR", 400, "UNSUPPORTED_RESPONSE"),
    (ConsentRequired, "INVALID_INPUT", 400, "ADDITIONAL_CONSENT_REQUIRED"),
    (ItemNotFound, "INVALID_INPUT", 400, "USER_PERMISSION_REVOKED INVALID_ACCESS_TOKEN"),
    (PublicTokenRefused, "INVALID_INPUT", 400, "INVALID_PUBLIC_TOKEN"),
    (
        ProviderConfigurationError,
        "INVALID_INPUT",
        400,
        "INVALID_API_KEYS UNAUTHORIZED_ENVIRONMENT UNAUTHORIZED_ROUTE_ACCESS",
    ),
    (
        ProviderConfigurationError,
        "INVALID_INPUT",
        400,
        "INVALID_PRODUCT INVALID_INSTITUTION INVALID_ACCOUNT_ID INVALID_LINK_TOKEN",
    ),
    (UnknownKey, "INVALID_INPUT", 400, "INVALID_WEBHOOK_VERIFICATION_KEY_ID"),
    (ProviderConfigurationError, "INVALID_REQUEST", 400, "MISSING_FIELDS INVALID_FIELD INVALID_BODY INVALID_HEADERS"),
    (ProviderConfigurationError, "INVALID_REQUEST", 400, "UNKNOWN_FIELDS INVALID_CONFIGURATION SANDBOX_ONLY"),
    (ProviderConfigurationError, "INVALID_REQUEST", 404, "NOT_FOUND NO_LONGER_AVAILABLE"),
    (Unavailable, "INVALID_RESULT", 400, "LAST_UPDATED_DATETIME_OUT_OF_RANGE"),
    (MutationDuringPagination, "TRANSACTIONS_ERROR", 400, "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION"),
    (Unavailable, "API_ERROR", 500, "INTERNAL_SERVER_ERROR plaid-internal-error"),
    (Unavailable, "API_ERROR", 503, "PLANNED_MAINTENANCE"),
    (ProviderConfigurationError, "RATE_LIMIT_EXCEEDED", 429, "CREDITS_EXHAUSTED"),
]
FIELDS = ["error_code", "error_type", "error_message", "request_id"]
CASES = [(*rest, code) for *rest, codes in PLAIDS_TABLE for code in codes.split()]


def make_body(code=None, error_type=None, message="please look at access-sandbox-CANARY", **more):
    fields = {"error_type": error_type, "error_code": code, "error_message": message}
    return json.dumps(fields | {"request_id": "Hx1Yq0a2b3c4d5e"} | more).encode()


@pytest.mark.parametrize(("expected", "error_type", "status", "code"), CASES)
def test_it_maps_every_documented_code(expected, error_type, status, code):
    error = error_from_response(status, make_body(code, error_type))
    assert type(error) is expected
    assert error.code == code
    assert error.request_id == "Hx1Yq0a2b3c4d5e"


def test_it_maps_only_documented_codes():
    assert set(CODES) == {code for *_, code in CASES}


@pytest.mark.parametrize(
    ("code", "scope"),
    [
        ("TRANSACTIONS_SYNC_LIMIT", "item"),
        ("ACCOUNTS_LIMIT", "item"),
        ("ITEM_GET_LIMIT", "item"),
        ("A_LIMIT_OF_TOMORROW_LIMIT", "item"),
        ("RATE_LIMIT", "client"),
        ("INSTITUTIONS_GET_LIMIT", "client"),
        ("INSTITUTIONS_GET_BY_ID_LIMIT", "client"),
        ("INSTITUTION_RATE_LIMIT", "institution"),
        ("SOMETHING_NEW", "client"),
    ],
)
def test_it_returns_the_scope_of_a_rate_limit(code, scope):
    error = error_from_response(429, make_body(code, "RATE_LIMIT_EXCEEDED"))
    assert isinstance(error, RateLimited)
    assert (error.scope, error.retry_after, error.code) == (scope, 60, code)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 60),
        ("7", 7),
        ("0", 1),
        ("90000", 14400),
        ("9" * 400, 60),
        ("-5", 60),
        ("٣", 60),
        ("1.5", 60),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 60),
        ("", 60),
    ],
)
def test_it_follows_retry_after_within_limits(header, seconds):
    error = error_from_response(429, make_body("RATE_LIMIT", "RATE_LIMIT_EXCEEDED"), retry_after=header)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("error_type", "status", "expected"),
    [
        ("API_ERROR", 500, Unavailable),
        ("API_ERROR", 400, Unavailable),
        ("INSTITUTION_ERROR", 400, InstitutionDown),
        ("INVALID_REQUEST", 400, ProviderConfigurationError),
        ("ITEM_ERROR", 400, UnknownErrorCode),
        ("INVALID_INPUT", 400, UnknownErrorCode),
        ("OAUTH_ERROR", 208, UnknownErrorCode),
        ("TYPE_OF_TOMORROW", 400, UnknownErrorCode),
        ("TYPE_OF_TOMORROW", 502, Unavailable),
        ("TYPE_OF_TOMORROW", 429, RateLimited),
        (None, 400, UnknownErrorCode),
        (["nonsense"], 400, UnknownErrorCode),
    ],
)
def test_it_maps_an_unknown_code_by_type_and_then_by_status(error_type, status, expected):
    error = error_from_response(status, make_body("CODE_OF_TOMORROW", error_type))
    assert type(error) is expected
    assert error.code == "CODE_OF_TOMORROW"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (502, Unavailable),
        (503, Unavailable),
        (403, Unavailable),
        (404, Unavailable),
        (302, ProviderConfigurationError),
        (307, ProviderConfigurationError),
        (429, RateLimited),
    ],
)
@pytest.mark.parametrize("content", [b"<h1>Bad gateway</h1>", b"", b"\xff\xfe", b"[1]", b"null", b"NaN", b"{}"])
def test_it_maps_other_responses_by_status(status, expected, content):
    error = error_from_response(status, content)
    assert type(error) is expected
    assert error.code == f"HTTP_{status}"


def test_it_distinguishes_a_lost_cursor_from_other_invalid_fields():
    lost_cursor = error_from_response(
        400, make_body("INVALID_FIELD", "INVALID_REQUEST", "cursor not associated with access_token")
    )
    other_field = error_from_response(
        400, make_body("INVALID_FIELD", "INVALID_REQUEST", "client_id must be properly formatted")
    )
    missing_field = error_from_response(
        400, make_body("MISSING_FIELDS", "INVALID_REQUEST", "the following fields are missing: cursor")
    )
    assert type(lost_cursor) is InvalidCursor
    assert type(missing_field) is ProviderConfigurationError
    assert type(other_field) is ProviderConfigurationError


@pytest.mark.parametrize("code", ["x" * 101, "ITEM\nLOGIN", "access token", 7, {"a": 1}, ""])
def test_it_drops_invalid_codes(code):
    assert error_from_response(400, make_body(code, "ITEM_ERROR")).code == "HTTP_400"


def test_it_drops_an_invalid_request_id():
    assert error_from_response(400, make_body("NOT_FOUND", request_id="a\nb")).request_id == ""


def test_it_does_not_repeat_plaids_messages():
    error = error_from_response(
        400, make_body("CODE_OF_TOMORROW", "ITEM_ERROR", display_message="public-sandbox-CANARY")
    )
    assert "CANARY" not in f"{error!r} {error} {vars(error)}"


@given(
    status=st.integers(201, 599),
    content=st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner),
            max_leaves=6,
        ).map(lambda value: json.dumps(value).encode()),
    ),
    header=st.none() | st.text(max_size=12),
)
def test_it_returns_an_error_for_any_response(status, content, header):
    assert isinstance(error_from_response(status, content, retry_after=header), ProviderError)
