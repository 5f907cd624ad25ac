from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banking.plaid import responses
from banking.provider import Counterparty, MalformedResponse, SkippedRow, TransactionRow, Unavailable
from banking.tests.plaid_samples import (
    BARE_TRANSACTION,
    PLAIDS_ACCOUNT,
    PLAIDS_TRANSACTION,
    encode_json,
    encode_page,
    without,
)


def parse_transaction(**changes):
    return responses.parse_sync(encode_page(added=[BARE_TRANSACTION | changes])).added[0]


def test_it_parses_the_documented_transaction():
    assert responses.parse_sync(encode_page(modified=[PLAIDS_TRANSACTION])).modified == [
        TransactionRow(
            provider_id="lPNjeW1nR6CDn5okmGQ6hEpMo4lLNoSrzqDje",
            account_id="BxBXxLj1m4HMXBm9WZZmCWVbPjX16EHwv99vp",
            amount=Decimal("-72.10"),
            provider_amount=Decimal("72.10"),
            currency="USD",
            date=date(2023, 9, 24),
            authorized_date=date(2023, 9, 22),
            name="PURCHASE WM SUPERCENTER #1700",
            merchant_name="Walmart",
            pending=False,
            pending_id="no86Eox18VHMvaOVL7gPUM9ap3aR1LsAVZ5nc",
            category="GENERAL_MERCHANDISE",
            category_detail="GENERAL_MERCHANDISE_SUPERSTORES",
            category_confidence="VERY_HIGH",
            payment_channel="in store",
            posted_at=datetime(2023, 9, 24, 11, 1, 1, tzinfo=UTC),
            counterparties=(Counterparty(name="Walmart", type="merchant"),),
        )
    ]


def test_it_parses_what_a_bank_says_beyond_amount_and_name():
    marketplace = {"name": "DoorDash", "type": "marketplace", "confidence_level": "HIGH", "phone_number": "555"}
    merchant = {"name": "Burger King", "type": "merchant", "website": "bk.example", "entity_id": "e1", "logo_url": None}
    row = parse_transaction(
        original_description="DD DOORDASH BURGERKIN 855-123",
        datetime="2026-01-31T08:15:00Z",
        authorized_datetime="2026-01-30T23:59:59-05:00",
        website="bk.example",
        merchant_entity_id="e1",
        logo_url="https://logos.example/bk.png",
        counterparties=[marketplace, merchant],
    )
    assert row.original_description == "DD DOORDASH BURGERKIN 855-123"
    assert row.posted_at == datetime(2026, 1, 31, 8, 15, tzinfo=UTC)
    assert row.authorized_at == datetime(2026, 1, 31, 4, 59, 59, tzinfo=UTC)
    logo = "https://logos.example/bk.png"
    assert row.counterparties == (
        Counterparty(name="Burger King", type="merchant", website="bk.example", entity_id="e1", logo_url=logo),
        Counterparty(name="DoorDash", type="marketplace", confidence_level="HIGH"),
    )


def test_it_keeps_a_merchant_that_plaid_names_only_in_the_transaction():
    row = parse_transaction(merchant_name="Lark & Co", website="lark.example", merchant_entity_id=None, logo_url=5)
    assert row.counterparties == (Counterparty(name="Lark & Co", type="merchant", website="lark.example"),)


@pytest.mark.parametrize(
    "changes",
    [
        {"original_description": None, "datetime": None, "authorized_datetime": None, "counterparties": None},
        {"original_description": ["x"], "datetime": "yesterday", "authorized_datetime": 5, "counterparties": "Walmart"},
        {"datetime": "0001-01-01T00:00:00Z", "authorized_datetime": "9999-12-31T23:59:59-12:00"},
        {"counterparties": [7]},
        {"counterparties": [{"name": ["Walmart"]}], "website": 7, "merchant_entity_id": {}},
    ],
)
def test_it_leaves_out_what_describes_a_row_and_is_invalid(changes):
    assert parse_transaction(**changes) == parse_transaction()


@pytest.mark.parametrize(
    ("sent", "amount"),
    [
        (Decimal("72.10"), "-72.10"),  # a purchase: money leaves
        (Decimal("-25.5"), "25.5"),  # a deposit or a card payment: money comes in
        (12, "-12"),
        (-12, "12"),
        (0, "0"),
        (Decimal("0.00"), "0.00"),
        (Decimal("-0.0"), "0.0"),
        (Decimal("115.57268"), "-115.57268"),
        (Decimal("90071992547409.93"), "-90071992547409.93"),
        (Decimal("-0.00890286746230595212345678901234567"), "0.00890286746230595212345678901234567"),
        (Decimal("1E+2"), "-1E+2"),
        (Decimal("999999999999999999"), "-999999999999999999"),
    ],
)
def test_it_negates_amounts(sent, amount):
    row = parse_transaction(amount=sent)
    assert str(row.amount) == amount
    assert row.provider_amount == sent
    assert type(row.provider_amount) is Decimal


@given(st.decimals(min_value=-(10**17), max_value=10**17, allow_nan=False, allow_infinity=False))
def test_it_keeps_every_digit_of_an_amount(amount):
    row = parse_transaction(amount=amount)
    assert row.provider_amount.as_tuple() == amount.as_tuple()
    assert row.amount.as_tuple()[1:] == amount.as_tuple()[1:]
    assert row.amount + row.provider_amount == 0


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=4).filter(bool))
def test_it_parses_amounts_exactly_from_json(amount):
    page = encode_page(added=[BARE_TRANSACTION | {"amount": 0}]).replace(
        b'"amount": 0', f'"amount": {amount:f}'.encode()
    )
    assert responses.parse_sync(page).added[0].amount == -amount


def test_it_fills_missing_fields_with_defaults():
    assert parse_transaction() == TransactionRow(
        "t1", "a1", Decimal(-5), Decimal(5), "USD", date(2026, 1, 31), None, "", "", True, "", "", "", "", ""
    )


def test_it_treats_null_as_missing():
    optional = (
        "authorized_date",
        "name",
        "merchant_name",
        "pending_transaction_id",
        "personal_finance_category",
    )
    nulls = dict.fromkeys([*optional, "payment_channel", "unofficial_currency_code"])
    assert parse_transaction(**nulls) == parse_transaction()


def test_it_accepts_unknown_values_and_fields():
    row = parse_transaction(
        payment_channel="telepathy",
        personal_finance_category={
            "primary": "SPACE",
            "detailed": "SPACE_TOURISM",
            "confidence_level": "SURE",
        },
        field_of_tomorrow={"deep": [1]},
    )
    assert (row.payment_channel, row.category, row.category_confidence) == ("telepathy", "SPACE", "SURE")


def test_it_uses_the_unofficial_currency_code_without_an_iso_code():
    assert parse_transaction(iso_currency_code=None, unofficial_currency_code="BTC").currency == "BTC"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("Café ☕ 日本 👩‍👩‍👧", "Café ☕ 日本 👩‍👩‍👧"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("nul\0nul", "nulnul"),
        ("half a pair \ud83d", "half a pair ?"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("x" * 20_000, "x" * 20_000),
    ],
)
def test_it_keeps_text_except_for_characters_that_postgresql_cannot_store(sent, expected):
    assert parse_transaction(name=sent).name == expected


@given(st.text(st.characters(exclude_categories=[])))
def test_it_returns_only_text_that_postgresql_can_store(text):
    name = parse_transaction(name=text, merchant_name=text).name
    assert "\0" not in name
    name.encode("utf-8")


@pytest.mark.parametrize("key", ["transaction_id", "account_id", "amount", "iso_currency_code", "date", "pending"])
def test_it_skips_a_transaction_without_a_required_field(key):
    page = responses.parse_sync(
        encode_page(added=[BARE_TRANSACTION | {"transaction_id": "t0"}, without(BARE_TRANSACTION, key)])
    )
    assert [row.provider_id for row in page.added] == ["t0"]
    provider_id = "" if key == "transaction_id" else "t1"
    assert page.skipped == [SkippedRow("transaction", key, provider_id)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("transaction_id", None),
        ("transaction_id", ""),
        ("transaction_id", 7),
        ("transaction_id", "a\0b"),
        ("transaction_id", "x" * 257),
        ("account_id", []),
        ("account_id", "\ud83d"),
        ("amount", None),
        ("amount", "12.00"),
        ("amount", [12]),
        ("amount", True),
        ("amount", Decimal("1E+18")),
        ("amount", Decimal("999999999999999999.99999999999")),
        ("amount", Decimal("1E-20000")),
        ("amount", -(10**18)),
        ("amount", {}),
        ("iso_currency_code", None),
        ("iso_currency_code", 840),
        ("iso_currency_code", "US DOLLARS OF AMERICA"),
        ("date", None),
        ("date", ""),
        ("date", "2026-02-30"),
        ("date", "yesterday"),
        ("date", 20260131),
        ("pending", None),
        ("pending", 1),
        ("pending", "false"),
    ],
)
def test_it_skips_an_invalid_row_and_names_the_field(key, value):
    page = responses.parse_sync(
        encode_page(modified=[BARE_TRANSACTION | {key: value}, BARE_TRANSACTION | {"transaction_id": "t2"}])
    )
    assert [row.provider_id for row in page.modified] == ["t2"]
    assert page.skipped == [SkippedRow("transaction", key, "" if key == "transaction_id" else "t1")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"authorized_date": ""}, {"authorized_date": None}),
        ({"authorized_date": "31/01/2026"}, {"authorized_date": None}),
        ({"name": 7}, {"name": "7"}),
        ({"name": ["x"]}, {"name": ""}),
        ({"merchant_name": {}}, {"merchant_name": ""}),
        ({"payment_channel": True}, {"payment_channel": ""}),
        ({"pending_transaction_id": "x" * 257}, {"pending_id": ""}),
        ({"pending_transaction_id": 5}, {"pending_id": ""}),
        ({"personal_finance_category": "FOOD"}, {"category": ""}),
        ({"personal_finance_category": {"primary": []}}, {"category": ""}),
        ({"transaction_id": "x" * 256}, {"provider_id": "x" * 256}),
    ],
)
def test_it_keeps_a_row_with_invalid_optional_fields(changes, expected):
    assert parse_transaction(**changes)._asdict() == parse_transaction()._asdict() | expected


@pytest.mark.parametrize("row", [None, 7, "x", [], True])
def test_it_skips_values_that_are_not_objects(row):
    page = responses.parse_sync(encode_page(added=[row], removed=[row], accounts=[row]))
    assert page.skipped == [SkippedRow(kind, "row") for kind in ("transaction", "removal", "account")]


@pytest.mark.parametrize("sent", [{"accounts": None, "request_id": "r"}, {"request_id": "r"}])
def test_it_reports_a_list_of_accounts_that_was_not_sent(sent):
    response = responses.parse_accounts(encode_json(sent))
    assert response.accounts == []
    assert response.skipped == [SkippedRow("account_list", "accounts")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"mask": 1234}, {"mask": "1234"}),
        ({"mask": None}, {"mask": ""}),
        ({"type": None}, {"type": "other"}),
        ({"type": "teapot"}, {"type": "teapot"}),
        ({"name": None}, {"name": ""}),
        ({"persistent_account_id": 9}, {"persistent_id": ""}),
        ({"balances": None}, {"current": None, "available": None, "limit": None, "currency": ""}),
        ({"balances": {"current": "12", "available": Decimal("1E+40"), "limit": 5}}, {"limit": 5, "currency": ""}),
    ],
)
def test_it_keeps_an_account_with_invalid_fields(changes, expected):
    (account,) = responses.parse_accounts(
        encode_json({"accounts": [PLAIDS_ACCOUNT | changes], "request_id": "r"})
    ).accounts
    assert {field: getattr(account, field) for field in expected} == expected


def test_it_skips_an_account_without_an_id():
    page = responses.parse_accounts(
        encode_json({"accounts": [without(PLAIDS_ACCOUNT, "account_id"), PLAIDS_ACCOUNT], "request_id": "r"})
    )
    assert (len(page.accounts), page.skipped) == (1, [SkippedRow("account", "account_id")])


@pytest.mark.parametrize("figure", [b"9" * 5000, b"1e99999999999999999999", b"1e-99999999999999999999"])
@pytest.mark.parametrize("key", ["amount", "name"])
def test_it_skips_only_the_row_with_an_excessive_number(key, figure):
    rows = [BARE_TRANSACTION | {key: "FIGURE"}, BARE_TRANSACTION | {"transaction_id": "t2"}]
    page = responses.parse_sync(encode_page(added=rows).replace(b'"FIGURE"', figure))
    assert [row.provider_id for row in page.added] == ["t2"]
    assert [(row.kind, row.provider_id) for row in page.skipped] == [("transaction", "t1")]


@pytest.mark.parametrize("figure", [b"9" * 5000, b"1e99999999999999999999", b'"110.94"'])
def test_it_keeps_an_account_with_an_invalid_balance(figure):
    balances = {"current": "FIGURE", "available": 7, "iso_currency_code": "USD"}
    body = encode_json({"accounts": [PLAIDS_ACCOUNT | {"balances": balances}], "request_id": "r"})
    (row,) = responses.parse_accounts(body.replace(b'"FIGURE"', figure)).accounts
    assert (row.current, row.available, row.currency) == (None, Decimal(7), "USD")


@pytest.mark.parametrize(
    "value", [b"1e999", b"9" * 5000, b"1e99999999999999999999", b"[1e999]", b'{"primary": 1e99999999999999999999}']
)
def test_it_keeps_a_row_with_an_invalid_object(value):
    rows = [BARE_TRANSACTION | {"personal_finance_category": "ODD"}]
    accounts = [PLAIDS_ACCOUNT | {"balances": "ODD"}]
    page = responses.parse_sync(encode_page(added=rows, accounts=accounts).replace(b'"ODD"', value))
    assert page.added == [parse_transaction()]
    assert [(row.provider_id, row.current) for row in page.accounts] == [(PLAIDS_ACCOUNT["account_id"], None)]
    assert page.skipped == []


def test_it_parses_a_page_with_half_a_surrogate_pair():
    rows = [BARE_TRANSACTION | {"name": "half \ud83d, whole 😀, \\ud83d"}, BARE_TRANSACTION | {"account_id": "\ud83d"}]
    page = responses.parse_sync(encode_page(added=rows, next_cursor="\udc00c1"))
    assert [row.name for row in page.added] == ["half ?, whole 😀, \\ud83d"]
    assert page.skipped == [SkippedRow("transaction", "account_id", "t1")]
    assert page.next_cursor == "?c1"


def test_it_rejects_a_page_that_is_not_utf_8():
    body = encode_page(added=[BARE_TRANSACTION | {"name": "Cafe"}]).replace(b"Cafe", b"Caf\xe9")
    with pytest.raises(Unavailable):
        responses.parse_sync(body)


def test_it_names_the_innermost_invalid_field():
    with pytest.raises(MalformedResponse, match=r"BROKEN_FIELD \(request r\): last_successful_update$"):
        responses.parse_item(
            b'{"item": {"item_id": "i"}, "status": {"transactions": {"last_successful_update": "CANARY"}}, '
            b'"request_id": "r"}'
        )


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(PLAIDS_TRANSACTION)), inner),
    max_leaves=8,
)


# The time to generate examples does not depend on the parser, but on the load of the machine.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(row=st.dictionaries(st.sampled_from(sorted(PLAIDS_TRANSACTION)), JSON))
def test_it_parses_or_skips_any_row(row):
    page = responses.parse_sync(encode_page(added=[PLAIDS_TRANSACTION | row], removed=[row], accounts=[row]))
    assert len(page.added) + len(page.removed) + len(page.accounts) + len(page.skipped) == 3
    assert all(type(parsed_row.amount) is Decimal for parsed_row in page.added)


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("AT&amp;T", "AT&T"),
        ("AT&T", "AT&T"),
        ("AT&amp;amp;T", "AT&amp;T"),
        ("TRADER JOE&#39;S &#x26; CO", "TRADER JOE'S & CO"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>"),
        ("B&REGAL &notary &notary; &", "B&REGAL &notary &notary; &"),
        ("nul &#0; half &#xD83D;", "nul \ufffd half \ufffd"),
    ],
)
def test_it_unescapes_html_once(sent, text):
    row = parse_transaction(name=sent, merchant_name=sent)
    assert (row.name, row.merchant_name) == (text, text)
