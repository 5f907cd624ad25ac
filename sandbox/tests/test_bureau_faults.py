"""Injected faults between a site and the bureau."""

import gzip
import json
import time
from typing import Any

import pytest
import urllib3

from sandbox.tests.bureau_client import CLIENT, TOKEN, USER, BureauClient, Json, request_body
from sandbox.tests.sandbox_client import wait_for


def statuses(bureau: BureauClient, times: int = 3, persona: str = "P01") -> list[int]:
    return [bureau.request_report(request_body(persona)).status for _ in range(times)]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("invalid_token", 401, "Unauthorized"),
        ("not_allowed", 400, "76"),
        ("forbidden", 403, "03"),
        ("system", 500, "1"),
        ("unavailable", 503, "1"),
        ("timeout", 504, "2"),
        ("alert_list", 422, "1999"),
        ("rate_limit", 429, "Too Many Requests"),
    ],
)
def test_it_responds_with_an_error(bureau: BureauClient, name: str, status: int, code: str) -> None:
    bureau.add_fault({"kind": "error", "name": name})
    assert bureau.expect_error(request_body("P01")) == (status, code)
    assert bureau.request_report(request_body("P01")).status == 200


def test_it_sends_a_retry_after_header(bureau: BureauClient) -> None:
    bureau.add_fault({"kind": "error", "name": "rate_limit", "retry_after": 7})
    bureau.add_fault({"kind": "error", "name": "rate_limit"}, nth=2)
    assert [bureau.request_report(request_body("P01")).headers["Retry-After"] for _ in range(2)] == ["7", "30"]


def test_it_fires_for_one_persona_from_the_nth_call_on(bureau: BureauClient) -> None:
    fault = {"match": {"persona": "P01"}, "action": {"kind": "error", "name": "system"}, "nth": 2, "times": 2}
    bureau.admin("POST", "faults", fault)
    assert statuses(bureau, 3, "P02") == [200] * 3
    assert statuses(bureau, 5) == [200, 500, 500, 200, 200]
    (stored,) = bureau.admin("GET", "faults")["faults"]
    assert (stored["seen"], stored["fired"]) == (5, 2)


def test_it_fires_until_it_is_cancelled(bureau: BureauClient) -> None:
    bureau.add_fault({"kind": "error", "name": "unavailable"}, times=None)
    assert statuses(bureau) == [503] * 3
    assert bureau.admin("DELETE", "faults") == {"cleared": 1}
    assert statuses(bureau) == [200] * 3


def test_it_breaks_only_the_token_endpoint(bureau: BureauClient) -> None:
    bureau.add_fault({"kind": "error", "name": "account_locked"}, endpoint="token")
    assert bureau.request_report(request_body("P01")).status == 200
    response = bureau.send(TOKEN, USER, **{"Content-Type": "application/json"}, **CLIENT)
    assert (response.status, json.loads(response.data)["errors"][0]["message"]) == (401, "User account is locked")


def test_it_sends_a_token_s_lifetime_as_text(bureau: BureauClient) -> None:
    bureau.add_fault({"kind": "merge", "fields": {"expires_in": "10799", "issued_at": "0"}}, endpoint="token")
    given = bureau.login()
    assert (given["expires_in"], given["issued_at"]) == ("10799", "0")
    assert bureau.request_report(request_body("P01"), Authorization=f"Bearer {given['access_token']}").status == 200


def test_it_responds_with_html_in_place_of_json(bureau: BureauClient) -> None:
    bureau.add_fault({"kind": "malformed", "how": "html"})
    bureau.add_fault({"kind": "redirect", "location": "https://example.com/password"}, nth=2)
    bureau.add_fault({"kind": "http", "status": 502, "body": "<h1>Bad gateway</h1>"}, nth=3)
    page, moved, broken = (bureau.request_report(request_body("P01")) for _ in range(3))
    assert (page.status, page.data[:15]) == (200, b"<!doctype html>")
    assert page.headers["Content-Type"].startswith("text/html")
    assert (moved.status, moved.headers["Location"]) == (302, "https://example.com/password")
    assert (broken.status, broken.data) == (502, b"<h1>Bad gateway</h1>")


def test_it_sends_half_of_the_json_as_a_complete_response(bureau: BureauClient) -> None:
    whole = bureau.request_report(request_body("P01")).data
    bureau.add_fault({"kind": "half_json"})
    half = bureau.request_report(request_body("P01"))
    assert int(half.headers["Content-Length"]) == len(half.data) == len(whole) // 2
    with pytest.raises(json.JSONDecodeError):
        json.loads(half.data)


def test_it_sends_half_of_the_response(bureau: BureauClient) -> None:
    bureau.add_fault({"kind": "truncate"})
    with pytest.raises(urllib3.exceptions.ProtocolError, match="IncompleteRead"):
        bureau.request_report(request_body("P01"))


@pytest.mark.parametrize(
    ("how", "encoding"), [("utf-16", "utf-16"), ("latin-1", "latin-1"), ("bom", "utf-8-sig"), ("gzip", "utf-8")]
)
def test_it_sends_another_encoding(bureau: BureauClient, how: str, encoding: str) -> None:
    bureau.add_fault({"kind": "encoding", "how": how})
    response = bureau.request_report(request_body("P12"))
    read = json.loads(response.data.decode(encoding))
    assert read["creditProfile"][0]["tradeline"][2]["subscriberName"] == "CAFÉ NOIR CREDIT"
    if how != "gzip":
        with pytest.raises(ValueError, match=r"decode|BOM|Expecting"):
            json.loads(response.data.decode("utf-8"))


def test_it_compresses_a_response_without_the_header(bureau: BureauClient) -> None:
    bureau.add_fault({"kind": "encoding", "how": "gzip_unsaid"})
    response = bureau.request_report(request_body("P01"))
    assert "Content-Encoding" not in response.headers
    assert json.loads(gzip.decompress(response.data))["creditProfile"]


def test_it_sends_another_content_type(bureau: BureauClient) -> None:
    bureau.add_fault({"kind": "type", "value": "text/plain"})
    response = bureau.request_report(request_body("P01"))
    assert response.headers["Content-Type"] == "text/plain"
    assert json.loads(response.data)["creditProfile"]


@pytest.mark.parametrize(("how", "profiles"), [("none", None), ("empty", [{}])])
def test_it_sends_no_profile_or_an_empty_one(bureau: BureauClient, how: str, profiles: Any) -> None:
    bureau.add_fault({"kind": "profiles", "how": how})
    response = bureau.request_report(request_body("P01"))
    assert (response.status, json.loads(response.data).get("creditProfile")) == (200, profiles)


def test_it_sends_a_profile_twice(bureau: BureauClient) -> None:
    bureau.add_fault({"kind": "profiles", "how": "twice"})
    first, second = json.loads(bureau.request_report(request_body("P01")).data)["creditProfile"]
    assert first == second


def test_it_sends_a_very_large_response(bureau: BureauClient) -> None:
    bureau.add_fault({"kind": "big", "megabytes": 10})
    assert len(bureau.request_report(request_body("P01")).data) > 10_000_000


def test_it_damages_one_key(bureau: BureauClient) -> None:
    bureau.add_fault({"kind": "malformed", "how": "null", "key": "creditProfile.0.riskModel.0.score"})
    (profile,) = json.loads(bureau.request_report(request_body("P01")).data)["creditProfile"]
    assert profile["riskModel"][0]["score"] is None


def test_it_waits_before_it_responds(bureau: BureauClient) -> None:
    bureau.add_fault({"kind": "latency", "ms": 300})
    started = time.monotonic()
    assert bureau.request_report(request_body("P01")).status == 200
    assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize(("kind", "produced"), [("hang", False), ("hang_after", True)])
def test_it_hangs_before_or_after_the_report_was_built(own_bureau: BureauClient, kind: str, produced: bool) -> None:
    """Only the call log shows the difference."""
    own_bureau.add_fault({"kind": kind, "seconds": 1})
    own_bureau.driver.http = urllib3.PoolManager(retries=False, timeout=0.3)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        own_bureau.request_report(request_body("P01"))
    lines = wait_for(lambda: own_bureau.list_calls("?endpoint=report"))
    assert [(line["status"], line["produced"], line["faults"]) for line in lines] == [(0, produced, kind)]


def test_it_drops_a_connection_before_or_after_the_report_was_built(bureau: BureauClient) -> None:
    bureau.add_fault({"kind": "drop", "when": "before"})
    bureau.add_fault({"kind": "drop", "when": "after"}, nth=2)
    for _ in range(2):
        with pytest.raises(urllib3.exceptions.ProtocolError):
            bureau.request_report(request_body("P01"))
    assert [line["produced"] for line in bureau.list_calls("?persona=P01")] == [False, True]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"action": {"kind": "explode"}},
        {"action": {"kind": "error", "name": "no_such"}},
        {"action": {"kind": "error", "code": "INSTITUTION_DOWN"}},
        {"action": {"kind": "http"}},
        {"action": {"kind": "merge"}},
        {"action": {"kind": "encoding", "how": "morse"}},
        {"action": {"kind": "hang"}, "match": {"item_id": "x"}},
        {"action": {"kind": "hang"}, "ntimes": 3},
    ],
)
def test_it_refuses_an_invalid_fault(bureau: BureauClient, wrong: Json) -> None:
    headers = {"Authorization": f"Bearer {bureau.driver.context.admin_token}"}
    response = bureau.send("/_double/bureau/faults", wrong, **headers)
    assert response.status == 400
    assert json.loads(response.data)["error_code"] in ("INVALID_FIELD", "MISSING_FIELDS", "UNKNOWN_FIELDS")


def test_it_does_not_affect_the_banks(bureau: BureauClient) -> None:
    bureau.admin("POST", "faults", {"action": {"kind": "error", "name": "system"}, "times": None})
    fields = {"institution_id": "ins_109508", "initial_products": ["transactions"]}
    assert bureau.driver.ok("/sandbox/public_token/create", **fields)["public_token"]
