"""The checks of every call before its endpoint runs."""

import json
from typing import Any

import pytest

from sandbox.tests.sandbox_client import CLIENT_ID, SECRET, SandboxClient

KEYS = {"PLAID-CLIENT-ID": CLIENT_ID, "PLAID-SECRET": SECRET}
LINK = {
    "client_name": "Plumbline",
    "language": "en",
    "country_codes": ["US"],
    "user": {"client_user_id": "1"},
    "products": ["transactions"],
}


def raw(
    plaid: SandboxClient, path: str, body: str, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": "application/json", **(KEYS if headers is None else headers)}
    response = plaid.http.request("POST", plaid.url + path, body=body, headers=headers)
    return response.status, json.loads(response.data)


def test_it_accepts_keys_in_the_headers_or_in_the_body(plaid: SandboxClient) -> None:
    fields = {"institution_id": "ins_109508", "country_codes": ["US"]}
    assert raw(plaid, "/institutions/get_by_id", json.dumps(fields))[0] == 200
    with_keys = json.dumps({**fields, "client_id": CLIENT_ID, "secret": SECRET})
    assert raw(plaid, "/institutions/get_by_id", with_keys, {})[0] == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"PLAID-CLIENT-ID": CLIENT_ID, "PLAID-SECRET": "wrong"}, "INVALID_API_KEYS"),
        ({"PLAID-CLIENT-ID": "wrong-client-id", "PLAID-SECRET": SECRET}, "INVALID_API_KEYS"),
        ({"PLAID-CLIENT-ID": "x", "PLAID-SECRET": SECRET}, "INVALID_FIELD"),
        ({"PLAID-CLIENT-ID": CLIENT_ID}, "MISSING_FIELDS"),
        ({}, "MISSING_FIELDS"),
    ],
)
def test_it_refuses_wrong_keys_with_400(plaid: SandboxClient, headers: dict[str, str], code: str) -> None:
    status, body = raw(plaid, "/item/get", '{"access_token": "access-sandbox-1"}', headers)
    assert (status, body["error_code"]) == (400, code)


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "7", "null", '{"count": NaN}', "\ud800".encode("utf-8", "replace").decode()]
)
def test_it_refuses_a_body_that_is_not_an_object(plaid: SandboxClient, body: str) -> None:
    status, response = raw(plaid, "/institutions/get", body)
    assert (status, response["error_code"]) == (400, "INVALID_BODY")


@pytest.mark.parametrize("path", ["/nowhere", "/investments/holdings/get", "/item/get/", "/item//get", "/"])
def test_it_refuses_other_paths(plaid: SandboxClient, path: str) -> None:
    status, body = raw(plaid, path, "{}")
    assert (status, body["error_type"], body["error_code"]) == (404, "INVALID_REQUEST", "NOT_FOUND")


def test_it_accepts_post_requests_only(plaid: SandboxClient) -> None:
    response = plaid.http.request("GET", plaid.url + "/item/get")
    assert (response.status, json.loads(response.data)["error_code"]) == (404, "NOT_FOUND")


def test_it_gives_every_response_its_own_request_id(plaid: SandboxClient) -> None:
    responses = [plaid.ok("/link/token/create", **LINK), plaid.call("/item/get")[1], plaid.call("/nowhere")[1]]
    assert len({response["request_id"] for response in responses}) == 3
    assert {len(response["request_id"]) for response in responses} == {15}


@pytest.mark.parametrize("field", ["client_name", "language", "country_codes", "user", "products"])
def test_it_names_a_missing_field(plaid: SandboxClient, field: str) -> None:
    status, body = plaid.call("/link/token/create", {name: value for name, value in LINK.items() if name != field})
    assert (status, body["error_code"]) == (400, "MISSING_FIELDS")
    assert field in body["error_message"]


@pytest.mark.parametrize(
    ("path", "fields", "name"),
    [
        ("/link/token/create", {**LINK, "client_nme": "x"}, "client_nme"),
        ("/link/token/create", {**LINK, "user": {"client_user_id": "1", "nick": "x"}}, "user.nick"),
        ("/link/token/create", {**LINK, "transactions": {"days": 3}}, "transactions.days"),
        ("/transactions/sync", {"access_token": "x", "options": {"pfc": True}}, "options.pfc"),
    ],
)
def test_it_names_an_unknown_field(plaid: SandboxClient, path: str, fields: dict[str, Any], name: str) -> None:
    status, body = plaid.call(path, fields)
    assert (status, body["error_code"]) == (400, "UNKNOWN_FIELDS")
    assert name in body["error_message"]


@pytest.mark.parametrize(
    ("path", "fields", "name"),
    [
        ("/link/token/create", {**LINK, "client_name": "x" * 31}, "client_name"),
        ("/link/token/create", {**LINK, "client_name": ""}, "client_name"),
        ("/link/token/create", {**LINK, "client_name": 7}, "client_name"),
        ("/link/token/create", {**LINK, "country_codes": []}, "country_codes"),
        ("/link/token/create", {**LINK, "country_codes": ["XX"]}, "country_codes"),
        ("/link/token/create", {**LINK, "language": "xx"}, "language"),
        ("/link/token/create", {**LINK, "transactions": {"days_requested": 731}}, "transactions.days_requested"),
        ("/link/token/create", {**LINK, "transactions": {"days_requested": 0}}, "transactions.days_requested"),
        ("/link/token/create", {**LINK, "webhook": "http://site.example/"}, "webhook"),
        ("/link/token/create", {**LINK, "redirect_uri": "https://site.example/?a=1"}, "redirect_uri"),
        ("/link/token/create", {**LINK, "redirect_uri": "http://site.example/"}, "redirect_uri"),
        ("/link/token/create", {**LINK, "optional_products": ["transactions"]}, "product"),
        ("/transactions/sync", {"access_token": "x", "count": 0}, "count"),
        ("/transactions/sync", {"access_token": "x", "count": 501}, "count"),
        ("/transactions/sync", {"access_token": "x", "count": True}, "count"),
        ("/transactions/sync", {"access_token": "x", "count": 1.5}, "count"),
        ("/transactions/sync", {"access_token": "x", "cursor": None}, "cursor"),
        ("/accounts/get", {"access_token": "x", "options": {"account_ids": "abc"}}, "options.account_ids"),
        ("/accounts/get", {"access_token": "x", "options": []}, "options"),
        ("/accounts/balance/get", {"access_token": "x", "options": {"min_last_updated_datetime": "soon"}}, "min_last"),
        ("/item/remove", {"access_token": "x", "reason_code": "BORED"}, "reason_code"),
    ],
)
def test_it_names_a_field_with_an_invalid_value(
    plaid: SandboxClient, path: str, fields: dict[str, Any], name: str
) -> None:
    status, body = plaid.call(path, fields)
    assert (status, body["error_code"]) == (400, "INVALID_FIELD")
    assert name in body["error_message"]


@pytest.mark.parametrize("product", ["balance", "recurring_transactions", "income_verification"])
def test_it_refuses_a_product_that_link_cannot_start_with(plaid: SandboxClient, product: str) -> None:
    assert plaid.expect_error("/link/token/create", **{**LINK, "products": [product]}) == "INVALID_PRODUCT"


def test_it_refuses_products_in_update_mode(plaid: SandboxClient) -> None:
    access_token = plaid.link()["access_token"]
    assert plaid.expect_error("/link/token/create", **LINK, access_token=access_token) == "INVALID_FIELD"


@pytest.mark.parametrize(
    ("token", "code"),
    [("access-production-1", "INVALID_ACCESS_TOKEN"), ("access-sandbox-1", "INVALID_ACCESS_TOKEN")],
)
def test_it_refuses_an_unknown_access_token(plaid: SandboxClient, token: str, code: str) -> None:
    for path in ("/item/get", "/item/remove", "/accounts/get", "/transactions/sync", "/item/access_token/invalidate"):
        assert plaid.expect_error(path, access_token=token) == code


def test_it_logs_calls_without_tokens_or_bodies(own_plaid: SandboxClient) -> None:
    linked = own_plaid.link()
    own_plaid.ok("/item/get", access_token=linked["access_token"])
    own_plaid.expect_error("/item/get", access_token="access-sandbox-nobody")
    lines = own_plaid.admin("GET", "requests?path=/item/get")["requests"]
    assert [(line["status"], line["error_code"], line["item_id"]) for line in lines] == [
        (200, "", linked["item_id"]),
        (400, "INVALID_ACCESS_TOKEN", ""),
    ]
    assert "access-sandbox" not in json.dumps(own_plaid.admin("GET", "requests"))


def test_it_passes_the_health_check(plaid: SandboxClient) -> None:
    response = plaid.http.request("GET", plaid.url + "/healthz")
    assert (response.status, json.loads(response.data)) == (200, {"status": "ok"})


def test_it_refuses_admin_calls_without_the_token(plaid: SandboxClient) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}):
        response = plaid.http.request("POST", plaid.url + "/_double/reset", headers=headers)
        assert (response.status, json.loads(response.data)["error_code"]) == (400, "UNAUTHORIZED_ROUTE_ACCESS")
