import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import urllib3

from sandbox.tests.sandbox_client import CLIENT_ID, SECRET, SandboxClient

HEADERS = {"Content-Type": "application/json", "PLAID-CLIENT-ID": CLIENT_ID, "PLAID-SECRET": SECRET}


def add_fault(plaid: SandboxClient, action: dict[str, Any], path: str = "/item/get", **rest: Any) -> None:
    plaid.admin("POST", "faults", {"match": {"path": path}, "action": action, **rest})


def raw(plaid: SandboxClient, path: str, **fields: Any) -> urllib3.BaseHTTPResponse:
    return plaid.http.request("POST", plaid.url + path, body=json.dumps(fields), headers=HEADERS, redirect=False)


@pytest.fixture
def access(own_plaid: SandboxClient) -> dict[str, str]:
    return {"access_token": own_plaid.link()["access_token"]}


def test_it_responds_with_an_error_of_plaid(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    add_fault(own_plaid, {"kind": "error", "code": "PLANNED_MAINTENANCE"})
    status, body = own_plaid.call("/item/get", access)
    assert (status, body["error_type"]) == (503, "API_ERROR")
    assert own_plaid.ok("/item/get", **access)


def test_it_responds_with_any_status_and_body(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    action = {"kind": "http", "status": 502, "body": "<h1>Bad gateway</h1>", "headers": {"Retry-After": "7"}}
    add_fault(own_plaid, action)
    response = raw(own_plaid, "/item/get", **access)
    assert (response.status, response.data, response.headers["Retry-After"]) == (502, b"<h1>Bad gateway</h1>", "7")


def test_it_waits_before_it_responds(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    add_fault(own_plaid, {"kind": "latency", "ms": 300})
    started = time.monotonic()
    own_plaid.ok("/item/get", **access)
    assert time.monotonic() - started >= 0.3


def test_it_hangs_until_the_client_times_out(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    add_fault(own_plaid, {"kind": "hang", "seconds": 60})
    with (
        urllib3.PoolManager(retries=False, timeout=0.3) as hasty,
        pytest.raises(urllib3.exceptions.ReadTimeoutError),
    ):
        hasty.request("POST", own_plaid.url + "/item/get", body=json.dumps(access), headers=HEADERS)


def test_it_drops_a_connection_before_the_endpoint_has_run(own_plaid: SandboxClient) -> None:
    linked = own_plaid.link()
    add_fault(own_plaid, {"kind": "drop", "when": "before"}, "/item/remove")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        raw(own_plaid, "/item/remove", access_token=linked["access_token"])
    assert own_plaid.ok("/item/remove", access_token=linked["access_token"])


def test_it_drops_a_connection_after_the_endpoint_has_run(own_plaid: SandboxClient) -> None:
    linked = own_plaid.link()
    add_fault(own_plaid, {"kind": "drop", "when": "after"}, "/item/remove")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        raw(own_plaid, "/item/remove", access_token=linked["access_token"])
    assert own_plaid.expect_error("/item/remove", access_token=linked["access_token"]) == "ITEM_NOT_FOUND"
    lines = own_plaid.admin("GET", "requests?path=/item/remove")["requests"]
    assert [(line["status"], line["faults"]) for line in lines] == [(0, "drop"), (400, "")]


def test_it_loses_the_response_to_an_exchange(own_plaid: SandboxClient) -> None:
    made = own_plaid.ok("/sandbox/public_token/create", institution_id="ins_109508", initial_products=["transactions"])
    add_fault(own_plaid, {"kind": "drop", "when": "after"}, "/item/public_token/exchange")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        raw(own_plaid, "/item/public_token/exchange", public_token=made["public_token"])
    again = own_plaid.expect_error("/item/public_token/exchange", public_token=made["public_token"])
    assert again == "INVALID_PUBLIC_TOKEN"
    assert len(own_plaid.admin("GET", "items")["items"]) == 1


def test_it_sends_half_of_a_response(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    add_fault(own_plaid, {"kind": "truncate"})
    with pytest.raises(urllib3.exceptions.ProtocolError, match="IncompleteRead"):
        raw(own_plaid, "/item/get", **access)


def test_it_redirects(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    add_fault(own_plaid, {"kind": "redirect", "location": "http://127.0.0.1:9/"})
    response = raw(own_plaid, "/item/get", **access)
    assert (response.status, response.headers["Location"]) == (302, "http://127.0.0.1:9/")


@pytest.mark.parametrize(
    ("how", "key", "check"),
    [
        ("missing", "item.item_id", lambda body: "item_id" not in body["item"]),
        ("null", "item.item_id", lambda body: body["item"]["item_id"] is None),
        ("null", "item.products.0", lambda body: body["item"]["products"] == [None]),
    ],
)
def test_it_damages_a_key_of_the_response(
    own_plaid: SandboxClient, access: dict[str, str], how: str, key: str, check: Any
) -> None:
    add_fault(own_plaid, {"kind": "malformed", "how": how, "key": key})
    assert check(own_plaid.ok("/item/get", **access))


def test_it_responds_200_with_invalid_json(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    add_fault(own_plaid, {"kind": "malformed", "how": "html"})
    add_fault(own_plaid, {"kind": "malformed", "how": "empty"}, nth=2)
    assert raw(own_plaid, "/item/get", **access).data.startswith(b"<!doctype html>")
    assert raw(own_plaid, "/item/get", **access).data == b""


def test_it_replaces_an_amount_by_nan(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    add_fault(own_plaid, {"kind": "malformed", "how": "nan", "key": "added.0.amount"}, "/transactions/sync")
    assert b'"amount": NaN' in raw(own_plaid, "/transactions/sync", **access).data


def test_it_injects_a_mutation_between_pages(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    add_fault(
        own_plaid,
        {"kind": "error", "code": "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION"},
        "/transactions/sync",
        nth=2,
    )
    cursor = own_plaid.ok("/transactions/sync", **access, count=1)["next_cursor"]
    code = own_plaid.expect_error("/transactions/sync", **access, count=1, cursor=cursor)
    assert code == "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION"
    assert own_plaid.ok("/transactions/sync", **access, count=1, cursor=cursor)["added"]


def test_it_fires_from_the_nth_call_on_the_given_number_of_times(
    own_plaid: SandboxClient, access: dict[str, str]
) -> None:
    add_fault(own_plaid, {"kind": "error", "code": "INTERNAL_SERVER_ERROR"}, nth=3, times=2)
    assert [own_plaid.call("/item/get", access)[0] for _ in range(6)] == [200, 200, 500, 500, 200, 200]


def test_it_fires_until_it_is_deleted_without_a_limit(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    add_fault(own_plaid, {"kind": "error", "code": "INTERNAL_SERVER_ERROR"}, times=None)
    assert {own_plaid.call("/item/get", access)[0] for _ in range(5)} == {500}
    assert own_plaid.admin("GET", "faults")["faults"][0]["fired"] == 5
    own_plaid.admin("DELETE", "faults")
    assert own_plaid.ok("/item/get", **access)


def test_it_fires_for_one_item_or_one_bank_only(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    other = own_plaid.link()
    own_plaid.admin(
        "POST",
        "faults",
        {"match": {"item_id": other["item_id"]}, "action": {"kind": "error", "code": "ITEM_LOGIN_REQUIRED"}},
    )
    assert own_plaid.ok("/accounts/get", **access)
    assert own_plaid.expect_error("/accounts/get", access_token=other["access_token"]) == "ITEM_LOGIN_REQUIRED"
    down = {"match": {"institution_id": "ins_109508"}, "action": {"kind": "error", "code": "INSTITUTION_DOWN"}}
    own_plaid.admin("POST", "faults", down)
    assert own_plaid.expect_error("/accounts/get", **access) == "INSTITUTION_DOWN"


def test_it_fires_at_random_and_the_same_in_every_run(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    add_fault(own_plaid, {"kind": "error", "code": "INTERNAL_SERVER_ERROR"}, times=None, probability=0.5)
    first = [own_plaid.call("/item/get", access)[0] for _ in range(30)]
    own_plaid.admin("DELETE", "faults")
    add_fault(own_plaid, {"kind": "error", "code": "INTERNAL_SERVER_ERROR"}, times=None, probability=0.5)
    assert [own_plaid.call("/item/get", access)[0] for _ in range(30)] == first
    assert 5 < first.count(500) < 25


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"action": {"kind": "explode"}},
        {"action": {"kind": "error", "code": "NO_SUCH"}},
        {"action": {"kind": "http"}},
        {"action": {"kind": "malformed", "how": "badly"}},
        {"action": {"kind": "hang"}, "match": {"paht": "/item/get"}},
        {"action": {"kind": "hang"}, "ntimes": 3},
        {"action": {"kind": "replace"}},
        {"action": {"kind": "replace", "set": [1]}},
        {"action": {"kind": "replace", "page": "text"}},
        {"action": {"kind": []}},
        {"action": {"kind": "error", "code": ["INTERNAL_SERVER_ERROR"]}},
        {"action": {"kind": "error", "code": "INTERNAL_SERVER_ERROR", "status": -1}},
        {"action": {"kind": "http", "status": "x"}},
        {"action": {"kind": "http", "status": 200, "headers": {"Retry-After": 7}}},
        {"action": {"kind": "latency", "ms": None}},
        {"action": {"kind": "hang", "seconds": "x"}},
        {"action": {"kind": "hang"}, "match": True},
        {"action": {"kind": "hang"}, "nth": "1"},
        {"action": {"kind": "hang"}, "times": ""},
        {"action": {"kind": "hang"}, "probability": []},
    ],
)
def test_it_refuses_an_invalid_fault(own_plaid: SandboxClient, wrong: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {own_plaid.context.admin_token}"}
    url = own_plaid.url + "/_double/faults"
    response = own_plaid.http.request("POST", url, body=json.dumps(wrong), headers=headers)
    assert response.status == 400
    assert json.loads(response.data)["error_code"] in ("INVALID_FIELD", "MISSING_FIELDS", "UNKNOWN_FIELDS")


# --- Another page -------------------------------------------------------------------------------------------


def sync(plaid: SandboxClient, access: dict[str, str], **fields: Any) -> dict[str, Any]:
    return plaid.ok("/transactions/sync", **access, **fields)


def test_it_replaces_values_in_a_page(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    true = sync(own_plaid, access)
    values = {
        "added.0.account_id": "of-nobody",
        "added.1.iso_currency_code": "ZZZ",
        "added.2.amount": 0.1,
        "added.2.new": [1],
        "has_more": True,
    }
    add_fault(own_plaid, {"kind": "replace", "set": values}, "/transactions/sync")
    page = sync(own_plaid, access)
    assert (page["added"][0]["account_id"], page["added"][1]["iso_currency_code"]) == ("of-nobody", "ZZZ")
    assert (page["added"][2]["amount"], page["added"][2]["new"], page["has_more"]) == (0.1, [1], True)
    assert page["added"][3:] == true["added"][3:]
    assert sync(own_plaid, access)["added"] == true["added"]


def test_it_changes_every_row_of_a_page_and_adds_one(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    values = {"added.*.iso_currency_code": None, "removed.-": {"transaction_id": "t", "account_id": "a"}}
    add_fault(own_plaid, {"kind": "replace", "set": values}, "/transactions/sync")
    page = sync(own_plaid, access)
    assert page["added"]
    assert {row["iso_currency_code"] for row in page["added"]} == {None}
    assert page["removed"] == [{"transaction_id": "t", "account_id": "a"}]


def test_it_replaces_the_nth_page_as_a_whole(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    body = {"added": None, "next_cursor": "", "has_more": False}
    add_fault(own_plaid, {"kind": "replace", "page": body}, "/transactions/sync", nth=2)
    first = sync(own_plaid, access, count=5)
    second = sync(own_plaid, access, count=5, cursor=first["next_cursor"])
    assert second == {**body, "request_id": second["request_id"]}
    assert len(sync(own_plaid, access, count=5, cursor=first["next_cursor"])["added"]) == 5


def test_it_sends_a_reader_in_a_loop(own_plaid: SandboxClient, access: dict[str, str]) -> None:
    first = sync(own_plaid, access, count=5)["next_cursor"]
    circle = {"kind": "replace", "set": {"next_cursor": first, "has_more": True}}
    add_fault(own_plaid, circle, "/transactions/sync", nth=2, times=None)
    second = sync(own_plaid, access, count=5, cursor=first)["next_cursor"]
    assert second != first
    for _ in range(3):
        assert sync(own_plaid, access, count=5, cursor=second)["next_cursor"] == first


def test_it_replaces_nothing_in_an_error_response(own_plaid: SandboxClient) -> None:
    add_fault(own_plaid, {"kind": "replace", "set": {"item.error": None}})
    assert own_plaid.expect_error("/item/get", access_token="access-sandbox-none") == "INVALID_ACCESS_TOKEN"


def test_it_fires_the_given_number_of_times_in_concurrent_calls(
    own_plaid: SandboxClient, access: dict[str, str]
) -> None:
    add_fault(own_plaid, {"kind": "replace", "set": {"item.webhook": "spoilt"}}, nth=3, times=5)
    with ThreadPoolExecutor(8) as pool:
        shown = list(pool.map(lambda _: own_plaid.ok("/item/get", **access)["item"]["webhook"], range(40)))
    assert shown.count("spoilt") == 5


@pytest.mark.parametrize(
    "path", ["added.9999.amount", f"added.{'9' * 5000}.amount", "nothing.here", "added.x.amount", "has_more.*.x.y"]
)
def test_it_names_the_path_that_a_page_does_not_have(
    own_plaid: SandboxClient, access: dict[str, str], path: str
) -> None:
    add_fault(own_plaid, {"kind": "replace", "set": {path: 1}}, "/transactions/sync")
    status, body = own_plaid.call("/transactions/sync", access)
    assert (status, body["error_code"]) == (400, "INVALID_FIELD")
    assert "the response has no" in body["error_message"]
