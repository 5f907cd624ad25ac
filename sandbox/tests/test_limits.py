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
