import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banking.models import Connection, Item
from banking.plaid.error_codes import ERROR_CODES, DialogFailed, UnknownKey
from banking.plaid.errors import UnknownErrorCode, advise, error_from_response, item_error
from banking.provider import (
    ConsentRequired,
    InstitutionDown,
    InvalidCursor,
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
from banking.sync.item_state import CONNECTION_AFTER_ERROR

# The codes of https://plaid.com/docs/errors/ that are handled, typed by hand: by error type, with the HTTP status.
PLAIDS_CODES = {
    ("ITEM_ERROR", 400): """
        ITEM_LOGIN_REQUIRED PASSWORD_RESET_REQUIRED USER_SETUP_REQUIRED ITEM_LOCKED MANUAL_VERIFICATION_REQUIRED
        INVALID_CREDENTIALS INVALID_MFA INSUFFICIENT_CREDENTIALS INVALID_SEND_METHOD INVALID_UPDATED_USERNAME
        INVALID_PHONE_NUMBER INVALID_OTP USER_INPUT_TIMEOUT ITEM_NOT_FOUND ITEM_CONCURRENTLY_DELETED ACCESS_NOT_GRANTED
        NO_ACCOUNTS NO_LIABILITY_ACCOUNTS NO_INVESTMENT_ACCOUNTS NO_AUTH_ACCOUNTS PRODUCT_NOT_READY
        PRODUCTS_NOT_SUPPORTED PRODUCT_NOT_ENABLED ITEM_NOT_SUPPORTED MFA_NOT_SUPPORTED COUNTRY_NOT_SUPPORTED
    """,
    ("INSTITUTION_ERROR", 400): """
        INSTITUTION_DOWN INSTITUTION_NOT_RESPONDING INSTITUTION_NOT_AVAILABLE INSTITUTION_NO_LONGER_SUPPORTED
        UNAUTHORIZED_INSTITUTION INSTITUTION_REGISTRATION_REQUIRED INSTITUTION_NOT_ENABLED_IN_ENVIRONMENT
        UNSUPPORTED_RESPONSE
    """,
    ("INVALID_INPUT", 400): """
        ADDITIONAL_CONSENT_REQUIRED USER_PERMISSION_REVOKED INVALID_ACCESS_TOKEN INVALID_PUBLIC_TOKEN INVALID_LINK_TOKEN
        INVALID_ACCOUNT_ID INVALID_API_KEYS UNAUTHORIZED_ENVIRONMENT UNAUTHORIZED_ROUTE_ACCESS INVALID_PRODUCT
        INVALID_INSTITUTION INVALID_WEBHOOK_VERIFICATION_KEY_ID TOO_MANY_VERIFICATION_ATTEMPTS
    """,
    ("INVALID_REQUEST", 400): """
        MISSING_FIELDS INVALID_FIELD INVALID_BODY INVALID_HEADERS UNKNOWN_FIELDS INVALID_CONFIGURATION SANDBOX_ONLY
    """,
    ("INVALID_REQUEST", 404): "NOT_FOUND NO_LONGER_AVAILABLE",
    ("INVALID_RESULT", 400): "LAST_UPDATED_DATETIME_OUT_OF_RANGE",
    ("TRANSACTIONS_ERROR", 400): "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION",
    ("RATE_LIMIT_EXCEEDED", 429): """
        TRANSACTIONS_SYNC_LIMIT TRANSACTIONS_REFRESH_LIMIT ACCOUNTS_LIMIT ACCOUNTS_BALANCE_GET_LIMIT BALANCE_LIMIT
        ITEM_GET_LIMIT RATE_LIMIT INSTITUTIONS_GET_LIMIT INSTITUTIONS_GET_BY_ID_LIMIT INSTITUTION_RATE_LIMIT
        CREDITS_EXHAUSTED
    """,
    ("API_ERROR", 500): "INTERNAL_SERVER_ERROR plaid-internal-error",
    ("API_ERROR", 503): "PLANNED_MAINTENANCE",
    ("OAUTH_ERROR", 208): "OAUTH_STATE_ID_ALREADY_PROCESSED",
    ("OAUTH_ERROR", 404): "OAUTH_STATE_ID_NOT_FOUND",
    ("OAUTH_ERROR", 400): "INCORRECT_OAUTH_NONCE INCORRECT_LINK_TOKEN",
    ("SANDBOX_ERROR", 400): "SANDBOX_PRODUCT_NOT_ENABLED SANDBOX_WEBHOOK_INVALID",
    ("USER_ERROR", 403): "INVALID_USER_IDENTITY_DATA",
}
FIELDS = ["error_code", "error_type", "error_message", "request_id"]
CASES = [(*rest, code) for rest, codes in PLAIDS_CODES.items() for code in codes.split()]


def make_body(code=None, error_type=None, message="please look at access-sandbox-CANARY", **more):
    fields = {"error_type": error_type, "error_code": code, "error_message": message}
    return json.dumps(fields | {"request_id": "Hx1Yq0a2b3c4d5e"} | more).encode()


# What the person sees and is offered, by the state of their connection: the error class, codes, the page's words.
SIGN_IN, CONSENT, ENDED, WAITING, OPERATOR = "reconnect", "review_consent", "add_again", "wait", "none"
CONSEQUENCES = [
    (LoginRequired, SIGN_IN, "ITEM_LOGIN_REQUIRED", "Platypus needs you to sign in again."),
    (LoginRequired, SIGN_IN, "PASSWORD_RESET_REQUIRED", "Platypus requires a new password."),
    (LoginRequired, SIGN_IN, "USER_SETUP_REQUIRED", "Platypus needs you to finish setting up your account."),
    (LoginRequired, SIGN_IN, "ITEM_LOCKED", "Platypus locked your account after failed sign-ins."),
    (LoginRequired, SIGN_IN, "MANUAL_VERIFICATION_REQUIRED", "Platypus needs you to verify your account."),
    (
        LoginRequired,
        SIGN_IN,
        "INVALID_CREDENTIALS INVALID_UPDATED_USERNAME",
        "Platypus didn't accept the username or password.",
    ),
    (
        LoginRequired,
        SIGN_IN,
        """INVALID_MFA INVALID_OTP INVALID_SEND_METHOD INVALID_PHONE_NUMBER INSUFFICIENT_CREDENTIALS
        USER_INPUT_TIMEOUT""",
        "The last sign-in to Platypus wasn't completed.",
    ),
    (ConsentRequired, CONSENT, "ADDITIONAL_CONSENT_REQUIRED", "Platypus needs your approval to keep sharing."),
    (ConsentRequired, CONSENT, "ACCESS_NOT_GRANTED", "The access we need wasn't granted."),
    (ConsentRequired, CONSENT, "NO_ACCOUNTS", "Platypus shares no open accounts with us."),
    (PermissionRevoked, ENDED, "USER_PERMISSION_REVOKED", "Our access to Platypus was withdrawn"),
    (
        ItemNotFound,
        ENDED,
        "ITEM_NOT_FOUND ITEM_CONCURRENTLY_DELETED INVALID_ACCESS_TOKEN",
        "Our access to Platypus ended.",
    ),
    (Unsupported, OPERATOR, "INSTITUTION_NO_LONGER_SUPPORTED", "Plaid no longer supports Platypus"),
    (
        Unsupported,
        OPERATOR,
        "ITEM_NOT_SUPPORTED MFA_NOT_SUPPORTED COUNTRY_NOT_SUPPORTED",
        "Plaid doesn't support your account at Platypus",
    ),
    (
        Unsupported,
        OPERATOR,
        "NO_INVESTMENT_ACCOUNTS NO_AUTH_ACCOUNTS",
        "",
    ),
    (Unsupported, OPERATOR, "PRODUCTS_NOT_SUPPORTED", "Platypus doesn't offer this data through Plaid."),
    (Unsupported, OPERATOR, "NO_LIABILITY_ACCOUNTS", "Platypus shares no card or loan of which Plaid knows the terms."),
    (NotReady, WAITING, "PRODUCT_NOT_READY", ""),
    (InstitutionDown, WAITING, "INSTITUTION_DOWN INSTITUTION_NOT_RESPONDING INSTITUTION_NOT_AVAILABLE", ""),
    (
        Unavailable,
        WAITING,
        """UNSUPPORTED_RESPONSE INTERNAL_SERVER_ERROR plaid-internal-error PLANNED_MAINTENANCE
        LAST_UPDATED_DATETIME_OUT_OF_RANGE""",
        "",
    ),
    (MutationDuringPagination, WAITING, "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION", ""),
    (
        RateLimited,
        WAITING,
        """TRANSACTIONS_SYNC_LIMIT TRANSACTIONS_REFRESH_LIMIT ACCOUNTS_LIMIT ACCOUNTS_BALANCE_GET_LIMIT BALANCE_LIMIT
        ITEM_GET_LIMIT RATE_LIMIT INSTITUTIONS_GET_LIMIT INSTITUTIONS_GET_BY_ID_LIMIT INSTITUTION_RATE_LIMIT""",
        "",
    ),
    (PublicTokenRefused, ENDED, "INVALID_PUBLIC_TOKEN", ""),
    (
        DialogFailed,
        ENDED,
        """OAUTH_STATE_ID_ALREADY_PROCESSED OAUTH_STATE_ID_NOT_FOUND INCORRECT_OAUTH_NONCE INCORRECT_LINK_TOKEN""",
        "",
    ),
    (DialogFailed, WAITING, "TOO_MANY_VERIFICATION_ATTEMPTS", ""),
    (UnknownKey, OPERATOR, "INVALID_WEBHOOK_VERIFICATION_KEY_ID", ""),
    (
        ProviderConfigurationError,
        OPERATOR,
        """INVALID_API_KEYS UNAUTHORIZED_ENVIRONMENT UNAUTHORIZED_ROUTE_ACCESS UNAUTHORIZED_INSTITUTION
        INSTITUTION_REGISTRATION_REQUIRED INSTITUTION_NOT_ENABLED_IN_ENVIRONMENT PRODUCT_NOT_ENABLED INVALID_PRODUCT
        INVALID_INSTITUTION INVALID_ACCOUNT_ID INVALID_LINK_TOKEN INVALID_USER_IDENTITY_DATA CREDITS_EXHAUSTED
        MISSING_FIELDS INVALID_FIELD INVALID_BODY INVALID_HEADERS UNKNOWN_FIELDS INVALID_CONFIGURATION NOT_FOUND
        NO_LONGER_AVAILABLE SANDBOX_ONLY SANDBOX_PRODUCT_NOT_ENABLED SANDBOX_WEBHOOK_INVALID""",
        "",
    ),
]
EXPECTED = {code: (kind, action, sentence) for kind, action, codes, sentence in CONSEQUENCES for code in codes.split()}


def test_it_has_every_documented_code_once():
    listed = [code for row in ERROR_CODES for code in row.codes]
    assert sorted(listed) == sorted(code for *_, code in CASES) == sorted(EXPECTED)


@pytest.mark.parametrize(("error_type", "status", "code"), CASES)
def test_it_tells_what_a_code_means_for_the_user(error_type, status, code):
    kind, action, sentence = EXPECTED[code]
    error = error_from_response(status, make_body(code, error_type))
    advice = advise(code)
    assert (type(error), error.code, error.request_id) == (kind, code, "Hx1Yq0a2b3c4d5e")
    assert (advice.error, advice.action) == (kind, action)
    assert str(advice.message % {"bank": "Platypus"}).startswith(sentence) if sentence else not advice.message


@pytest.mark.parametrize("code", EXPECTED)
def test_it_offers_a_reconnect_only_for_errors_that_it_resolves(code):
    kind, action, _ = EXPECTED[code]
    connection = CONNECTION_AFTER_ERROR.get(kind, Connection.ACTIVE)
    item = Item(environment="embedded", connection=connection, failures=1, error_code=code, fault=kind.fault)
    is_waiting = connection == Connection.ACTIVE
    assert item.user_action == (WAITING if is_waiting else action)
    if is_waiting:
        assert (action in (SIGN_IN, CONSENT), item.access_message) == (False, "")
        assert item.sync_error_message.startswith("We couldn't update your bank")


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("OAUTH_CONSENT_EXPIRED", "Your permission to share data from %(bank)s expired."),
        ("OAUTH_USER_REVOKED", "Our access was withdrawn at %(bank)s."),
        ("OAUTH_INVALID_TOKEN", "%(bank)s no longer accepts our access."),
        ("REASON_OF_TOMORROW", "%(bank)s needs you to sign in again."),
        ("", "%(bank)s needs you to sign in again."),
    ],
)
def test_it_tells_the_reason_of_a_required_sign_in(reason, sentence):
    error = error_from_response(400, make_body("ITEM_LOGIN_REQUIRED", "ITEM_ERROR", error_code_reason=reason))
    assert str(advise(error.code, reason=error.reason).message).startswith(sentence)
    assert item_error({"error_code": "ITEM_LOGIN_REQUIRED", "error_code_reason": reason}).reason == error.reason
    assert advise("ITEM_LOCKED", reason=reason) == advise("ITEM_LOCKED")


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
