import pytest

from sandbox.tests.sandbox_client import SandboxClient


@pytest.fixture
def access(own_plaid: SandboxClient) -> dict[str, str]:
    return {"access_token": own_plaid.link("user_transactions_dynamic")["access_token"]}


def test_it_limits_nothing_by_default(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    assert {own_plaid.call("/transactions/refresh", access)[0] for _ in range(4)} == {200}


def test_it_limits_each_item_with_the_endpoint_s_error_code(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    other = {"access_token": own_plaid.link("user_transactions_dynamic")["access_token"]}
    own_plaid.admin("POST", "limits", {"table": "production"})
    assert [own_plaid.call("/transactions/refresh", access)[0] for _ in range(3)] == [200, 200, 429]
    assert own_plaid.expect_error("/transactions/refresh", **access) == "TRANSACTIONS_REFRESH_LIMIT"
    assert own_plaid.ok("/transactions/refresh", **other)


def test_it_limits_the_whole_client(own_plaid: SandboxClient) -> None:
    fields = {"institution_id": "ins_43", "country_codes": ["CA"]}
    limit = {"/institutions/get_by_id": {"per_client": 2}}
    own_plaid.admin("POST", "limits", {"table": "off", "overrides": limit})
    assert [own_plaid.call("/institutions/get_by_id", fields)[0] for _ in range(3)] == [200, 200, 429]
    assert own_plaid.expect_error("/institutions/get_by_id", **fields) == "INSTITUTIONS_GET_BY_ID_LIMIT"


def test_it_counts_only_the_calls_of_the_last_minute(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    own_plaid.admin("POST", "limits", {"table": "off", "overrides": {"/item/get": {"per_item": 1}}})
    assert [own_plaid.call("/item/get", access)[0] for _ in range(2)] == [200, 429]
    own_plaid.admin("POST", "clock", {"advance_seconds": 61})
    assert own_plaid.ok("/item/get", **access)


PUBLISHED = {
    "sandbox": {
        "/transactions/sync": (50, 1_000),
        "/transactions/refresh": (2, 100),
        "/transactions/recurring/get": (20, 1_000),
        "/accounts/get": (100, 5_000),
        "/accounts/balance/get": (25, 100),
        "/item/get": (40, 5_000),
        "/item/remove": (100, 500),
        "/liabilities/get": (10, 1_000),
        "/institutions/get": (None, 10),
        "/institutions/get_by_id": (None, 400),
        "/sandbox/transactions/create": (2, 50),
    },
    "production": {
        "/transactions/sync": (50, 2_500),
        "/transactions/refresh": (2, 100),
        "/transactions/recurring/get": (20, 1_000),
        "/accounts/get": (15, 15_000),
        "/accounts/balance/get": (5, 1_200),
        "/item/get": (15, 5_000),
        "/item/remove": (30, 2_000),
        "/liabilities/get": (15, 1_000),
        "/institutions/get": (None, 50),
        "/institutions/get_by_id": (None, 400),
    },
}


@pytest.mark.parametrize("table", PUBLISHED)
def test_it_has_the_published_limits(own_plaid: SandboxClient, table: str) -> None:
    limits = own_plaid.admin("POST", "limits", {"table": table})["limits"]
    assert {path: (limit["per_item"], limit["per_client"]) for path, limit in limits.items()} == PUBLISHED[table]


@pytest.mark.parametrize(
    ("path", "item_code", "client_code"),
    [
        ("/accounts/balance/get", "BALANCE_LIMIT", "ACCOUNTS_BALANCE_GET_LIMIT"),
        ("/accounts/get", "ACCOUNTS_LIMIT", "RATE_LIMIT"),
        ("/liabilities/get", "RATE_LIMIT", "RATE_LIMIT"),
        ("/transactions/recurring/get", "RATE_LIMIT", "RATE_LIMIT"),
        ("/transactions/sync", "TRANSACTIONS_SYNC_LIMIT", "RATE_LIMIT"),
    ],
)
def test_it_has_the_code_of_the_endpoint_and_of_what_is_limited(
    own_plaid: SandboxClient, access: dict[str, str], path: str, item_code: str, client_code: str
) -> None:
    for limit, code in ({"per_item": 0}, item_code), ({"per_client": 0}, client_code):
        own_plaid.admin("POST", "limits", {"overrides": {path: limit}})
        assert own_plaid.expect_error(path, **access) == code
