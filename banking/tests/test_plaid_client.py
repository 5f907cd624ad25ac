import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from django.test import override_settings

from banking.plaid.client import PlaidClient, connect
from banking.plaid.settings import PlaidSettings, host_of
from banking.plaid.transport import PlaidTransport
from banking.provider import (
    Credential,
    InstitutionDetails,
    NotReady,
    ProviderConfigurationError,
    PublicTokenRefused,
    Unavailable,
)
from banking.tests.plaid_samples import encode_json
from banking.tests.scripted_server import http_response, scripted_server

TOKEN = "access-sandbox-71a9dd3e-9b6f-4a5a-8d5a-111111111111"
STREAM_END = {
    "added": [],
    "modified": [],
    "removed": [],
    "accounts": [],
    "next_cursor": "c2",
    "has_more": False,
    "transactions_update_status": "NOT_READY",
    "request_id": "r1",
}
LINK = {"link_token": "link-sandbox-1", "expiration": "2026-11-22T16:00:00Z", "request_id": "r1"}


def plaid_settings(url="http://127.0.0.1:1", **changes):
    fields = {
        "environment": "embedded",
        "host": url,
        "client_id": "client",
        "secret": "CANARYSECRET",
        "client_name": "Plumbline",
        "language": "en",
        "country_codes": ("US", "CA"),
        "redirect_uri": "",
        "days_requested": 730,
    }
    return PlaidSettings(**fields | changes)


@pytest.fixture
def server():
    with scripted_server() as scripted:
        yield scripted


@pytest.fixture
def make_client(server):
    def make(**changes):
        settings = plaid_settings(server.url, **changes)
        return PlaidClient(
            settings, PlaidTransport(host=settings.host, client_id=settings.client_id, secret=settings.secret)
        )

    return make


@pytest.fixture
def client(make_client):
    return make_client()


# --- Hosts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "url", "host"),
    [
        ("sandbox", "", "https://sandbox.plaid.com"),
        ("production", "", "https://production.plaid.com"),
        ("production", "http://127.0.0.1:8001", "https://production.plaid.com"),
        ("embedded", "http://127.0.0.1:8001", "http://127.0.0.1:8001"),
        ("embedded", "http://127.0.0.1:8001/plaid/", "http://127.0.0.1:8001/plaid"),
        ("embedded", "http://localhost:8001", "http://localhost:8001"),
        ("embedded", "https://[::1]:8001", "https://[::1]:8001"),
        ("embedded", "http://127.8.9.10", "http://127.8.9.10"),
    ],
)
def test_it_connects_only_to_plaid_or_this_machine(environment, url, host):
    assert host_of(environment, url) == host


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ("", ""),
        ("development", "http://127.0.0.1:8001"),
        ("Production", ""),
        ("embedded", ""),
        ("embedded", "127.0.0.1:8001"),
        ("embedded", "http://10.0.0.1:8001"),
        ("embedded", "http://0.0.0.0:8001"),
        ("embedded", "http://sandbox.plaid.com"),
        ("embedded", "https://evil.example"),
        ("embedded", "http://localhost.evil.example"),
        ("embedded", "http://127.0.0.1@evil.example"),
        ("embedded", "http://evil.example@127.0.0.1"),
        ("embedded", "http://127.0.0.1:8001?to=evil"),
        ("embedded", "http://127.0.0.1:8001#evil"),
        ("embedded", "http://127.0.0.1:port"),
        ("embedded", "http://[::1"),
        ("embedded", "ftp://127.0.0.1"),
        ("embedded", "file:///etc/passwd"),
    ],
)
def test_it_rejects_other_hosts(environment, url):
    with pytest.raises(ProviderConfigurationError) as error:
        host_of(environment, url)
    assert error.value.code == "HOST_REFUSED"


def test_it_reuses_the_client_for_the_same_settings():
    first = connect()
    assert connect() is first
    with override_settings(PLAID_SECRET="another"):
        assert connect() is not first
    assert connect() is first


def test_it_reads_the_settings():
    changes = {"PLAID_ENV": "production", "PLAID_CLIENT_ID": "id", "PLAID_COUNTRY_CODES": ["US", "CA"]}
    with override_settings(**changes, PLAID_REDIRECT_URI="https://plumbline.test/return"):
        client_settings = connect().settings
    assert (client_settings.host, client_settings.client_id) == ("https://production.plaid.com", "id")
    assert (client_settings.country_codes, client_settings.redirect_uri) == (
        ("US", "CA"),
        "https://plumbline.test/return",
    )
    assert client_settings.days_requested == 730


@pytest.mark.parametrize("name", ["PLAID_CLIENT_ID", "PLAID_SECRET"])
@pytest.mark.parametrize("value", ["", "CANARY key", "CANARY\n", "CANARY\r\nHost: evil", "CANÁRY"])
def test_it_rejects_keys_that_cannot_be_sent_without_repeating_them(name, value):
    with override_settings(**{name: value}), pytest.raises(ProviderConfigurationError) as error:
        connect()
    assert error.value.code == "INVALID_API_KEYS"
    assert "CAN" not in str(error.value)


def test_it_prints_no_secrets(client):
    assert "CANARY" not in f"{client!r} {client.settings!r} {vars(client)!r}"


def test_it_creates_a_new_client_in_a_forked_process():
    parents_client = connect()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write_end, b"same" if connect() is parents_client else b"new")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read_end, 10) == b"new"
    os.close(read_end)
    os.close(write_end)


def test_it_loads_the_sdk_only_when_it_connects():
    program = "import sys, banking.plaid.client, banking.plaid.webhooks; sys.exit('plaid' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# --- Requests ---------------------------------------------------------------------------------------------


def test_it_creates_a_link_token(client, server):
    server.respond_with(http_response(LINK))
    token = client.create_link_token(client_user_id="u1", webhook="https://plumbline.test/webhooks/plaid/")
    assert (token.value, token.expires_at) == ("link-sandbox-1", datetime(2026, 11, 22, 16, tzinfo=UTC))
    [request] = server.requests
    assert request.path == "/link/token/create"
    assert request.fields == {
        "client_name": "Plumbline",
        "language": "en",
        "country_codes": ["US", "CA"],
        "user": {"client_user_id": "u1"},
        "products": ["transactions"],
        "additional_consented_products": ["liabilities"],
        "transactions": {"days_requested": 730},
        "webhook": "https://plumbline.test/webhooks/plaid/",
    }


def test_it_omits_missing_webhook_and_redirect_urls(client, server):
    server.respond_with(http_response(LINK))
    client.create_link_token(client_user_id="u1", webhook="")
    assert not {"webhook", "redirect_uri"} & set(server.requests[0].fields)


def test_it_sends_the_redirect_uri(make_client, server):
    server.respond_with(http_response(LINK))
    client = make_client(redirect_uri="https://plumbline.test/return")
    client.create_link_token(client_user_id="u1", webhook="")
    client.create_update_token(TOKEN, client_user_id="u1")
    assert [request.fields["redirect_uri"] for request in server.requests] == ["https://plumbline.test/return"] * 2


def test_it_requests_hosted_link_only_with_an_address_to_return_to(client, server):
    server.respond_with(http_response(LINK))
    return_url = "https://plumbline.test/connect/1/return/"
    client.create_link_token(client_user_id="u1", webhook="", return_url=return_url)
    client.create_update_token(TOKEN, client_user_id="u1", return_url=return_url)
    client.create_link_token(client_user_id="u1", webhook="")
    hosted = {"completion_redirect_uri": return_url}
    assert [request.fields.get("hosted_link") for request in server.requests] == [hosted, hosted, None]


def test_it_requests_no_products_in_update_mode(client, server):
    server.respond_with(http_response(LINK))
    client.create_update_token(TOKEN, client_user_id="u1")
    assert server.requests[0].fields == {
        "client_name": "Plumbline",
        "language": "en",
        "country_codes": ["US", "CA"],
        "user": {"client_user_id": "u1"},
        "access_token": TOKEN,
    }


def test_it_requests_account_selection_and_more_consent_in_update_mode(client, server):
    server.respond_with(http_response(LINK))
    client.create_update_token(TOKEN, client_user_id="u1", selects_accounts=True, consented_products=["liabilities"])
    fields = server.requests[0].fields
    assert fields["update"] == {"account_selection_enabled": True}
    assert (fields["additional_consented_products"], "products" in fields) == (["liabilities"], False)


def test_it_sends_no_cursor_for_the_first_page(client, server):
    server.respond_with(http_response(STREAM_END))
    page = client.sync_transactions(TOKEN, cursor="")
    assert (page.next_cursor, page.request_id) == ("c2", "r1")
    assert server.requests[0].path == "/transactions/sync"
    assert server.requests[0].fields == {
        "access_token": TOKEN,
        "count": 500,
        "options": {"personal_finance_category_version": "v2", "include_original_description": True},
    }


def test_it_gets_liabilities_and_recurring_payments(client, server):
    server.respond_with(http_response({"liabilities": {"credit": None}, "request_id": "r1"}))
    assert client.get_liabilities(TOKEN).request_id == "r1"
    server.respond_with(http_response({"inflow_streams": [], "outflow_streams": None, "request_id": "r2"}))
    assert client.get_recurring_streams(TOKEN).request_id == "r2"
    liabilities, recurring = server.requests
    assert (liabilities.path, liabilities.fields) == ("/liabilities/get", {"access_token": TOKEN})
    assert (recurring.path, recurring.fields) == (
        "/transactions/recurring/get",
        {"access_token": TOKEN, "options": {"personal_finance_category_version": "v2"}},
    )


def test_it_sends_the_cursor_for_the_next_page(client, server):
    server.respond_with(http_response(STREAM_END))
    client.sync_transactions(TOKEN, cursor="c1")
    assert server.requests[0].fields["cursor"] == "c1"


def test_it_requests_the_metadata_of_an_institution(client, server):
    server.respond_with(
        http_response({"institution": {"institution_id": "ins_1", "name": "Bank", "url": None}, "request_id": "r"})
    )
    assert client.get_institution("ins_1") == InstitutionDetails("ins_1", "Bank", "", "")
    assert server.requests[0].fields == {
        "institution_id": "ins_1",
        "country_codes": ["US", "CA"],
        "options": {"include_optional_metadata": True},
    }


class RecordingTransport:
    """Replaces the transport, and records the timeout of each call."""

    def __init__(self):
        self.timeouts = []

    def post(self, endpoint, fields, *, seconds):
        self.timeouts.append((endpoint, seconds))
        response = STREAM_END | LINK | {"item": {"item_id": "i"}, "item_id": "i", "access_token": TOKEN, "key": {}}
        return encode_json(response)


def test_it_waits_longer_for_slower_endpoints():
    transport = RecordingTransport()
    client = PlaidClient(plaid_settings(), transport)
    client.sync_transactions(TOKEN, cursor="")
    client.sync_transactions(TOKEN, cursor="c1")
    client.get_item(TOKEN)
    client.webhook_key("k1")
    assert transport.timeouts == [
        ("transactions_sync", 60),
        ("transactions_sync", 30),
        ("item_get", 15),
        ("webhook_verification_key_get", 5),
    ]


# --- Rejected requests ------------------------------------------------------------------------------------

CALLS_WITH_A_TOKEN = {
    "item": lambda client, token: client.get_item(token),
    "accounts": lambda client, token: client.get_accounts(token),
    "page": lambda client, token: client.sync_transactions(token, cursor="c1"),
    "remove": lambda client, token: client.remove_item(token),
    "webhook": lambda client, token: client.update_webhook(token, webhook="https://plumbline.test/"),
    "update": lambda client, token: client.create_update_token(token, client_user_id="u1"),
}


@pytest.mark.parametrize("call", CALLS_WITH_A_TOKEN)
@pytest.mark.parametrize("token", ["access-production-1", "public-sandbox-1", "access-sandboxes-1", "", "x"])
def test_it_does_not_send_a_token_of_another_environment(client, server, call, token):
    with pytest.raises(ProviderConfigurationError) as error:
        CALLS_WITH_A_TOKEN[call](client, token)
    assert error.value.code == "WRONG_ENVIRONMENT"
    assert server.requests == []


def test_it_does_not_send_a_sandbox_token_to_production(make_client, server):
    with pytest.raises(ProviderConfigurationError):
        make_client(environment="production").get_item(TOKEN)
    assert server.requests == []


@pytest.mark.parametrize(
    "token",
    ["", "public-production-1", "access-sandbox-1", "public-sandbox-", "public-sandbox-1\n", "x" * 5000],
)
def test_it_does_not_send_an_invalid_public_token(client, server, token):
    with pytest.raises(PublicTokenRefused):
        client.exchange_public_token(token)
    assert server.requests == []


# --- Responses --------------------------------------------------------------------------------------------


def plaid_error(error_type, code, status=400):
    return http_response({"error_type": error_type, "error_code": code, "request_id": "r9"}, status=status)


@pytest.mark.parametrize("code", ["ITEM_NOT_FOUND", "INVALID_ACCESS_TOKEN"])
def test_it_treats_an_unknown_item_as_removed(client, server, code):
    server.respond_with(plaid_error("ITEM_ERROR", code))
    assert client.remove_item(TOKEN) is None


def test_it_raises_if_plaid_could_not_remove_an_item(client, server):
    server.respond_with(plaid_error("API_ERROR", "INTERNAL_SERVER_ERROR", 500))
    with pytest.raises(Unavailable):
        client.remove_item(TOKEN)


def test_it_raises_with_the_request_id(client, server):
    server.respond_with(plaid_error("ITEM_ERROR", "PRODUCT_NOT_READY"))
    with pytest.raises(NotReady) as error:
        client.sync_transactions(TOKEN, cursor="")
    assert str(error.value) == "PRODUCT_NOT_READY (request r9)"


def test_it_exchanges_a_public_token(client, server):
    server.respond_with(http_response({"access_token": TOKEN, "item_id": "i1", "request_id": "r2"}))
    assert client.exchange_public_token("public-sandbox-5c224a01") == Credential(TOKEN, "i1", "r2")
    assert server.requests[0].fields == {"public_token": "public-sandbox-5c224a01"}
