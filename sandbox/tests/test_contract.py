"""All endpoints with Plaid's own client, which refuses a response with a missing key or a wrong type."""

from collections.abc import Iterator
from typing import Any

import plaid as sdk
import pytest
from plaid.api.plaid_api import PlaidApi
from plaid.model.accounts_balance_get_request import AccountsBalanceGetRequest
from plaid.model.accounts_get_request import AccountsGetRequest
from plaid.model.country_code import CountryCode
from plaid.model.custom_sandbox_transaction import CustomSandboxTransaction
from plaid.model.institutions_get_by_id_request import InstitutionsGetByIdRequest
from plaid.model.institutions_get_by_id_request_options import InstitutionsGetByIdRequestOptions
from plaid.model.institutions_get_request import InstitutionsGetRequest
from plaid.model.institutions_search_request import InstitutionsSearchRequest
from plaid.model.item_access_token_invalidate_request import ItemAccessTokenInvalidateRequest
from plaid.model.item_get_request import ItemGetRequest
from plaid.model.item_public_token_exchange_request import ItemPublicTokenExchangeRequest
from plaid.model.item_remove_request import ItemRemoveRequest
from plaid.model.item_webhook_update_request import ItemWebhookUpdateRequest
from plaid.model.liabilities_get_request import LiabilitiesGetRequest
from plaid.model.link_token_create_hosted_link import LinkTokenCreateHostedLink
from plaid.model.link_token_create_request import LinkTokenCreateRequest
from plaid.model.link_token_create_request_user import LinkTokenCreateRequestUser
from plaid.model.link_token_get_request import LinkTokenGetRequest
from plaid.model.link_token_transactions import LinkTokenTransactions
from plaid.model.personal_finance_category_version import PersonalFinanceCategoryVersion
from plaid.model.products import Products
from plaid.model.sandbox_item_fire_webhook_request import SandboxItemFireWebhookRequest
from plaid.model.sandbox_item_reset_login_request import SandboxItemResetLoginRequest
from plaid.model.sandbox_item_set_verification_status_request import SandboxItemSetVerificationStatusRequest
from plaid.model.sandbox_public_token_create_request import SandboxPublicTokenCreateRequest
from plaid.model.sandbox_public_token_create_request_options import SandboxPublicTokenCreateRequestOptions
from plaid.model.sandbox_public_token_create_request_options_transactions import (
    SandboxPublicTokenCreateRequestOptionsTransactions,
)
from plaid.model.sandbox_transactions_create_request import SandboxTransactionsCreateRequest
from plaid.model.transactions_recurring_get_request import TransactionsRecurringGetRequest
from plaid.model.transactions_refresh_request import TransactionsRefreshRequest
from plaid.model.transactions_sync_request import TransactionsSyncRequest
from plaid.model.transactions_sync_request_options import TransactionsSyncRequestOptions
from plaid.model.webhook_type import WebhookType
from plaid.model.webhook_verification_key_get_request import WebhookVerificationKeyGetRequest
from urllib3.util import Retry

from sandbox.bank import links
from sandbox.json_codec import dumps, loads
from sandbox.tests.sandbox_client import CLIENT_ID, SECRET, SandboxClient
from sandbox.webhooks import signing

US = [CountryCode("US")]
WEBHOOK = "https://site.example/webhooks/plaid"


@pytest.fixture(scope="module")
def client(plaid: SandboxClient) -> Iterator[PlaidApi]:
    keys = {"clientId": CLIENT_ID, "secret": SECRET}
    settings = sdk.Configuration(host=plaid.url, api_key=keys)
    settings.retries = Retry(total=0, redirect=False)
    with sdk.ApiClient(settings) as connection:
        yield PlaidApi(connection)


def link_item(client: PlaidApi, username: str = "user_good", products: tuple[str, ...] = (), **options: Any) -> str:
    request = SandboxPublicTokenCreateRequest(
        institution_id="ins_109508",
        initial_products=[Products(product) for product in ("transactions", *products)],
        options=SandboxPublicTokenCreateRequestOptions(
            override_username=username, override_password="pass_good", **options
        ),
    )
    public_token = client.sandbox_public_token_create(request).public_token
    return client.item_public_token_exchange(ItemPublicTokenExchangeRequest(public_token)).access_token


def token_request(**fields: Any) -> LinkTokenCreateRequest:
    return LinkTokenCreateRequest(
        client_name="Plumbline",
        language="en",
        country_codes=US,
        user=LinkTokenCreateRequestUser(client_user_id="4b2f"),
        webhook=WEBHOOK,
        **fields,
    )


def new_token_request() -> LinkTokenCreateRequest:
    return token_request(
        products=[Products("transactions")],
        additional_consented_products=[Products("liabilities")],
        transactions=LinkTokenTransactions(days_requested=730),
    )


def test_it_creates_and_describes_a_link_token(client: PlaidApi) -> None:
    made = client.link_token_create(new_token_request())
    seen = client.link_token_get(LinkTokenGetRequest(made.link_token))
    assert made.link_token.startswith("link-sandbox-")
    assert made.expiration == seen.expiration
    assert seen.metadata.webhook == WEBHOOK
    assert [str(product) for product in seen.metadata.initial_products] == ["transactions"]
    assert "link_sessions" not in seen.to_dict()


def test_it_returns_the_address_of_hosted_link(client: PlaidApi, plaid: SandboxClient) -> None:
    hosted = LinkTokenCreateHostedLink(url_lifetime_seconds=900)
    made = client.link_token_create(token_request(products=[Products("transactions")], hosted_link=hosted))
    assert made.hosted_link_url == f"{plaid.url}/link/hosted/{made.link_token}/"


def test_it_reports_the_sessions_of_a_link_token(client: PlaidApi, plaid: SandboxClient) -> None:
    token = client.link_token_create(new_token_request()).link_token
    context = plaid.context
    session = links.open_session(context, link_token=token)
    session = links.choose_institution(context, session=session, institution_id="ins_109508")
    session = links.submit_credentials(context, session=session, username="user_good", password="pass_good")
    success = links.finish(context, session=session, account_ids=[session.choices[0].id])
    walk = client.link_token_get(LinkTokenGetRequest(token)).link_sessions[0]
    added = walk.results.item_add_results[0]
    assert walk.link_session_id == session.id
    assert added.public_token == success.public_token
    assert [account.name for account in added.accounts] == ["Plaid Checking"]


def test_it_creates_a_link_token_for_update_mode(client: PlaidApi) -> None:
    made = client.link_token_create(token_request(access_token=link_item(client)))
    assert made.link_token.startswith("link-sandbox-")


def test_it_returns_an_item(client: PlaidApi) -> None:
    response = client.item_get(ItemGetRequest(link_item(client, webhook=WEBHOOK)))
    assert response.item.institution_name == "First Platypus Bank"
    assert response.item.webhook == WEBHOOK
    assert response.item.error is None
    assert [str(product) for product in response.item.billed_products] == ["transactions"]
    assert response.status.transactions.last_successful_update is not None


def test_it_returns_an_item_with_an_error(client: PlaidApi) -> None:
    access_token = link_item(client)
    assert client.sandbox_item_reset_login(SandboxItemResetLoginRequest(access_token)).reset_login
    assert client.item_get(ItemGetRequest(access_token)).item.error.error_code == "ITEM_LOGIN_REQUIRED"


def test_it_changes_a_webhook_url(client: PlaidApi) -> None:
    moved = ItemWebhookUpdateRequest(access_token=link_item(client), webhook="https://other.example/")
    assert client.item_webhook_update(moved).item.webhook == "https://other.example/"


def test_it_removes_a_webhook_url(client: PlaidApi) -> None:
    gone = ItemWebhookUpdateRequest(access_token=link_item(client, webhook=WEBHOOK), webhook=None)
    assert client.item_webhook_update(gone).item.webhook == ""


def test_it_invalidates_an_access_token(client: PlaidApi) -> None:
    old = link_item(client)
    new = client.item_access_token_invalidate(ItemAccessTokenInvalidateRequest(old)).new_access_token
    assert client.item_get(ItemGetRequest(new)).item.item_id
    with pytest.raises(sdk.ApiException, match="INVALID_ACCESS_TOKEN"):
        client.item_get(ItemGetRequest(old))


def test_it_removes_an_item(client: PlaidApi) -> None:
    access_token = link_item(client)
    assert client.item_remove(ItemRemoveRequest(access_token)).request_id
    with pytest.raises(sdk.ApiException, match="ITEM_NOT_FOUND"):
        client.item_remove(ItemRemoveRequest(access_token))


@pytest.mark.parametrize("persona", ["user_good", "user_living", "user_messy", "user_transactions_dynamic"])
def test_it_lists_accounts_of_every_persona(client: PlaidApi, persona: str) -> None:
    access_token = link_item(client, persona)
    cached = client.accounts_get(AccountsGetRequest(access_token)).accounts
    live = client.accounts_balance_get(AccountsBalanceGetRequest(access_token)).accounts
    assert [account.account_id for account in cached] == [account.account_id for account in live]
    assert cached


@pytest.mark.parametrize("persona", ["user_good", "user_living", "user_messy", "user_transactions_dynamic"])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_it_syncs_every_persona(client: PlaidApi, persona: str, version: str) -> None:
    options = TransactionsSyncRequestOptions(
        personal_finance_category_version=PersonalFinanceCategoryVersion(version), include_original_description=True
    )
    request = TransactionsSyncRequest(access_token=link_item(client, persona), count=50, options=options)
    page = client.transactions_sync(request)
    assert str(page.transactions_update_status) == "HISTORICAL_UPDATE_COMPLETE"
    assert page.added
    assert {row.account_id for row in page.added} == {account.account_id for account in page.accounts}
    categories = [row.personal_finance_category for row in page.added if row.personal_finance_category]
    assert {str(category.version) for category in categories} == {version}


def test_it_syncs_modified_and_removed_rows(client: PlaidApi) -> None:
    access_token = link_item(client, "user_transactions_dynamic")
    cursor = client.transactions_sync(TransactionsSyncRequest(access_token=access_token, count=500)).next_cursor
    client.transactions_refresh(TransactionsRefreshRequest(access_token))
    page = client.transactions_sync(TransactionsSyncRequest(access_token=access_token, cursor=cursor))
    assert (len(page.added), len(page.modified), len(page.removed)) == (7, 1, 4)


def test_it_accepts_custom_transactions(client: PlaidApi, plaid: SandboxClient) -> None:
    access_token = link_item(client, "user_transactions_dynamic")
    today = plaid.context.clock.today()
    wanted = CustomSandboxTransaction(
        date_transacted=today, date_posted=today, amount=12.34, description="Lemonade stand"
    )
    assert client.sandbox_transactions_create(SandboxTransactionsCreateRequest(access_token, [wanted])).request_id
    rows = client.transactions_sync(TransactionsSyncRequest(access_token=access_token, count=500)).added
    assert [row.amount for row in rows if row.name == "Lemonade stand"] == [12.34]


CUSTOM_LOANS = {
    "override_accounts": [
        {"type": "loan", "subtype": "auto", "starting_balance": 9000},
        {"type": "loan", "subtype": "line of credit", "starting_balance": 500, "meta": {"limit": 2000}},
    ]
}


@pytest.mark.parametrize("persona", ["user_good", "user_living", "user_messy"])
def test_it_returns_the_liabilities_of_every_persona(client: PlaidApi, persona: str) -> None:
    access_token = link_item(client, persona, ("liabilities",))
    cards = client.liabilities_get(LiabilitiesGetRequest(access_token)).liabilities.credit
    assert len(cards) == 2
    raw = client.liabilities_get(LiabilitiesGetRequest(access_token), _preload_content=False)
    assert len(loads(raw.data)["liabilities"]["credit"]) == 2


def test_it_returns_other_loans(client: PlaidApi, plaid: SandboxClient) -> None:
    made = plaid.ok(
        "/sandbox/public_token/create",
        institution_id="ins_109508",
        initial_products=["liabilities"],
        options={"override_username": "user_custom", "override_password": dumps(CUSTOM_LOANS)},
    )
    access_token = plaid.ok("/item/public_token/exchange", public_token=made["public_token"])["access_token"]
    debts = client.liabilities_get(LiabilitiesGetRequest(access_token)).liabilities
    assert (debts.credit, len(debts.loan), len(debts.line_of_credit)) == (None, 1, 1)


@pytest.mark.parametrize(("persona", "inflows", "outflows"), [("user_good", 3, 15), ("user_messy", 0, 0)])
def test_it_returns_recurring_transactions(client: PlaidApi, persona: str, inflows: int, outflows: int) -> None:
    access_token = link_item(
        client, persona, transactions=SandboxPublicTokenCreateRequestOptionsTransactions(days_requested=730)
    )
    request = TransactionsRecurringGetRequest(access_token=access_token)
    streams = client.transactions_recurring_get(request)
    assert (len(streams.inflow_streams), len(streams.outflow_streams)) == (inflows, outflows)
    raw = loads(client.transactions_recurring_get(request, _preload_content=False).data)
    assert (len(raw["inflow_streams"]), len(raw["outflow_streams"])) == (inflows, outflows)


def test_it_lists_institutions(client: PlaidApi) -> None:
    response = client.institutions_get(InstitutionsGetRequest(count=5, offset=3, country_codes=US))
    assert len(response.institutions) == 5
    assert response.total > 40


def test_it_returns_an_institution_with_all_options(client: PlaidApi) -> None:
    options = InstitutionsGetByIdRequestOptions(include_optional_metadata=True, include_status=True)
    request = InstitutionsGetByIdRequest(institution_id="ins_109508", country_codes=US, options=options)
    bank = client.institutions_get_by_id(request).institution
    assert bank.name == "First Platypus Bank"
    assert bank.logo
    assert bank.status.item_logins.status == "HEALTHY"


def test_it_searches_institutions(client: PlaidApi) -> None:
    request = InstitutionsSearchRequest(query="plat", products=[Products("transactions")], country_codes=US)
    assert client.institutions_search(request).institutions[0].name.startswith("Platypus")


def test_it_returns_a_verification_key(client: PlaidApi, plaid: SandboxClient) -> None:
    kid = signing.rotate(plaid.context)
    key = client.webhook_verification_key_get(WebhookVerificationKeyGetRequest(kid)).key
    assert (key.kid, key.alg, key.crv, key.kty, key.use, key.expired_at) == (kid, "ES256", "P-256", "EC", "sig", None)


def test_it_fires_a_webhook(client: PlaidApi) -> None:
    access_token = link_item(client, webhook="http://127.0.0.1:9/")
    request = SandboxItemFireWebhookRequest(
        access_token=access_token, webhook_code="SYNC_UPDATES_AVAILABLE", webhook_type=WebhookType("TRANSACTIONS")
    )
    assert client.sandbox_item_fire_webhook(request).webhook_fired


def test_it_marks_an_account_as_verified(client: PlaidApi) -> None:
    access_token = link_item(client)
    account_id = client.accounts_get(AccountsGetRequest(access_token)).accounts[0].account_id
    client.sandbox_item_set_verification_status(
        SandboxItemSetVerificationStatusRequest(
            access_token=access_token, account_id=account_id, verification_status="automatically_verified"
        )
    )
    account = client.accounts_get(AccountsGetRequest(access_token)).accounts[0]
    assert account.verification_status == "automatically_verified"
