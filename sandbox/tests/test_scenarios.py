"""The scenarios of an Item, as admin calls and as buttons of the console."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from sandbox.admin import scenarios
from sandbox.bank import items
from sandbox.clock import stamp
from sandbox.errors import CATALOGUE
from sandbox.tests.sandbox_client import SandboxClient, WebhookReceiver, wait_for
from sandbox.webhooks import notifications


def run_scenario(plaid: SandboxClient, linked: dict[str, str], scenario: str, **fields: Any) -> None:
    plaid.admin("POST", f"items/{linked['item_id']}/scenarios", {"scenario": scenario, **fields})


def sync(plaid: SandboxClient, linked: dict[str, str], cursor: str = "") -> dict[str, Any]:
    return plaid.ok("/transactions/sync", access_token=linked["access_token"], cursor=cursor, count=500)


def test_it_runs_every_scenario(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    linked = own_plaid.link(webhook=receiver.url)
    wait_for(receiver.codes)
    for scenario in scenarios.SCENARIOS:
        run_scenario(own_plaid, linked, scenario)
    sent = {
        (m["body"]["webhook_type"], m["body"]["webhook_code"]) for m in own_plaid.admin("GET", "outbox")["webhooks"]
    }
    assert sent >= {(kind, code) for kind, codes in notifications.WEBHOOK_CODES.items() for code in codes}


def test_it_fails_the_next_call_of_an_item_with_every_code(plaid: SandboxClient) -> None:
    linked, other = plaid.link(), plaid.link()
    for code, spec in CATALOGUE.items():
        run_scenario(plaid, linked, "next_call", code=code)
        assert plaid.ok("/item/get", access_token=other["access_token"])
        status, body = plaid.call("/item/get", access_token=linked["access_token"])
        assert (status, body["error_code"]) == (spec.status, code)
    assert plaid.ok("/accounts/get", access_token=linked["access_token"])


def test_it_makes_an_error_the_state_of_an_item(plaid: SandboxClient) -> None:
    linked = plaid.link()
    run_scenario(plaid, linked, "consent_revoked")
    error = plaid.ok("/item/get", access_token=linked["access_token"])["item"]["error"]
    assert (error["error_code"], error["error_code_reason"]) == ("ITEM_LOGIN_REQUIRED", "OAUTH_USER_REVOKED")
    run_scenario(plaid, linked, "state", code="PASSWORD_RESET_REQUIRED")
    assert plaid.expect_error("/accounts/get", access_token=linked["access_token"]) == "PASSWORD_RESET_REQUIRED"
    run_scenario(plaid, linked, "repaired")
    assert plaid.ok("/item/get", access_token=linked["access_token"])["item"]["error"] is None


def test_it_takes_a_bank_down_with_its_items_and_its_logins(own_plaid: SandboxClient) -> None:
    linked = own_plaid.link()
    run_scenario(own_plaid, linked, "bank_down")
    access = {"access_token": linked["access_token"]}
    for path in ("/accounts/get", "/accounts/balance/get", "/transactions/sync"):
        assert own_plaid.expect_error(path, **access) == "INSTITUTION_DOWN"
    bank = {"institution_id": "ins_109508"}
    refused = own_plaid.expect_error("/sandbox/public_token/create", **bank, initial_products=["transactions"])
    status = {"country_codes": ["US"], "options": {"include_status": True}}
    shown = own_plaid.ok("/institutions/get_by_id", **bank, **status)["institution"]["status"]
    assert (refused, shown["item_logins"]["status"]) == ("INSTITUTION_DOWN", "DOWN")
    assert own_plaid.ok("/item/get", **access)["item"]["error"] is None
    run_scenario(own_plaid, linked, "bank_up")
    assert own_plaid.ok("/accounts/get", **access)


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("unknown_account", {"account_id": "account-of-nobody"}),
        ("no_currency", {"iso_currency_code": None, "unofficial_currency_code": None}),
        ("unknown_enum", {"payment_channel": "carrier pigeon"}),
        ("no_amount", {"amount": None}),
        ("no_date", {"date": None}),
        ("no_id", {"transaction_id": None}),
    ],
)
def test_it_puts_an_odd_row_into_two_pages(plaid: SandboxClient, scenario: str, expected: dict[str, Any]) -> None:
    linked = plaid.link()
    cursor = sync(plaid, linked)["next_cursor"]
    run_scenario(plaid, linked, scenario)
    [row] = sync(plaid, linked, cursor)["added"]
    assert {name: row[name] for name in expected} == expected
    assert sync(plaid, linked, cursor)["added"] == [row]
    assert sync(plaid, linked, cursor)["added"] == []


def test_it_leaves_out_keys_and_lists(plaid: SandboxClient) -> None:
    linked = plaid.link()
    cursor = sync(plaid, linked)["next_cursor"]
    run_scenario(plaid, linked, "no_pending")
    assert "pending" not in sync(plaid, linked, cursor)["added"][0]
    run_scenario(plaid, linked, "null_list")
    assert sync(plaid, linked, cursor)["modified"] is None
    run_scenario(plaid, linked, "unknown_status")
    assert sync(plaid, linked, cursor)["transactions_update_status"] == "ALMOST_COMPLETE"
    run_scenario(plaid, linked, "null_accounts")
    assert plaid.ok("/accounts/get", access_token=linked["access_token"])["accounts"] is None
    other = plaid.link()
    run_scenario(plaid, other, "null_added")
    assert sync(plaid, other)["added"] is None


def test_it_removes_pending_rows_late(plaid: SandboxClient) -> None:
    linked = plaid.link()
    run_scenario(plaid, linked, "pending")
    page = sync(plaid, linked)
    [pending] = [row["transaction_id"] for row in page["added"] if row["pending"]]
    run_scenario(plaid, linked, "post_late")
    page = sync(plaid, linked, page["next_cursor"])
    assert [(row["pending_transaction_id"], page["removed"]) for row in page["added"]] == [(pending, [])]
    run_scenario(plaid, linked, "remove_late")
    page = sync(plaid, linked, page["next_cursor"])
    assert [row["transaction_id"] for row in page["removed"]] == [pending]


def test_it_announces_the_end_of_a_consent_and_then_requires_a_login(
    own_plaid: SandboxClient, receiver: WebhookReceiver
) -> None:
    linked = own_plaid.link(webhook=receiver.url)
    ends = stamp(own_plaid.context.clock.now() + timedelta(days=20))
    state = {"consent_expires_at": ends, "webhook": False}
    own_plaid.admin("POST", f"items/{linked['item_id']}/state", state)
    own_plaid.admin("POST", "clock", {"advance_days": 14})
    own_plaid.admin("POST", "clock", {"advance_days": 1})
    assert own_plaid.ok("/accounts/get", access_token=linked["access_token"])
    own_plaid.admin("POST", "clock", {"advance_days": 6})
    assert own_plaid.expect_error("/accounts/get", access_token=linked["access_token"]) == "ITEM_LOGIN_REQUIRED"
    wait_for(lambda: {"ERROR", "PENDING_DISCONNECT"} <= set(receiver.codes()))
    bodies = [message["body"] for message in own_plaid.admin("GET", "outbox")["webhooks"]]
    [notice] = [body for body in bodies if body["webhook_code"] == "PENDING_DISCONNECT"]
    [error] = [body["error"] for body in bodies if body["webhook_code"] == "ERROR"]
    assert (notice["disconnect_time"], error["error_code_reason"]) == (ends, "OAUTH_CONSENT_EXPIRED")


def test_it_offers_an_account_that_is_not_shared_yet(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    linked = own_plaid.link(webhook=receiver.url)
    run_scenario(own_plaid, linked, "offer_account")
    assert len(own_plaid.ok("/accounts/get", access_token=linked["access_token"])["accounts"]) == 12
    wait_for(lambda: "NEW_ACCOUNTS_AVAILABLE" in receiver.codes())
    offered = items.list_bank_accounts(own_plaid.context, linked["item_id"])
    shared = [account_id for account_id, _, _ in offered]
    assert [draft.name for _, draft, is_shared in offered if not is_shared] == ["Holiday Fund"]
    items.repair(own_plaid.context, item_id=linked["item_id"], account_ids=shared)
    accounts = own_plaid.ok("/accounts/get", access_token=linked["access_token"])["accounts"]
    assert (accounts[-1]["name"], accounts[-1]["balances"]["current"]) == ("Holiday Fund", 125.5)


def test_it_sends_any_webhook(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    linked = own_plaid.link(webhook=receiver.url)
    webhook = {"item_id": linked["item_id"], "webhook_type": "NEWS", "webhook_code": "SOMETHING_HAPPENED"}
    own_plaid.admin("POST", "webhooks", {"action": "fire", **webhook, "contents": {"about": "you"}, "times": 2})
    wait_for(lambda: receiver.codes().count("SOMETHING_HAPPENED") == 2)
    assert receiver.bodies()[-1]["about"] == "you"


def open_page(plaid: SandboxClient, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
    return plaid.http.request("GET", f"{plaid.url}/console/{path}", headers=headers)


def send_form(plaid: SandboxClient, path: str, form: dict[str, str], **headers: str) -> urllib3.BaseHTTPResponse:
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    return plaid.http.request(
        "POST", f"{plaid.url}/console/{path}", body=urlencode(form), headers=headers, redirect=False
    )


def test_it_has_a_button_for_every_scenario(own_plaid: SandboxClient) -> None:
    linked = own_plaid.link()
    assert f'href="items/{linked["item_id"]}/"' in open_page(own_plaid, "").data.decode()
    path = f"items/{linked['item_id']}/"
    page = open_page(own_plaid, path).data.decode()
    assert set(re.findall(r'name="scenario" value="([^"]+)"', page)) == {*scenarios.SCENARIOS, *scenarios.WITH_CODE}
    [form_token] = set(re.findall(r'name="form_token" value="([^"]+)"', page))
    response = send_form(own_plaid, path, {"form_token": form_token, "scenario": "login_required"})
    assert (response.status, response.headers["Location"]) == (303, "./?done=The%20bank%20wants%20a%20new%20login")
    assert own_plaid.expect_error("/accounts/get", access_token=linked["access_token"]) == "ITEM_LOGIN_REQUIRED"
    before = own_plaid.context.clock.now()
    assert send_form(own_plaid, "clock", {"form_token": form_token, "step": "7 days"}).status == 303
    assert own_plaid.context.clock.now() - before >= timedelta(days=7)


@pytest.mark.parametrize(
    "form", [{"scenario": "login_required"}, {"scenario": "login_required", "form_token": "guess"}]
)
def test_it_accepts_only_forms_of_its_own_pages(plaid: SandboxClient, form: dict[str, str]) -> None:
    linked = plaid.link()
    assert send_form(plaid, f"items/{linked['item_id']}/", form).status == 403
    assert plaid.ok("/accounts/get", access_token=linked["access_token"])


@pytest.mark.parametrize(
    ("host", "status"), [("evil.example", 403), ("127.0.0.1.evil.example:80", 403), ("localhost:1", 200)]
)
def test_it_shows_the_console_under_names_of_this_machine_only(plaid: SandboxClient, host: str, status: int) -> None:
    assert open_page(plaid, "", Host=host).status == status


def test_it_escapes_what_the_address_says(plaid: SandboxClient) -> None:
    assert "<script>" not in open_page(plaid, "?done=%3Cscript%3E").data.decode()
