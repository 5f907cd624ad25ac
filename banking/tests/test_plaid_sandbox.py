"""Plaid's client with the real SDK, over HTTP, against the sandbox program."""

from decimal import Decimal

import pytest

from banking.plaid.client import PlaidClient
from banking.plaid.settings import PlaidSettings
from banking.plaid.transport import PlaidTransport
from banking.plaid.webhooks import verify
from banking.provider import (
    ConsentRequired,
    InstitutionDown,
    InvalidCursor,
    ItemNotFound,
    LinkResults,
    LoginRequired,
    MalformedResponse,
    MutationDuringPagination,
    NotReady,
    ProviderConfigurationError,
    ProviderError,
    PublicTokenRefused,
    RateLimited,
    Readiness,
    SkippedRow,
    Unavailable,
    Unsupported,
    WebhookKind,
    WebhookRejected,
)
from banking.tests.scripted_server import http_response, scripted_server


def make_client(sandbox, secret=None):
    secret = secret or sandbox.secret
    profile = PlaidSettings("embedded", sandbox.url, sandbox.client_id, secret, "Plumbline", "en", ("US",), "", 730)
    return PlaidClient(profile, PlaidTransport(host=sandbox.url, client_id=sandbox.client_id, secret=secret))


@pytest.fixture
def client(sandbox):
    yield make_client(sandbox)
    sandbox.admin("faults", method="DELETE")
    sandbox.admin("limits", {"table": "off"})


@pytest.fixture
def credential(sandbox, client):
    return client.exchange_public_token(sandbox.public_token())


def read_stream(client, token, cursor=""):
    """Sync all pages after ``cursor``."""
    pages = [client.sync_transactions(token, cursor=cursor)]
    while pages[-1].has_more:
        pages.append(client.sync_transactions(token, cursor=pages[-1].next_cursor))
    return pages


# --- Items ------------------------------------------------------------------------------------------------


def test_it_creates_a_link_token(client):
    token = client.create_link_token(client_user_id="u1", webhook="https://plumbline.test/webhooks/plaid/")
    assert token.value.startswith("link-sandbox-")
    assert token.expires_at.tzinfo is not None


def test_it_creates_an_update_token(client, credential):
    token = client.create_update_token(
        credential.access_token, client_user_id="u1", selects_accounts=True, consented_products=["liabilities"]
    )
    assert token.value.startswith("link-sandbox-")


def test_it_opens_the_pages_of_hosted_link_at_the_sites_own_origin(client, credential, sandbox, settings):
    settings.PLAID_URL = sandbox.url
    fields = {"client_user_id": "u1", "return_url": "https://plumbline.test/connect/1/return/"}
    for token in (
        client.create_link_token(webhook="", **fields),
        client.create_update_token(credential.access_token, **fields),
    ):
        assert token.hosted_url == f"/_sandbox/link/hosted/{token.value}/"
        assert client.get_link_results(token.value) == LinkResults([], [])


def test_it_returns_the_details_of_an_item(client, credential):
    details = client.get_item(credential.access_token)
    assert details.provider_item_id == credential.provider_item_id
    assert (details.institution_id, details.institution_name) == ("ins_109508", "First Platypus Bank")
    assert details.error_code == ""
    assert {"transactions", "liabilities"} <= set(details.products)


def test_it_returns_all_accounts_with_signed_balances(client, credential):
    rows = {row.mask: row for row in client.get_accounts(credential.access_token).accounts}
    assert len(rows) == 12
    assert (rows["0000"].current, rows["0000"].available) == (Decimal(110), Decimal(100))
    assert (rows["3333"].type, rows["3333"].current, rows["3333"].limit) == (
        "credit",
        Decimal(410),
        Decimal(2000),
    )
    assert rows["6666"].current == Decimal("23631.9805")


def test_it_links_a_bank_with_the_consent_to_liabilities(sandbox, client):
    token = client.create_link_token(client_user_id="u1", webhook="").value
    access_token = client.exchange_public_token(sandbox.complete_link(token)).access_token
    masks = {row.provider_id: row.mask for row in client.get_accounts(access_token).accounts}
    response = client.get_liabilities(access_token)
    terms = {masks[row.account_id]: row for row in response.liabilities}
    assert {mask: str(row.kind) for mask, row in terms.items()} == {
        "3333": "credit",
        "9999": "credit",
        "7777": "student",
        "8888": "mortgage",
    }
    assert {apr.type: apr.percentage for apr in terms["3333"].aprs} == {
        "balance_transfer_apr": Decimal("15.24"),
        "cash_apr": Decimal("27.95"),
        "purchase_apr": Decimal("12.5"),
        "special": Decimal(0),
    }
    assert (terms["3333"].last_payment_amount, terms["7777"].interest_rate) == (Decimal(25), Decimal("5.25"))
    assert (terms["8888"].interest_rate, terms["8888"].interest_rate_type) == (Decimal("3.99"), "fixed")
    assert response.skipped == []


def test_it_needs_consent_to_liabilities(client, credential):
    with pytest.raises(ConsentRequired) as caught:
        client.get_liabilities(credential.access_token)
    assert caught.value.code == "ADDITIONAL_CONSENT_REQUIRED"


def test_it_returns_recurring_payments_in_and_out(sandbox, client):
    token = client.exchange_public_token(sandbox.public_token(username="user_living")).access_token
    streams = {stream.description: stream for stream in client.get_recurring_streams(token).streams}
    salary, rent = streams["NORTHWIND LABS PAYROLL"], streams["LONGACRE PROPERTIES RENT"]
    assert (salary.is_inflow, salary.frequency, salary.status) == (True, "BIWEEKLY", "MATURE")
    assert salary.average_amount > 0
    assert (rent.is_inflow, rent.frequency, rent.average_amount, rent.currency) == (
        False,
        "MONTHLY",
        Decimal(-1900),
        "USD",
    )


def test_it_returns_the_name_of_an_institution(client):
    assert client.get_institution("ins_109508").name == "First Platypus Bank"


@pytest.mark.parametrize("username", ["user_good", "user_messy", "user_transactions_dynamic"])
def test_it_returns_all_transactions_with_negated_amounts(sandbox, client, username):
    credential = client.exchange_public_token(sandbox.public_token(username=username))
    rows = {
        row.provider_id: (row.account_id, row.amount, row.currency, row.date.isoformat(), row.pending)
        for page in read_stream(client, credential.access_token)
        for row in page.added
    }
    ledger = sandbox.admin(f"ledger/{credential.provider_item_id}", method="GET")["transactions"]
    assert rows == {
        row["transaction_id"]: (
            row["account_id"],
            -Decimal(str(row["amount"])),
            row["iso_currency_code"] or row["unofficial_currency_code"],
            row["date"],
            bool(row["pending"]),
        )
        for row in ledger
    }


def test_it_returns_what_a_bank_says_beyond_amount_and_name(sandbox, client):
    """Houndstooth Bank is one of the sandbox's banks that report times."""
    options = {"override_username": "user_good", "override_password": "pass_good"}
    created = sandbox.plaid(
        "sandbox/public_token/create",
        institution_id="ins_109512",
        initial_products=["transactions"],
        options=options,
    )
    credential = client.exchange_public_token(created["public_token"])
    rows = {row.provider_id: row for page in read_stream(client, credential.access_token) for row in page.added}
    ledger = sandbox.admin(f"ledger/{credential.provider_item_id}", method="GET")["transactions"]
    assert {name: row.original_description for name, row in rows.items()} == {
        row["transaction_id"]: row["original_description"] or row["name"] for row in ledger
    }
    assert all(row.posted_at.date() == row.date for row in rows.values())
    merchants = {name: row.counterparties[0] for name, row in rows.items() if row.counterparties}
    assert {name: party.name for name, party in merchants.items()} == {
        row["transaction_id"]: row["merchant_name"] for row in ledger if row["merchant_name"]
    }
    assert all(party.logo_url and party.entity_id and party.website for party in merchants.values())


def test_it_returns_a_long_history_in_pages(sandbox, client):
    token = client.exchange_public_token(sandbox.public_token(username="user_scale_1200")).access_token
    pages = read_stream(client, token)
    assert [len(page.added) for page in pages] == [500, 500, 200]
    assert len({row.provider_id for page in pages for row in page.added}) == 1200
    assert pages[-1].readiness == Readiness.HISTORICAL
    [last] = read_stream(client, token, pages[-1].next_cursor)
    assert (last.added, last.modified, last.removed) == ([], [], [])


def test_it_returns_changes_since_the_cursor(sandbox, client, credential):
    token = credential.access_token
    first = read_stream(client, token)[-1]
    removed_id, modified_id = (row.provider_id for row in first.added[:2])
    mutation = sandbox.admin(
        f"items/{credential.provider_item_id}/mutate",
        {
            "remove": [removed_id],
            "modify": [{"transaction_id": modified_id, "amount": 77.05}],
            "add": [{"amount": -12.5, "name": "A refund"}],
            "webhook": False,
        },
    )
    [page] = read_stream(client, token, first.next_cursor)
    assert page.removed == [removed_id]
    assert [(row.provider_id, row.amount) for row in page.modified] == [(modified_id, Decimal("-77.05"))]
    assert [(row.provider_id, row.amount, row.name) for row in page.added] == [
        (mutation["added"][0], Decimal("12.5"), "A refund")
    ]


def test_it_removes_an_item(client, credential):
    token = credential.access_token
    client.remove_item(token)
    client.remove_item(token)
    with pytest.raises(ItemNotFound):
        client.sync_transactions(token, cursor="")


# --- Errors -----------------------------------------------------------------------------------------------


def test_it_raises_for_a_used_public_token(sandbox, client):
    public_token = sandbox.public_token()
    client.exchange_public_token(public_token)
    with pytest.raises(PublicTokenRefused):
        client.exchange_public_token(public_token)


def test_it_raises_if_a_sign_in_is_required(sandbox, client, credential):
    sandbox.plaid("sandbox/item/reset_login", access_token=credential.access_token)
    with pytest.raises(LoginRequired) as error:
        client.sync_transactions(credential.access_token, cursor="")
    assert error.value.code == "ITEM_LOGIN_REQUIRED"
    assert len(error.value.request_id) == 15
    assert client.get_item(credential.access_token).error_code == "ITEM_LOGIN_REQUIRED"


def test_it_returns_transactions_of_an_item_with_an_error(sandbox, client, credential):
    state = {"error": "ITEM_LOGIN_REQUIRED", "streams": True}
    sandbox.admin(f"items/{credential.provider_item_id}/state", state)
    assert client.get_item(credential.access_token).error_code == "ITEM_LOGIN_REQUIRED"
    assert client.get_accounts(credential.access_token).accounts
    assert client.sync_transactions(credential.access_token, cursor="").added


def test_it_raises_if_transactions_change_during_pagination(sandbox, client):
    credential = client.exchange_public_token(sandbox.public_token(username="user_scale_1200"))
    first = client.sync_transactions(credential.access_token, cursor="")
    change = {"add": [{"amount": 1, "name": "In between"}], "webhook": False}
    sandbox.admin(f"items/{credential.provider_item_id}/mutate", change)
    with pytest.raises(MutationDuringPagination):
        client.sync_transactions(credential.access_token, cursor=first.next_cursor)


def test_it_raises_for_a_lost_cursor(sandbox, client, credential):
    other_credential = client.exchange_public_token(sandbox.public_token())
    cursor = client.sync_transactions(other_credential.access_token, cursor="").next_cursor
    with pytest.raises(InvalidCursor):
        client.sync_transactions(credential.access_token, cursor=cursor)


def test_it_raises_for_wrong_api_keys(sandbox):
    with pytest.raises(ProviderConfigurationError) as error:
        make_client(sandbox, secret="wrong").create_link_token(client_user_id="u1", webhook="")
    assert error.value.code == "INVALID_API_KEYS"


def test_it_has_the_bank_asked_for_transactions_and_balances(sandbox, client, credential):
    token = credential.access_token
    cursor = read_stream(client, token)[-1].next_cursor
    account = client.get_accounts(token).accounts[0]
    mutation = {"add": [{"account_id": account.provider_id, "amount": 10, "name": "Bakery"}], "unfetched": True}
    sandbox.admin(f"items/{credential.provider_item_id}/mutate", mutation)
    assert client.sync_transactions(token, cursor=cursor).added == []
    assert client.get_accounts(token).accounts[0].current == account.current
    assert client.get_live_accounts(token).accounts[0].current == account.current - 10
    client.refresh_transactions(token)
    assert [row.name for row in client.sync_transactions(token, cursor=cursor).added] == ["Bakery"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("INVALID_PRODUCT", Unsupported),
        ("PRODUCT_NOT_ENABLED", Unsupported),
        ("PRODUCTS_NOT_SUPPORTED", Unsupported),
        ("INVALID_API_KEYS", ProviderConfigurationError),
    ],
)
def test_it_tells_products_that_are_not_offered_from_a_wrong_configuration(sandbox, client, credential, code, expected):
    for path, call in (
        ("/transactions/refresh", client.refresh_transactions),
        ("/accounts/balance/get", client.get_live_accounts),
    ):
        sandbox.admin("faults", {"match": {"path": path}, "action": {"kind": "error", "code": code}})
        with pytest.raises(ProviderError) as error:
            call(credential.access_token)
        assert (type(error.value), error.value.code) == (expected, code)


def test_it_raises_with_the_scope_of_a_rate_limit(sandbox, client, credential):
    limits = {"/accounts/get": {"per_item": 1}, "/institutions/get_by_id": {"per_client": 1}}
    sandbox.admin("limits", {"table": "off", "overrides": limits})
    client.get_accounts(credential.access_token)
    client.get_institution("ins_109508")
    with pytest.raises(RateLimited) as item_error:
        client.get_accounts(credential.access_token)
    with pytest.raises(RateLimited) as client_error:
        client.get_institution("ins_109508")
    assert (item_error.value.code, item_error.value.scope) == ("ACCOUNTS_LIMIT", "item")
    assert (client_error.value.code, client_error.value.scope) == ("INSTITUTIONS_GET_BY_ID_LIMIT", "client")


# --- Faults -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ({"kind": "error", "code": "INTERNAL_SERVER_ERROR"}, Unavailable),
        ({"kind": "error", "code": "INSTITUTION_DOWN"}, InstitutionDown),
        ({"kind": "error", "code": "PRODUCT_NOT_READY"}, NotReady),
        ({"kind": "http", "status": 502}, Unavailable),
        ({"kind": "drop", "when": "before"}, Unavailable),
        ({"kind": "drop", "when": "after"}, Unavailable),
        ({"kind": "truncate"}, Unavailable),
        ({"kind": "redirect"}, ProviderConfigurationError),
        ({"kind": "malformed", "how": "html"}, Unavailable),
        ({"kind": "malformed", "how": "empty"}, Unavailable),
        ({"kind": "malformed", "how": "missing", "key": "has_more"}, MalformedResponse),
        ({"kind": "malformed", "how": "null", "key": "next_cursor"}, MalformedResponse),
        ({"kind": "malformed", "how": "nan", "key": "added.0.amount"}, MalformedResponse),
    ],
)
def test_it_raises_for_a_fault_and_recovers(sandbox, client, credential, action, expected):
    sandbox.admin("faults", {"match": {"path": "/transactions/sync"}, "action": action})
    with pytest.raises(expected) as error:
        client.sync_transactions(credential.access_token, cursor="")
    assert credential.access_token not in f"{error.value!r} {vars(error.value)}"
    assert client.sync_transactions(credential.access_token, cursor="").added


def test_it_skips_one_damaged_row(sandbox, client, credential):
    page = client.sync_transactions(credential.access_token, cursor="")
    action = {"kind": "malformed", "how": "null", "key": "added.0.amount"}
    sandbox.admin("faults", {"match": {"path": "/transactions/sync"}, "action": action})
    damaged_page = client.sync_transactions(credential.access_token, cursor="")
    assert (list(damaged_page.added), damaged_page.next_cursor) == (list(page.added)[1:], page.next_cursor)
    assert damaged_page.skipped == [SkippedRow("transaction", "amount", page.added[0].provider_id)]


def replace_values(sandbox, values, **when):
    action = {"kind": "replace", "set": values}
    sandbox.admin("faults", {"match": {"path": "/transactions/sync"}, "action": action, **when})


def test_it_returns_replaced_values_of_a_page(sandbox, client, credential):
    replace_values(sandbox, {"added.0.account_id": "of-nobody", "added.1.amount": -0.01, "added.2.date": "2031-01-31"})
    first, second, third = client.sync_transactions(credential.access_token, cursor="").added[:3]
    assert (first.account_id, second.amount, third.date.isoformat()) == ("of-nobody", Decimal("0.01"), "2031-01-31")


def test_it_follows_repeated_cursors(sandbox, client):
    token = client.exchange_public_token(sandbox.public_token(username="user_scale_1200")).access_token
    first = client.sync_transactions(token, cursor="").next_cursor
    replace_values(sandbox, {"next_cursor": first, "has_more": True}, nth=2, times=None)
    second = client.sync_transactions(token, cursor=first).next_cursor
    pages = [client.sync_transactions(token, cursor=second) for _ in range(2)]
    assert [(page.next_cursor, page.has_more) for page in pages] == [(first, True)] * 2


def test_it_raises_if_the_response_of_an_exchange_is_lost(sandbox, client):
    public_token = sandbox.public_token()
    path = {"path": "/item/public_token/exchange"}
    sandbox.admin("faults", {"match": path, "action": {"kind": "drop", "when": "after"}})
    with pytest.raises(Unavailable):
        client.exchange_public_token(public_token)
    with pytest.raises(PublicTokenRefused):
        client.exchange_public_token(public_token)


# --- Webhooks ---------------------------------------------------------------------------------------------


WEBHOOK_CODE = b"NEW_ACCOUNTS_AVAILABLE"


@pytest.fixture
def site():
    """A server that accepts every webhook."""
    with scripted_server() as scripted:
        scripted.respond_with(http_response(b""))
        yield scripted


@pytest.fixture
def item_with_webhook(sandbox, client, site):
    return client.exchange_public_token(sandbox.public_token(webhook=f"{site.url}/webhooks/plaid/"))


def verify_delivery(client, delivery):
    return verify(delivery.headers["plaid-verification"], delivery.body, client=client, is_known=bool)


def fire_webhook(sandbox, item):
    fields = {"webhook_type": "ITEM", "webhook_code": WEBHOOK_CODE.decode()}
    sandbox.plaid("sandbox/item/fire_webhook", access_token=item.access_token, **fields)


def get_last_message_id(sandbox):
    webhooks = sandbox.admin("outbox", method="GET")["webhooks"]
    return max(message["id"] for message in webhooks if message["body"]["webhook_code"] == WEBHOOK_CODE.decode())


def test_it_accepts_a_webhook_of_the_sandbox(sandbox, client, site, item_with_webhook):
    fire_webhook(sandbox, item_with_webhook)
    [delivery] = site.wait_for(1, containing=WEBHOOK_CODE)
    event = verify_delivery(client, delivery)
    assert event.provider_item_id == item_with_webhook.provider_item_id
    assert (event.kind, event.code) == (WebhookKind.NEW_ACCOUNTS, "NEW_ACCOUNTS_AVAILABLE")


def test_it_moves_the_webhooks_of_an_item(sandbox, client, site, credential):
    url = f"{site.url}/moved/"
    assert client.update_webhook(credential.access_token, webhook=url) == url
    [delivery] = site.wait_for(1, containing=b"WEBHOOK_UPDATE_ACKNOWLEDGED")
    assert verify_delivery(client, delivery).kind == WebhookKind.WEBHOOK_UPDATED
    details = client.get_item(credential.access_token)
    assert details.webhook == url
    # The sandbox may have sent another one since.
    assert details.last_webhook.code


def test_it_gives_equal_webhooks_of_one_second_different_fingerprints(sandbox, client, site, item_with_webhook):
    """The second can change between two deliveries, but not seven times between eight."""
    fire_webhook(sandbox, item_with_webhook)
    site.wait_for(1, containing=WEBHOOK_CODE)
    sandbox.admin("webhooks", {"action": "replay", "id": get_last_message_id(sandbox), "times": 8})
    deliveries = site.wait_for(9, containing=WEBHOOK_CODE)[1:]
    signed = {delivery.headers["plaid-verification"].rpartition(".")[0] for delivery in deliveries}
    assert len(signed) < len(deliveries)
    assert len({verify_delivery(client, delivery).fingerprint for delivery in deliveries}) == len(deliveries)


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [("body", "body"), ("sig", "signature"), ("iat", "age"), ("kid", "key"), ("alg", "algorithm")],
)
def test_it_rejects_a_modified_webhook(sandbox, client, site, item_with_webhook, tamper, reason):
    fire_webhook(sandbox, item_with_webhook)
    site.wait_for(1, containing=WEBHOOK_CODE)
    sandbox.admin("webhooks", {"action": "replay", "id": get_last_message_id(sandbox), "tamper": tamper})
    delivery = site.wait_for(2, containing=WEBHOOK_CODE)[1]
    with pytest.raises(WebhookRejected) as error:
        verify_delivery(client, delivery)
    assert error.value.reason == reason


def test_it_accepts_a_new_key_and_rejects_an_expired_one(sandbox, client, site, item_with_webhook):
    fire_webhook(sandbox, item_with_webhook)
    [old_delivery] = site.wait_for(1, containing=WEBHOOK_CODE)
    sandbox.admin("keys/rotate")
    fire_webhook(sandbox, item_with_webhook)
    new_delivery = site.wait_for(2, containing=WEBHOOK_CODE)[1]
    assert verify_delivery(client, old_delivery)
    assert verify_delivery(client, new_delivery)
    sandbox.admin("keys/expire", {})
    new_client = make_client(sandbox)
    assert verify_delivery(new_client, new_delivery)
    with pytest.raises(WebhookRejected):
        verify_delivery(new_client, old_delivery)
