from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from banking.plaid import responses
from banking.plaid.errors import UnknownErrorCode
from banking.provider import AccountRow, InstitutionDown, LoginRequired, MalformedResponse, SkippedRow
from banking.tests.plaid_samples import PLAIDS_ACCOUNT, encode_json, without


def account(**changes):
    return responses.parse_accounts(encode_json({"accounts": [PLAIDS_ACCOUNT | changes], "request_id": "r"})).accounts[
        0
    ]


# --- Accounts ---------------------------------------------------------------------------------------------


def test_it_translates_an_account():
    assert account() == AccountRow(
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


def test_it_reads_what_a_bank_has_escaped_in_names_of_accounts():
    row = account(name="Joe&#39;s Checking", official_name="Checking &amp; More")
    assert (row.name, row.official_name) == ("Joe's Checking", "Checking & More")


def test_it_keeps_the_sign_of_balances():
    owed = {"current": Decimal("410.00"), "available": 1590, "limit": 2000, "iso_currency_code": "USD"}
    card = account(type="credit", balances=owed)
    overpaid = account(type="credit", balances=owed | {"current": Decimal("-12.34")})
    assert (card.current, card.available, card.limit) == (Decimal("410.00"), Decimal(1590), Decimal(2000))
    assert overpaid.current == Decimal("-12.34")


def test_it_tells_a_balance_of_zero_from_an_unknown_one():
    row = account(balances={"current": 0, "available": None, "limit": None, "iso_currency_code": "EUR"})
    assert (row.current, row.available) == (Decimal(0), None)


def test_it_needs_no_currency_where_there_is_no_money():
    assert account(balances={"current": None, "available": None, "limit": None}).currency == ""


def test_it_takes_a_balance_without_a_currency():
    row = account(balances={"current": 0, "iso_currency_code": None, "unofficial_currency_code": None})
    assert (row.current, row.currency) == (Decimal(0), "")


@pytest.mark.parametrize("key", ["mask", "official_name", "subtype", "persistent_account_id", "name"])
def test_it_takes_an_account_whose_bank_says_little(key):
    assert (
        account(**{key: None})
        == responses.parse_accounts(
            encode_json({"accounts": [without(PLAIDS_ACCOUNT, key)], "request_id": "r"})
        ).accounts[0]
    )


def test_it_takes_an_account_whose_kind_or_balances_are_not_said():
    assert account(type=None).type == "other"
    assert account(balances=None)[-4:] == (None, None, None, "")


def test_it_sets_an_account_without_an_id_aside():
    answer = {"accounts": [PLAIDS_ACCOUNT | {"account_id": None}, PLAIDS_ACCOUNT], "request_id": "r"}
    roster = responses.parse_accounts(encode_json(answer))
    assert [row.provider_id for row in roster.accounts] == [PLAIDS_ACCOUNT["account_id"]]
    assert roster.skipped == [SkippedRow("account", "account_id")]


# --- Items, banks and tokens ------------------------------------------------------------------------------

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
    "status": {"transactions": {"last_successful_update": "2026-11-20T06:30:15.123Z", "last_failed_update": None}},
    "request_id": "m8MDnv9okwxFNBV",
}


def test_it_translates_an_item():
    facts = responses.parse_item(encode_json(PLAIDS_ITEM))
    assert facts.provider_item_id == "Ed6bjNrDLJfGvZWwnkQlfxwoNz54B5C97ejBr"
    assert (facts.institution_id, facts.institution_name) == ("ins_109508", "First Platypus Bank")
    assert (facts.error_code, facts.webhook) == ("", "https://plumbline.test/webhooks/plaid/")
    assert facts.consent_expires_at == datetime(2026, 12, 31, tzinfo=UTC)
    assert facts.data_as_of == datetime(2026, 11, 20, 6, 30, 15, 123000, tzinfo=UTC)
    assert facts.products == ["transactions", "liabilities", "balance", "investments"]


def test_it_reads_what_is_escaped_in_the_name_of_a_bank():
    named = {"item_id": "i1", "institution_name": "Smith &amp; Sons"}
    assert responses.parse_item(encode_json({"item": named})).institution_name == "Smith & Sons"
    answer = {"institution": {"institution_id": "ins_1", "name": "Smith &amp; Sons"}}
    assert responses.parse_institution(encode_json(answer)).name == "Smith & Sons"


def test_it_takes_an_item_that_plaid_knows_little_of():
    facts = responses.parse_item(encode_json({"item": {"item_id": "i1", "webhook": "", "error": None}, "status": None}))
    assert (facts.institution_id, facts.consent_expires_at, facts.data_as_of) == ("", None, None)
    assert facts.products == []


def test_it_reads_what_is_wrong_with_an_item():
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
def test_it_says_what_ails_an_item_as_a_refusal_would(code, error_type, kind):
    facts = responses.parse_item(
        encode_json({"item": {"item_id": "i1", "error": {"error_type": error_type, "error_code": code}}})
    )
    assert (type(facts.error), facts.error.code, facts.error_code) == (kind, code, code)


@pytest.mark.parametrize(
    "error", [None, {}, {"error_code": 7}, {"error_code": "RATE_LIMIT", "error_type": "RATE_LIMIT_EXCEEDED"}]
)
def test_it_sees_no_trouble_where_none_is_said(error):
    assert responses.parse_item(encode_json({"item": {"item_id": "i1", "error": error}})).error is None


def test_it_takes_a_time_without_a_zone_for_utc_and_keeps_the_others():
    def at(text):
        return responses.parse_item(
            encode_json({"item": {"item_id": "i", "consent_expiration_time": text}})
        ).consent_expires_at

    assert at("2026-12-31T10:00:00") == datetime(2026, 12, 31, 10, tzinfo=UTC)
    assert at("2026-12-31T10:00:00+05:00") == datetime(2026, 12, 31, 10, tzinfo=timezone(timedelta(hours=5)))
    with pytest.raises(MalformedResponse):
        at("next week")


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
def test_it_keeps_only_a_banks_web_address(sent, url):
    answer = {"institution": {"institution_id": "ins_1", "name": "Bank", "url": sent}}
    assert responses.parse_institution(encode_json(answer)).url == url


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
def test_it_keeps_only_a_banks_color(sent, color):
    answer = {"institution": {"institution_id": "ins_1", "name": "Bank", "primary_color": sent}}
    assert responses.parse_institution(encode_json(answer)).color == color


def test_it_shows_neither_token_it_translates():
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


@pytest.mark.parametrize("answer", [{"item_id": "i1"}, {"access_token": "access-sandbox-CANARY"}])
def test_it_refuses_half_a_credential_without_telling_the_other_half(answer):
    with pytest.raises(MalformedResponse) as caught:
        responses.parse_credential(encode_json(answer))
    assert "CANARY" not in f"{caught.value!r} {vars(caught.value)}"


def test_it_refuses_a_link_token_that_never_ends():
    with pytest.raises(MalformedResponse, match="expiration"):
        responses.parse_link_token(encode_json({"link_token": "link-sandbox-x", "expiration": None}))


# --- What a dialog brought --------------------------------------------------------------------------------

ADDED = {
    "public_token": "public-sandbox-1",
    "accounts": [{"id": "a", "name": "Checking", "mask": "0000"}, {"name": None, "mask": None}],
    "institution": {"institution_id": "ins_1", "name": "Platypus"},
}


def parse_results(*sessions):
    return responses.parse_link_results(
        encode_json({"link_token": "link-sandbox-1", "link_sessions": list(sessions), "request_id": "r"})
    )


def test_it_reads_what_a_dialog_added_in_the_new_form_and_in_the_old():
    new = {"link_session_id": "s1", "results": {"item_add_results": [ADDED]}}
    old = {"on_success": {"public_token": "public-sandbox-1", "metadata": without(ADDED, "public_token")}}
    for sessions in ([new], [old], [new | old], [{"link_session_id": "s0", "results": None, "on_success": None}, new]):
        (found,) = parse_results(*sessions)
        assert (found.public_token, found.institution_id, found.institution_name) == (
            "public-sandbox-1",
            "ins_1",
            "Platypus",
        )
        assert found.accounts == {("Checking", "0000"), ("", "")}
    assert "public-sandbox-1" not in repr(found)


def test_it_reads_what_a_dialog_added_beside_an_empty_object_of_the_old_form():
    new = {"results": {"item_add_results": [ADDED]}, "on_success": {}}
    assert [result.public_token for result in parse_results({"on_success": {}}, new)] == ["public-sandbox-1"]


def test_it_reads_a_dialogs_words_as_it_reads_those_of_the_accounts_that_are_linked_already():
    odd = {"name": "Joe&#39;s Checking", "mask": 1234}
    named = ADDED | {"accounts": [odd], "institution": {"institution_id": "ins_1", "name": "Smith &amp; Sons"}}
    (found,) = parse_results({"link_session_id": "s1", "results": {"item_add_results": [named]}})
    stored = account(**odd)
    assert found.accounts == {(stored.name, stored.mask)} == {("Joe's Checking", "1234")}
    assert found.institution_name == "Smith & Sons"


@pytest.mark.parametrize(("said", "read"), [(None, ""), (["ins_1"], ""), ({}, ""), (7, "7")])
def test_it_goes_on_without_a_bank_where_a_dialog_names_it_oddly(said, read):
    named = ADDED | {"institution": {"institution_id": said, "name": said}}
    (found,) = parse_results({"link_session_id": "s1", "results": {"item_add_results": [named]}})
    assert (found.institution_id, found.institution_name) == (read, read)


@pytest.mark.parametrize("sessions", [None, [], [{"link_session_id": "s"}], [{"exit": {"error": None}}]])
def test_it_reads_that_a_dialog_has_brought_nothing(sessions):
    assert responses.parse_link_results(encode_json({"link_token": "t", "link_sessions": sessions})) == []


@pytest.mark.parametrize(
    "session", [{"results": []}, {"results": {"item_add_results": [{}]}}, {"on_success": {"metadata": {}}}]
)
def test_it_refuses_a_dialog_whose_outcome_is_broken(session):
    with pytest.raises(MalformedResponse):
        parse_results(session)
