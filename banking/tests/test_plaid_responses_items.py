from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from banking.plaid import responses
from banking.plaid.errors import UnknownErrorCode
from banking.provider import AccountRow, InstitutionDown, LinkExit, LoginRequired, MalformedResponse, SkippedRow
from banking.tests.plaid_samples import PLAIDS_ACCOUNT, encode_json, without


def parse_account(**changes):
    return responses.parse_accounts(encode_json({"accounts": [PLAIDS_ACCOUNT | changes], "request_id": "r"})).accounts[
        0
    ]


# --- Accounts ---------------------------------------------------------------------------------------------


def test_it_parses_the_documented_account():
    assert parse_account() == AccountRow(
        provider_id="BxBXxLj1m4HMXBm9WZZmCWVbPjX16EHwv99vp",
        persistent_id="8cfb8beb89b774ee43b090625f0d61d0814322b43bff984eaf60386e",
        name="Plaid Checking",
        official_name="Plaid Gold Standard 0% Interest Checking",
        mask="0000",
        type="depository",
        subtype="checking",
        current=Decimal("110.94"),
        available=Decimal(100),
        limit=None,
        currency="USD",
    )


def test_it_unescapes_html_in_names_of_accounts():
    row = parse_account(name="Joe&#39;s Checking", official_name="Checking &amp; More")
    assert (row.name, row.official_name) == ("Joe's Checking", "Checking & More")


def test_it_keeps_the_sign_of_balances():
    balances = {"current": Decimal("410.00"), "available": 1590, "limit": 2000, "iso_currency_code": "USD"}
    card = parse_account(type="credit", balances=balances)
    overpaid = parse_account(type="credit", balances=balances | {"current": Decimal("-12.34")})
    assert (card.current, card.available, card.limit) == (Decimal("410.00"), Decimal(1590), Decimal(2000))
    assert overpaid.current == Decimal("-12.34")


def test_it_distinguishes_zero_from_an_unknown_balance():
    row = parse_account(balances={"current": 0, "available": None, "limit": None, "iso_currency_code": "EUR"})
    assert (row.current, row.available) == (Decimal(0), None)


def test_it_requires_no_currency_without_balances():
    assert parse_account(balances={"current": None, "available": None, "limit": None}).currency == ""


def test_it_accepts_a_balance_without_a_currency():
    row = parse_account(balances={"current": 0, "iso_currency_code": None, "unofficial_currency_code": None})
    assert (row.current, row.currency) == (Decimal(0), "")


@pytest.mark.parametrize("key", ["mask", "official_name", "subtype", "persistent_account_id", "name"])
def test_it_accepts_an_account_without_optional_fields(key):
    assert (
        parse_account(**{key: None})
        == responses.parse_accounts(
            encode_json({"accounts": [without(PLAIDS_ACCOUNT, key)], "request_id": "r"})
        ).accounts[0]
    )


def test_it_accepts_an_account_without_type_or_balances():
    assert parse_account(type=None).type == "other"
    assert parse_account(balances=None)[-4:] == (None, None, None, "")


def test_it_skips_an_account_without_an_id():
    response = {"accounts": [PLAIDS_ACCOUNT | {"account_id": None}, PLAIDS_ACCOUNT], "request_id": "r"}
    roster = responses.parse_accounts(encode_json(response))
    assert [row.provider_id for row in roster.accounts] == [PLAIDS_ACCOUNT["account_id"]]
    assert roster.skipped == [SkippedRow("account", "account_id")]


# --- Items, institutions and tokens -----------------------------------------------------------------------

PLAIDS_ITEM = {
    "item": {
        "item_id": "Ed6bjNrDLJfGvZWwnkQlfxwoNz54B5C97ejBr",
        "institution_id": "ins_109508",
        "institution_name": "First Platypus Bank",
        "error": None,
        "webhook": "https://plumbline.test/webhooks/plaid/",
        "available_products": ["balance", "investments"],
        "billed_products": ["transactions"],
        "products": ["transactions"],
        "consented_products": ["liabilities", "transactions"],
        "consent_expiration_time": "2026-12-31T00:00:00Z",
        "update_type": "background",
    },
    "status": {
        "transactions": {"last_successful_update": "2026-11-20T06:30:15.123Z", "last_failed_update": None},
        "last_webhook": {"sent_at": "2026-11-20T06:31:00Z", "code_sent": "SYNC_UPDATES_AVAILABLE"},
    },
    "request_id": "m8MDnv9okwxFNBV",
}


def test_it_parses_the_documented_item():
    details = responses.parse_item(encode_json(PLAIDS_ITEM))
    assert details.provider_item_id == "Ed6bjNrDLJfGvZWwnkQlfxwoNz54B5C97ejBr"
    assert (details.institution_id, details.institution_name) == ("ins_109508", "First Platypus Bank")
    assert (details.error_code, details.webhook) == ("", "https://plumbline.test/webhooks/plaid/")
    assert details.consent_expires_at == datetime(2026, 12, 31, tzinfo=UTC)
    assert details.data_as_of == datetime(2026, 11, 20, 6, 30, 15, 123000, tzinfo=UTC)
    assert details.products == ["transactions", "liabilities", "balance", "investments"]
    assert details.last_webhook == ("SYNC_UPDATES_AVAILABLE", datetime(2026, 11, 20, 6, 31, tzinfo=UTC))


@pytest.mark.parametrize(
    "sent", [None, {}, {"sent_at": None, "code_sent": "ERROR"}, {"sent_at": "2026-11-20T06:31:00Z", "code_sent": None}]
)
def test_it_accepts_an_item_without_a_webhook(sent):
    item = {"item": {"item_id": "i1"}, "status": {"last_webhook": sent}}
    assert responses.parse_item(encode_json(item)).last_webhook is None


def test_it_unescapes_html_in_names_of_institutions():
    item = {"item_id": "i1", "institution_name": "Smith &amp; Sons"}
    assert responses.parse_item(encode_json({"item": item})).institution_name == "Smith & Sons"
    response = {"institution": {"institution_id": "ins_1", "name": "Smith &amp; Sons"}}
    assert responses.parse_institution(encode_json(response)).name == "Smith & Sons"


def test_it_accepts_an_item_without_optional_fields():
    details = responses.parse_item(
        encode_json({"item": {"item_id": "i1", "webhook": "", "error": None}, "status": None})
    )
    assert (details.institution_id, details.consent_expires_at, details.data_as_of) == ("", None, None)
    assert details.products == []


def test_it_returns_the_error_code_of_an_item():
    error = {"error_type": "ITEM_ERROR", "error_code": "ITEM_LOGIN_REQUIRED", "error_message": "x"}
    assert (
        responses.parse_item(encode_json({"item": {"item_id": "i1", "error": error}})).error_code
        == "ITEM_LOGIN_REQUIRED"
    )


@pytest.mark.parametrize(
    ("code", "error_type", "kind"),
    [
        ("ITEM_LOGIN_REQUIRED", "ITEM_ERROR", LoginRequired),
        ("INSTITUTION_DOWN", "INSTITUTION_ERROR", InstitutionDown),
        ("CODE_OF_TOMORROW", "ITEM_ERROR", UnknownErrorCode),
    ],
)
def test_it_maps_the_error_of_an_item(code, error_type, kind):
    details = responses.parse_item(
        encode_json({"item": {"item_id": "i1", "error": {"error_type": error_type, "error_code": code}}})
    )
    assert (type(details.error), details.error.code, details.error_code) == (kind, code, code)


@pytest.mark.parametrize(
    "error", [None, {}, {"error_code": 7}, {"error_code": "RATE_LIMIT", "error_type": "RATE_LIMIT_EXCEEDED"}]
)
def test_it_returns_no_error_for_an_item_without_one(error):
    assert responses.parse_item(encode_json({"item": {"item_id": "i1", "error": error}})).error is None


def test_it_assumes_utc_for_times_without_a_zone():
    def parse_time(text):
        return responses.parse_item(
            encode_json({"item": {"item_id": "i", "consent_expiration_time": text}})
        ).consent_expires_at

    assert parse_time("2026-12-31T10:00:00") == datetime(2026, 12, 31, 10, tzinfo=UTC)
    assert parse_time("2026-12-31T10:00:00+05:00") == datetime(2026, 12, 31, 10, tzinfo=timezone(timedelta(hours=5)))
    with pytest.raises(MalformedResponse):
        parse_time("next week")


@pytest.mark.parametrize(
    ("sent", "url"),
    [
        ("https://www.platypus.com/", "https://www.platypus.com/"),
        ("http://bank.example", "http://bank.example"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//evil.example", ""),
        ("https://", ""),
        ("https://[broken", ""),
        (None, ""),
    ],
)
def test_it_keeps_only_http_urls(sent, url):
    response = {"institution": {"institution_id": "ins_1", "name": "Bank", "url": sent}}
    assert responses.parse_institution(encode_json(response)).url == url


@pytest.mark.parametrize(
    ("sent", "color"),
    [
        ("#1f1f1f", "#1f1f1f"),
        ("#ABCDEF", "#ABCDEF"),
        ("red", ""),
        ("#fff;}x{", ""),
        ("#1f1f1f\n", ""),
        (None, ""),
    ],
)
def test_it_keeps_only_hexadecimal_colors(sent, color):
    response = {"institution": {"institution_id": "ins_1", "name": "Bank", "primary_color": sent}}
    assert responses.parse_institution(encode_json(response)).color == color


def test_it_does_not_print_tokens():
    link = responses.parse_link_token(
        encode_json({"link_token": "link-sandbox-CANARY", "expiration": "2026-11-22T04:00:00Z", "request_id": "r"})
    )
    access = responses.parse_credential(
        encode_json({"access_token": "access-sandbox-CANARY", "item_id": "i1", "request_id": "r"})
    )
    assert link.value == "link-sandbox-CANARY"
    assert link.expires_at == datetime(2026, 11, 22, 4, tzinfo=UTC)
    assert (access.access_token, access.provider_item_id) == ("access-sandbox-CANARY", "i1")
    assert "CANARY" not in f"{link!r} {access!r}"


@pytest.mark.parametrize("response", [{"item_id": "i1"}, {"access_token": "access-sandbox-CANARY"}])
def test_it_rejects_half_a_credential_without_repeating_it(response):
    with pytest.raises(MalformedResponse) as error:
        responses.parse_credential(encode_json(response))
    assert "CANARY" not in f"{error.value!r} {vars(error.value)}"


def test_it_rejects_a_link_token_without_expiration():
    with pytest.raises(MalformedResponse, match="expiration"):
        responses.parse_link_token(encode_json({"link_token": "link-sandbox-x", "expiration": None}))


# --- Results of Link --------------------------------------------------------------------------------------

ADDED = {
    "public_token": "public-sandbox-1",
    "accounts": [{"id": "a", "name": "Checking", "mask": "0000"}, {"name": None, "mask": None}],
    "institution": {"institution_id": "ins_1", "name": "Platypus"},
}


def parse_sessions(*sessions):
    return responses.parse_link_results(
        encode_json({"link_token": "link-sandbox-1", "link_sessions": list(sessions), "request_id": "r"})
    )


def parse_results(*sessions):
    return parse_sessions(*sessions).linked


def test_it_parses_results_in_the_new_and_old_format():
    new_format = {"link_session_id": "s1", "results": {"item_add_results": [ADDED]}}
    old_format = {"on_success": {"public_token": "public-sandbox-1", "metadata": without(ADDED, "public_token")}}
    for sessions in (
        [new_format],
        [old_format],
        [new_format | old_format],
        [{"link_session_id": "s0", "results": None, "on_success": None}, new_format],
    ):
        (result,) = parse_results(*sessions)
        assert (result.public_token, result.institution_id, result.institution_name) == (
            "public-sandbox-1",
            "ins_1",
            "Platypus",
        )
        assert result.accounts == {("Checking", "0000"), ("", "")}
    assert "public-sandbox-1" not in repr(result)


def test_it_ignores_an_empty_object_of_the_old_format():
    new_format = {"results": {"item_add_results": [ADDED]}, "on_success": {}}
    assert [result.public_token for result in parse_results({"on_success": {}}, new_format)] == ["public-sandbox-1"]


def test_it_parses_names_and_masks_as_in_accounts():
    account_fields = {"name": "Joe&#39;s Checking", "mask": 1234}
    item_result = ADDED | {
        "accounts": [account_fields],
        "institution": {"institution_id": "ins_1", "name": "Smith &amp; Sons"},
    }
    (result,) = parse_results({"link_session_id": "s1", "results": {"item_add_results": [item_result]}})
    stored = parse_account(**account_fields)
    assert result.accounts == {(stored.name, stored.mask)} == {("Joe's Checking", "1234")}
    assert result.institution_name == "Smith & Sons"


@pytest.mark.parametrize(("value", "expected"), [(None, ""), (["ins_1"], ""), ({}, ""), (7, "7")])
def test_it_accepts_results_with_an_invalid_institution(value, expected):
    item_result = ADDED | {"institution": {"institution_id": value, "name": value}}
    (result,) = parse_results({"link_session_id": "s1", "results": {"item_add_results": [item_result]}})
    assert (result.institution_id, result.institution_name) == (expected, expected)


def test_it_names_the_session_of_a_result():
    (result,) = parse_results({"link_session_id": "s1", "results": {"item_add_results": [ADDED]}})
    assert result.link_session_id == "s1"


def make_exit(session_id, finished_at, **error):
    return {
        "link_session_id": session_id,
        "finished_at": finished_at,
        "exit": {
            "error": error or None,
            "metadata": {"status": "requires_credentials", "request_id": f"r-{session_id}", "institution": None},
        },
    }


def test_it_parses_how_the_user_left_a_dialog_oldest_first():
    later = make_exit("s2", "2026-11-22T12:05:00Z", error_code="INVALID_MFA", error_message="CANARY")
    exits = parse_sessions(later, make_exit("s1", "2026-11-22T12:01:00Z")).exits
    assert exits == [
        LinkExit("", "requires_credentials", "r-s1", "s1"),
        LinkExit("INVALID_MFA", "requires_credentials", "r-s2", "s2"),
    ]


@pytest.mark.parametrize("sent", [None, {}, [], "x", {"error": 3, "metadata": []}])
def test_it_ignores_an_exit_that_it_cannot_read(sent):
    assert parse_sessions({"link_session_id": "s1", "exit": sent}).exits == []


def test_it_leaves_out_codes_of_an_exit_that_are_not_safe():
    sent = {"error": {"error_code": "<script>"}, "metadata": {"status": "a b", "request_id": 7}}
    assert parse_sessions({"link_session_id": None, "exit": sent}).exits == [LinkExit()]


# --- The page of Hosted Link ------------------------------------------------------------------------------


def parse_hosted_url(url):
    return responses.parse_link_token(
        encode_json({"link_token": "link-sandbox-x", "expiration": "2026-11-22T04:00:00Z", "hosted_link_url": url})
    ).hosted_url


@pytest.mark.parametrize("environment", ["sandbox", "production"])
def test_it_accepts_a_page_of_plaid(settings, environment):
    settings.PLAID_ENV = environment
    assert parse_hosted_url("https://secure.plaid.com/hl/abc123?x=1") == "https://secure.plaid.com/hl/abc123?x=1"


def test_it_has_no_page_unless_plaid_sends_one():
    assert parse_hosted_url(None) == ""


@pytest.mark.parametrize(
    "url",
    [
        "http://secure.plaid.com/hl/abc",
        "https://secure.plaid.com.evil.example/hl/abc",
        "https://secure.plaid.com@evil.example/hl/abc",
        "https://secure.plaid.com:8443/hl/abc",
        "https://evil.example/https://secure.plaid.com/hl/abc",
        "//secure.plaid.com/hl/abc",
        "/hl/abc",
        "javascript:alert(1)",
        "https://secure.plaid.com/hl/abc\n",
        "https://secure.plaid.com/\\evil.example",
        "http://127.0.0.1:9000/link/hosted/link-sandbox-x/",
    ],
)
def test_it_refuses_a_page_of_another_host(settings, url):
    settings.PLAID_ENV = "production"
    with pytest.raises(MalformedResponse) as error:
        parse_hosted_url(url)
    assert "link-sandbox-x" not in f"{error.value!r}"


def test_it_shows_the_local_sandboxs_page_at_the_sites_own_origin(settings):
    settings.PLAID_ENV, settings.PLAID_URL = "embedded", "http://127.0.0.1:9000/"
    page = parse_hosted_url("http://127.0.0.1:9000/link/hosted/link-sandbox-x/")
    assert page == "/_sandbox/link/hosted/link-sandbox-x/"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9001/link/hosted/link-sandbox-x/",
        "https://secure.plaid.com/hl/abc",
        "http://127.0.0.1:9000/mailbox/",
        "http://127.0.0.1:9000/link/hosted/../../mailbox/",
        "http://127.0.0.1:9000.evil.example/link/hosted/x/",
    ],
)
def test_it_refuses_any_other_page_of_the_local_sandbox(settings, url):
    settings.PLAID_ENV, settings.PLAID_URL = "embedded", "http://127.0.0.1:9000"
    with pytest.raises(MalformedResponse):
        parse_hosted_url(url)


@pytest.mark.parametrize("sessions", [None, [], [{"link_session_id": "s"}], [{"exit": {"error": None}}]])
def test_it_returns_no_results_of_a_dialog_without_items(sessions):
    assert responses.parse_link_results(encode_json({"link_token": "t", "link_sessions": sessions})).linked == []


@pytest.mark.parametrize(
    "session", [{"results": []}, {"results": {"item_add_results": [{}]}}, {"on_success": {"metadata": {}}}]
)
def test_it_rejects_malformed_results(session):
    with pytest.raises(MalformedResponse):
        parse_results(session)
