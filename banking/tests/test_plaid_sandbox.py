"""Plaid's client with the real SDK, over HTTP against the sandbox program."""

from decimal import Decimal

import pytest

from banking.plaid.client import PlaidClient
from banking.plaid.settings import PlaidSettings
from banking.plaid.transport import PlaidTransport
from banking.plaid.webhooks import verify
from banking.provider import (
    InstitutionDown,
    InvalidCursor,
    ItemNotFound,
    LoginRequired,
    MalformedResponse,
    MutationDuringPagination,
    NotReady,
    ProviderConfigurationError,
    PublicTokenRefused,
    RateLimited,
    Readiness,
    SkippedRow,
    Unavailable,
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


# --- An Item's life ---------------------------------------------------------------------------------------


def test_it_opens_link_for_a_new_bank(client):
    token = client.create_link_token(client_user_id="u1", webhook="https://plumbline.test/webhooks/plaid/")
    assert token.value.startswith("link-sandbox-")
    assert token.expires_at.tzinfo is not None


def test_it_opens_link_for_signing_in_again(client, credential):
    token = client.create_update_token(credential.access_token, client_user_id="u1")
    assert token.value.startswith("link-sandbox-")


def test_it_learns_what_plaid_knows_of_an_item(client, credential):
    facts = client.get_item(credential.access_token)
    assert facts.provider_item_id == credential.provider_item_id
    assert (facts.institution_id, facts.institution_name) == ("ins_109508", "First Platypus Bank")
    assert facts.error_code == ""
    assert {"transactions", "liabilities"} <= set(facts.products)


def test_it_reads_every_account_with_the_sign_of_its_balance(client, credential):
    rows = {row.mask: row for row in client.get_accounts(credential.access_token).accounts}
    assert len(rows) == 12
    assert (rows["0000"].current, rows["0000"].available) == (Decimal(110), Decimal(100))
    assert (rows["3333"].type, rows["3333"].current, rows["3333"].limit) == (
        "credit",
        Decimal(410),
        Decimal(2000),
    )
    assert rows["6666"].current == Decimal("23631.9805")


def test_it_learns_what_a_bank_is_called(client):
    assert client.get_institution("ins_109508").name == "First Platypus Bank"


@pytest.mark.parametrize("username", ["user_good", "user_messy", "user_transactions_dynamic"])
def test_it_reads_each_transaction_as_the_bank_has_it_with_the_sign_turned(sandbox, client, username):
    credential = client.exchange_public_token(sandbox.public_token(username=username))
    read = {
        row.provider_id: (row.account_id, row.amount, row.currency, row.date.isoformat(), row.pending)
        for page in read_stream(client, credential.access_token)
        for row in page.added
    }
    truth = sandbox.admin(f"ledger/{credential.provider_item_id}", method="GET")["transactions"]
    assert read == {
        row["transaction_id"]: (
            row["account_id"],
            -Decimal(str(row["amount"])),
            row["iso_currency_code"] or row["unofficial_currency_code"],
            row["date"],
            bool(row["pending"]),
        )
        for row in truth
    }


def test_it_reads_a_long_history_page_by_page_and_then_nothing_more(sandbox, client):
    token = client.exchange_public_token(sandbox.public_token(username="user_scale_1200")).access_token
    pages = read_stream(client, token)
    assert [len(page.added) for page in pages] == [500, 500, 200]
    assert len({row.provider_id for page in pages for row in page.added}) == 1200
    assert pages[-1].readiness == Readiness.HISTORICAL
    [last] = read_stream(client, token, pages[-1].next_cursor)
    assert (last.added, last.modified, last.removed) == ([], [], [])


def test_it_reads_what_changed_since_the_cursor(sandbox, client, credential):
    token = credential.access_token
    first = read_stream(client, token)[-1]
    gone, changed = (row.provider_id for row in first.added[:2])
    made = sandbox.admin(
        f"items/{credential.provider_item_id}/mutate",
        {
            "remove": [gone],
            "modify": [{"transaction_id": changed, "amount": 77.05}],
            "add": [{"amount": -12.5, "name": "A refund"}],
            "webhook": False,
        },
    )
    [page] = read_stream(client, token, first.next_cursor)
    assert page.removed == [gone]
    assert [(row.provider_id, row.amount) for row in page.modified] == [(changed, Decimal("-77.05"))]
    assert [(row.provider_id, row.amount, row.name) for row in page.added] == [
        (made["added"][0], Decimal("12.5"), "A refund")
    ]


def test_it_ends_an_item_and_finds_it_gone(client, credential):
    token = credential.access_token
    client.remove_item(token)
    client.remove_item(token)
    with pytest.raises(ItemNotFound):
        client.sync_transactions(token, cursor="")


# --- Refusals ---------------------------------------------------------------------------------------------


def test_it_says_that_a_public_token_was_used_before(sandbox, client):
    public_token = sandbox.public_token()
    client.exchange_public_token(public_token)
    with pytest.raises(PublicTokenRefused):
        client.exchange_public_token(public_token)


def test_it_says_that_the_person_has_to_sign_in_again(sandbox, client, credential):
    sandbox.plaid("sandbox/item/reset_login", access_token=credential.access_token)
    with pytest.raises(LoginRequired) as caught:
        client.sync_transactions(credential.access_token, cursor="")
    assert caught.value.code == "ITEM_LOGIN_REQUIRED"
    assert len(caught.value.request_id) == 15
    assert client.get_item(credential.access_token).error_code == "ITEM_LOGIN_REQUIRED"


def test_it_reads_the_stream_of_an_item_that_is_ill(sandbox, client, credential):
    ill = {"error": "ITEM_LOGIN_REQUIRED", "streams": True}
    sandbox.admin(f"items/{credential.provider_item_id}/state", ill)
    assert client.get_item(credential.access_token).error_code == "ITEM_LOGIN_REQUIRED"
    assert client.get_accounts(credential.access_token).accounts
    assert client.sync_transactions(credential.access_token, cursor="").added


def test_it_says_that_the_stream_changed_while_it_was_read(sandbox, client):
    credential = client.exchange_public_token(sandbox.public_token(username="user_scale_1200"))
    first = client.sync_transactions(credential.access_token, cursor="")
    change = {"add": [{"amount": 1, "name": "In between"}], "webhook": False}
    sandbox.admin(f"items/{credential.provider_item_id}/mutate", change)
    with pytest.raises(MutationDuringPagination):
        client.sync_transactions(credential.access_token, cursor=first.next_cursor)


def test_it_says_that_a_cursor_is_lost(sandbox, client, credential):
    other = client.exchange_public_token(sandbox.public_token())
    cursor = client.sync_transactions(other.access_token, cursor="").next_cursor
    with pytest.raises(InvalidCursor):
        client.sync_transactions(credential.access_token, cursor=cursor)


def test_it_says_that_our_keys_are_wrong(sandbox):
    with pytest.raises(ProviderConfigurationError) as caught:
        make_client(sandbox, secret="wrong").create_link_token(client_user_id="u1", webhook="")
    assert caught.value.code == "INVALID_API_KEYS"


def test_it_says_which_limit_was_reached(sandbox, client, credential):
    limit = {"/accounts/get": {"per_item": 1}, "/institutions/get_by_id": {"per_client": 1}}
    sandbox.admin("limits", {"table": "off", "overrides": limit})
    client.get_accounts(credential.access_token)
    client.get_institution("ins_109508")
    with pytest.raises(RateLimited) as of_item:
        client.get_accounts(credential.access_token)
    with pytest.raises(RateLimited) as of_client:
        client.get_institution("ins_109508")
    assert (of_item.value.code, of_item.value.scope) == ("ACCOUNTS_LIMIT", "item")
    assert (of_client.value.code, of_client.value.scope) == ("INSTITUTIONS_GET_BY_ID_LIMIT", "client")


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
def test_it_names_what_went_wrong_and_recovers(sandbox, client, credential, action, expected):
    sandbox.admin("faults", {"match": {"path": "/transactions/sync"}, "action": action})
    with pytest.raises(expected) as caught:
        client.sync_transactions(credential.access_token, cursor="")
    assert credential.access_token not in f"{caught.value!r} {vars(caught.value)}"
    assert client.sync_transactions(credential.access_token, cursor="").added


def test_it_sets_one_spoiled_row_aside(sandbox, client, credential):
    whole = client.sync_transactions(credential.access_token, cursor="")
    spoil = {"kind": "malformed", "how": "null", "key": "added.0.amount"}
    sandbox.admin("faults", {"match": {"path": "/transactions/sync"}, "action": spoil})
    spoiled = client.sync_transactions(credential.access_token, cursor="")
    assert (list(spoiled.added), spoiled.next_cursor) == (list(whole.added)[1:], whole.next_cursor)
    assert spoiled.skipped == [SkippedRow("transaction", "amount", whole.added[0].provider_id)]


def replace(sandbox, values, **when):
    action = {"kind": "replace", "set": values}
    sandbox.admin("faults", {"match": {"path": "/transactions/sync"}, "action": action, **when})


def test_it_reads_whatever_a_page_holds_in_the_place_of_what_was_true(sandbox, client, credential):
    replace(sandbox, {"added.0.account_id": "of-nobody", "added.1.amount": -0.01, "added.2.date": "2031-01-31"})
    first, second, third = client.sync_transactions(credential.access_token, cursor="").added[:3]
    assert (first.account_id, second.amount, third.date.isoformat()) == ("of-nobody", Decimal("0.01"), "2031-01-31")


def test_it_may_be_led_in_a_circle(sandbox, client):
    token = client.exchange_public_token(sandbox.public_token(username="user_scale_1200")).access_token
    first = client.sync_transactions(token, cursor="").next_cursor
    replace(sandbox, {"next_cursor": first, "has_more": True}, nth=2, times=None)
    second = client.sync_transactions(token, cursor=first).next_cursor
    pages = [client.sync_transactions(token, cursor=second) for _ in range(2)]
    assert [(page.next_cursor, page.has_more) for page in pages] == [(first, True)] * 2


def test_it_may_lose_the_answer_of_an_exchange_that_was_done(sandbox, client):
    public_token = sandbox.public_token()
    path = {"path": "/item/public_token/exchange"}
    sandbox.admin("faults", {"match": path, "action": {"kind": "drop", "when": "after"}})
    with pytest.raises(Unavailable):
        client.exchange_public_token(public_token)
    with pytest.raises(PublicTokenRefused):
        client.exchange_public_token(public_token)


# --- Webhooks ---------------------------------------------------------------------------------------------


FIRED = b"NEW_ACCOUNTS_AVAILABLE"


@pytest.fixture
def site():
    """A server that accepts every webhook."""
    with scripted_server() as running:
        running.respond_with(http_response(b""))
        yield running


@pytest.fixture
def item_with_webhook(sandbox, client, site):
    return client.exchange_public_token(sandbox.public_token(webhook=f"{site.url}/webhooks/plaid/"))


def verify_delivery(client, delivery):
    return verify(delivery.headers["plaid-verification"], delivery.body, client=client, is_known=bool)


def fire_webhook(sandbox, item):
    fields = {"webhook_type": "ITEM", "webhook_code": FIRED.decode()}
    sandbox.plaid("sandbox/item/fire_webhook", access_token=item.access_token, **fields)


def last_message_id(sandbox):
    sent = sandbox.admin("outbox", method="GET")["webhooks"]
    return max(message["id"] for message in sent if message["body"]["webhook_code"] == FIRED.decode())


def test_it_hears_a_webhook_that_the_sandbox_delivers(sandbox, client, site, item_with_webhook):
    fire_webhook(sandbox, item_with_webhook)
    [delivery] = site.wait_for(1, containing=FIRED)
    event = verify_delivery(client, delivery)
    assert event.provider_item_id == item_with_webhook.provider_item_id
    assert (event.kind, event.code) == ("ITEM", "NEW_ACCOUNTS_AVAILABLE")


def test_it_tells_twins_of_one_second_apart(sandbox, client, site, item_with_webhook):
    """The second may change between two deliveries, but not seven times between eight."""
    fire_webhook(sandbox, item_with_webhook)
    site.wait_for(1, containing=FIRED)
    sandbox.admin("webhooks", {"action": "replay", "id": last_message_id(sandbox), "times": 8})
    deliveries = site.wait_for(9, containing=FIRED)[1:]
    signed = {delivery.headers["plaid-verification"].rpartition(".")[0] for delivery in deliveries}
    assert len(signed) < len(deliveries)
    assert len({verify_delivery(client, delivery).fingerprint for delivery in deliveries}) == len(deliveries)


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [("body", "body"), ("sig", "signature"), ("iat", "age"), ("kid", "key"), ("alg", "algorithm")],
)
def test_it_refuses_a_webhook_that_was_tampered_with(sandbox, client, site, item_with_webhook, tamper, reason):
    fire_webhook(sandbox, item_with_webhook)
    site.wait_for(1, containing=FIRED)
    sandbox.admin("webhooks", {"action": "replay", "id": last_message_id(sandbox), "tamper": tamper})
    delivery = site.wait_for(2, containing=FIRED)[1]
    with pytest.raises(WebhookRejected) as caught:
        verify_delivery(client, delivery)
    assert caught.value.reason == reason


def test_it_follows_plaid_to_a_new_key_and_leaves_the_old_one(sandbox, client, site, item_with_webhook):
    fire_webhook(sandbox, item_with_webhook)
    [old] = site.wait_for(1, containing=FIRED)
    sandbox.admin("keys/rotate")
    fire_webhook(sandbox, item_with_webhook)
    new = site.wait_for(2, containing=FIRED)[1]
    assert verify_delivery(client, old)
    assert verify_delivery(client, new)
    sandbox.admin("keys/expire", {})
    stranger = make_client(sandbox)
    assert verify_delivery(stranger, new)
    with pytest.raises(WebhookRejected):
        verify_delivery(stranger, old)
