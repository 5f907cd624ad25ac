"""The admin endpoints."""

import json
from datetime import timedelta
from typing import Any

import pytest

from sandbox.bank import items
from sandbox.tests.sandbox_client import SandboxClient, WebhookReceiver, wait_for


@pytest.fixture
def linked_item(plaid: SandboxClient) -> dict[str, str]:
    return plaid.link("user_living", transactions={"days_requested": 730})


def mutate(plaid: SandboxClient, linked_item: dict[str, str], **mutation: Any) -> dict[str, Any]:
    return plaid.admin("POST", f"items/{linked_item['item_id']}/mutate", mutation)


def admin_error(plaid: SandboxClient, path: str, body: Any) -> str:
    headers = {"Authorization": f"Bearer {plaid.context.admin_token}"}
    response = plaid.http.request("POST", f"{plaid.url}/_double/{path}", body=json.dumps(body), headers=headers)
    assert response.status >= 400
    return json.loads(response.data)["error_code"]


def test_it_adds_changes_and_removes_transactions(plaid: SandboxClient, linked_item: dict[str, str]) -> None:
    rows, cursor = plaid.sync(linked_item["access_token"])
    first, second, *_ = (key for key, row in rows.items() if not row["pending"])
    new = mutate(
        plaid,
        linked_item,
        add=[{"amount": "19.99", "name": "Night Owl Books", "merchant_name": "Night Owl Books"}],
        modify=[{"transaction_id": first, "name": "Renamed", "category": "TRAVEL_FLIGHTS"}],
        remove=[second],
    )["added"][0]
    page = plaid.ok("/transactions/sync", access_token=linked_item["access_token"], cursor=cursor)
    assert [(row["transaction_id"], row["amount"]) for row in page["added"]] == [(new, 19.99)]
    assert [row["name"] for row in page["modified"]] == ["Renamed"]
    assert page["modified"][0]["personal_finance_category"]["primary"] == "TRAVEL"
    assert [gone["transaction_id"] for gone in page["removed"]] == [second]


def test_it_posts_pending_transactions(plaid: SandboxClient, linked_item: dict[str, str]) -> None:
    pending = mutate(plaid, linked_item, add=[{"amount": 5, "name": "Tea", "pending": True}])["added"][0]
    _, cursor = plaid.sync(linked_item["access_token"])
    mutate(plaid, linked_item, post_pending=[pending])
    page = plaid.ok("/transactions/sync", access_token=linked_item["access_token"], cursor=cursor)
    assert [(row["pending"], row["pending_transaction_id"]) for row in page["added"]] == [(False, pending)]
    assert [gone["transaction_id"] for gone in page["removed"]] == [pending]


def test_it_refuses_the_next_page_after_a_mutation(plaid: SandboxClient, linked_item: dict[str, str]) -> None:
    page = plaid.ok("/transactions/sync", access_token=linked_item["access_token"], count=10)
    mutate(plaid, linked_item, add=[{"amount": 1, "name": "Gum"}])
    body = {"access_token": linked_item["access_token"], "cursor": page["next_cursor"], "count": 10}
    assert plaid.expect_error("/transactions/sync", **body) == "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION"


def test_it_opens_and_closes_accounts(plaid: SandboxClient, linked_item: dict[str, str]) -> None:
    shown = plaid.ok("/accounts/get", access_token=linked_item["access_token"])["accounts"]
    new_account = {"name": "Holiday Fund", "type": "depository", "subtype": "savings", "current": 12.5}
    mutate(plaid, linked_item, new_account=new_account, close_account=shown[0]["account_id"])
    after = plaid.ok("/accounts/get", access_token=linked_item["access_token"])["accounts"]
    assert [account["name"] for account in after] == [a["name"] for a in shown[1:]] + ["Holiday Fund"]
    assert after[-1]["balances"]["current"] == 12.5


def test_it_replaces_the_ids_of_all_accounts_and_transactions(
    plaid: SandboxClient, linked_item: dict[str, str]
) -> None:
    before, cursor = plaid.sync(linked_item["access_token"])
    old = plaid.ledger(linked_item["item_id"])
    mutate(plaid, linked_item, rotate_account_ids=True)
    new = plaid.ledger(linked_item["item_id"])
    assert [a["balances"] for a in new["accounts"]] == [a["balances"] for a in old["accounts"]]
    assert sorted(r["amount"] for r in new["transactions"]) == sorted(r["amount"] for r in old["transactions"])
    assert not {a["account_id"] for a in new["accounts"]} & {a["account_id"] for a in old["accounts"]}
    news, _ = plaid.sync(linked_item["access_token"], cursor)
    assert not news.keys() & before.keys()
    assert news.keys() == {row["transaction_id"] for row in new["transactions"]}


@pytest.mark.parametrize(
    ("mutation", "code"),
    [
        ({"ad": []}, "UNKNOWN_FIELDS"),
        ({"add": [{"amount": 1}]}, "MISSING_FIELDS"),
        ({"add": [{"amount": 1, "name": "x", "colour": "red"}]}, "UNKNOWN_FIELDS"),
        ({"add": [{"amount": 1, "name": "x", "account_id": "nobodys"}]}, "INVALID_ACCOUNT_ID"),
        ({"add": [{"amount": "much", "name": "x"}]}, "INVALID_FIELD"),
        ({"add": [{"amount": 1, "name": "x", "category": "LUCK_GOOD"}]}, "INVALID_FIELD"),
        ({"modify": [{"transaction_id": "nobodys"}]}, "INVALID_FIELD"),
        ({"remove": ["nobodys"]}, "INVALID_FIELD"),
        ({"new_account": {"name": "x"}}, "MISSING_FIELDS"),
        ({"add": [{"amount": "NaN", "name": "x"}]}, "INVALID_FIELD"),
        ({"add": [{"amount": 1, "name": None}]}, "INVALID_FIELD"),
        ({"add": [{"amount": 1, "name": "x", "date": "2026-13-45"}]}, "INVALID_FIELD"),
        ({"add": {"amount": 1, "name": "x"}}, "INVALID_FIELD"),
        ({"balances": {"of-one": 5}}, "INVALID_FIELD"),
        ({"new_account": {"name": "x", "type": "depository", "subtype": "savings", "mask": 1234}}, "INVALID_FIELD"),
        ({"close_account": "nobodys"}, "INVALID_ACCOUNT_ID"),
        ({"add": [{"amount": 1, "name": "x"}], "balances": {"nobodys": {}}}, "INVALID_ACCOUNT_ID"),
    ],
)
def test_it_changes_nothing_when_it_refuses_a_mutation(
    plaid: SandboxClient, linked_item: dict[str, str], mutation: dict[str, Any], code: str
) -> None:
    before = plaid.ledger(linked_item["item_id"])
    assert admin_error(plaid, f"items/{linked_item['item_id']}/mutate", mutation) == code
    assert plaid.ledger(linked_item["item_id"]) == before


def test_it_adds_a_row_with_a_future_date_as_pending(plaid: SandboxClient, linked_item: dict[str, str]) -> None:
    ahead = (plaid.context.clock.today() + timedelta(days=2)).isoformat()
    today = plaid.context.clock.today().isoformat()
    dates = ({"date": ahead}, {"date": ahead, "pending": False}, {"date": today}, {})
    added = mutate(plaid, linked_item, add=[{"amount": 1, "name": "Gum", **columns} for columns in dates])["added"]
    rows, _ = plaid.sync(linked_item["access_token"])
    assert [rows[key]["pending"] for key in added] == [True, False, False, False]


def test_it_lets_stored_data_be_read_in_spite_of_an_error(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    linked = own_plaid.link(webhook=receiver.url)
    token = {"access_token": linked["access_token"]}
    path = f"items/{linked['item_id']}/state"
    own_plaid.admin("POST", path, {"error": "ITEM_LOGIN_REQUIRED", "streams": True})
    wait_for(lambda: "ERROR" in receiver.codes())
    assert own_plaid.ok("/item/get", **token)["item"]["error"]["error_code"] == "ITEM_LOGIN_REQUIRED"
    assert own_plaid.ok("/accounts/get", **token)["item"]["error"]["error_code"] == "ITEM_LOGIN_REQUIRED"
    assert own_plaid.ok("/transactions/sync", **token)["added"]
    for asks_the_bank in ("/transactions/refresh", "/accounts/balance/get"):
        assert own_plaid.expect_error(asks_the_bank, **token) == "ITEM_LOGIN_REQUIRED"
    own_plaid.admin("POST", path, {"streams": False})
    assert own_plaid.expect_error("/transactions/sync", **token) == "ITEM_LOGIN_REQUIRED"
    own_plaid.admin("POST", path, {"error": "ITEM_LOCKED"})
    assert own_plaid.expect_error("/transactions/sync", **token) == "ITEM_LOCKED"


@pytest.mark.parametrize("ends", ["repair", "another error"])
def test_it_refuses_stored_data_after_the_next_error(own_plaid: SandboxClient, ends: str) -> None:
    linked = own_plaid.link()
    token = {"access_token": linked["access_token"]}
    path = f"items/{linked['item_id']}/state"
    own_plaid.admin("POST", path, {"error": "ITEM_LOCKED", "streams": True})
    if ends == "repair":
        items.repair(own_plaid.context, item_id=linked["item_id"])
    own_plaid.ok("/sandbox/item/reset_login", **token)
    assert own_plaid.expect_error("/transactions/sync", **token) == "ITEM_LOGIN_REQUIRED"


def test_it_sets_and_clears_the_error_of_an_item(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    linked = own_plaid.link(webhook=receiver.url)
    path = f"items/{linked['item_id']}/state"
    own_plaid.admin("POST", path, {"error": "INSTITUTION_NOT_RESPONDING"})
    assert own_plaid.expect_error("/accounts/get", access_token=linked["access_token"]) == "INSTITUTION_NOT_RESPONDING"
    own_plaid.admin("POST", path, {"error": ""})
    assert own_plaid.ok("/accounts/get", access_token=linked["access_token"])
    own_plaid.admin("POST", path, {"error": "USER_PERMISSION_REVOKED"})
    own_plaid.admin("POST", path, {"consent_expires_at": "2031-01-02T03:04:05Z"})
    shown = own_plaid.ok("/item/get", access_token=linked["access_token"])["item"]
    assert (shown["error"]["error_type"], shown["consent_expiration_time"]) == ("INVALID_INPUT", "2031-01-02T03:04:05Z")
    expected = {"HISTORICAL_UPDATE", "ERROR", "LOGIN_REPAIRED", "USER_PERMISSION_REVOKED", "PENDING_EXPIRATION"}
    wait_for(lambda: expected == set(receiver.codes()))


def test_it_invalidates_cursors(plaid: SandboxClient, linked_item: dict[str, str]) -> None:
    rows, cursor = plaid.sync(linked_item["access_token"])
    plaid.admin("POST", f"items/{linked_item['item_id']}/state", {"expire_cursors": True})
    code = plaid.expect_error("/transactions/sync", access_token=linked_item["access_token"], cursor=cursor)
    assert code == "INVALID_FIELD"
    assert plaid.sync(linked_item["access_token"])[0].keys() == rows.keys()


def test_it_forces_the_stage_of_the_history(plaid: SandboxClient, linked_item: dict[str, str]) -> None:
    path = f"items/{linked_item['item_id']}/state"
    plaid.admin("POST", path, {"force_status": "NOT_READY"})
    page = plaid.ok("/transactions/sync", access_token=linked_item["access_token"])
    assert (page["transactions_update_status"], page["added"], page["next_cursor"]) == ("NOT_READY", [], "")
    plaid.admin("POST", path, {"force_status": ""})
    assert plaid.ok("/transactions/sync", access_token=linked_item["access_token"])["added"]


def test_it_adds_the_transactions_of_the_days_that_pass(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    linked = own_plaid.link("user_living", webhook=receiver.url, transactions={"days_requested": 730})
    rows, cursor = own_plaid.sync(linked["access_token"])
    own_plaid.admin("POST", "clock", {"advance_days": 20})
    news, _ = own_plaid.sync(linked["access_token"], cursor)
    after, _ = own_plaid.sync(linked["access_token"])
    fresh = own_plaid.link("user_living", transactions={"days_requested": 730})
    assert news.keys() - rows.keys()
    assert after.keys() == {row["transaction_id"] for row in own_plaid.ledger(linked["item_id"])["transactions"]}
    assert recent(own_plaid, linked) == recent(own_plaid, fresh)
    wait_for(lambda: "SYNC_UPDATES_AVAILABLE" in receiver.codes())


def recent(plaid: SandboxClient, linked_item: dict[str, str]) -> list[tuple[str, float, bool]]:
    """Return the transactions of this month without their ids."""
    since = plaid.context.clock.today().replace(day=1).isoformat()
    rows = plaid.ledger(linked_item["item_id"])["transactions"]
    return sorted((row["date"], row["amount"], row["pending"]) for row in rows if row["date"] >= since)


def test_it_changes_balances_by_the_sum_of_new_transactions(own_plaid: SandboxClient) -> None:
    linked = own_plaid.link("user_living", transactions={"days_requested": 730})
    before = own_plaid.ledger(linked["item_id"])
    own_plaid.admin("POST", "clock", {"advance_days": 40})
    after = own_plaid.ledger(linked["item_id"])
    for old, new in zip(before["accounts"], after["accounts"], strict=True):
        sign = -1 if old["type"] == "depository" else 1
        moved = sum_posted(after, old["account_id"]) - sum_posted(before, old["account_id"])
        assert new["balances"]["current"] - old["balances"]["current"] == pytest.approx(sign * moved)


def sum_posted(ledger: dict[str, Any], account_id: str) -> float:
    rows = ledger["transactions"]
    return sum(row["amount"] for row in rows if row["account_id"] == account_id and not row["pending"])


def test_it_refuses_to_turn_the_clock_back(plaid: SandboxClient) -> None:
    assert admin_error(plaid, "clock", {"advance_days": -1}) == "INVALID_FIELD"


def test_it_deletes_everything_on_reset(own_plaid: SandboxClient) -> None:
    linked = own_plaid.link()
    own_plaid.admin("POST", "clock", {"advance_days": 3})
    own_plaid.admin("POST", "reset")
    assert own_plaid.admin("GET", "items")["items"] == []
    assert own_plaid.admin("GET", "clock")["offset_seconds"] == 0
    assert own_plaid.expect_error("/item/get", access_token=linked["access_token"]) == "INVALID_ACCESS_TOKEN"
    assert own_plaid.link()


def test_it_lists_items_without_their_tokens(plaid: SandboxClient, linked_item: dict[str, str]) -> None:
    listed = plaid.admin("GET", "items")
    mine = next(item for item in listed["items"] if item["item_id"] == linked_item["item_id"])
    assert (mine["persona"], mine["stage"]) == ("user_living", "HISTORICAL_UPDATE_COMPLETE")
    assert "access-sandbox" not in json.dumps(listed)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock", {"advance_days": "two"}),
        ("webhooks", {"action": "juggle"}),
        ("webhooks", {"action": "replay", "id": 999999}),
        ("webhooks", {"action": "replay", "id": 1, "tamper": "soul"}),
        ("limits", {"table": "lax"}),
        ("limits", {"table": "off", "overrides": {"/item/get": {"per_user": 1}}}),
        ("clock", {"advance_days": 1e300}),
        ("webhooks", {"action": "replay", "id": 1, "times": "2"}),
        ("webhooks", {"action": "replay", "id": 1, "delay_seconds": "x"}),
        ("keys/expire", {"kid": ["x"]}),
        ("limits", {"table": "off", "overrides": {"/item/get": ""}}),
        ("limits", {"table": "off", "overrides": {"/item/get": {"per_item": "1"}}}),
    ],
)
def test_it_refuses_an_invalid_admin_request(plaid: SandboxClient, path: str, body: dict[str, Any]) -> None:
    assert admin_error(plaid, path, body) in ("INVALID_FIELD", "UNKNOWN_FIELDS")


@pytest.mark.parametrize(
    "change", [{"error": "NO_SUCH_CODE"}, {"error": None}, {"consent_expires_at": "soon"}, {"streams": "yes"}]
)
def test_it_changes_nothing_for_an_invalid_state(
    plaid: SandboxClient, linked_item: dict[str, str], change: dict[str, Any]
) -> None:
    before = plaid.ok("/item/get", access_token=linked_item["access_token"])["item"]
    assert admin_error(plaid, f"items/{linked_item['item_id']}/state", change) == "INVALID_FIELD"
    assert plaid.ok("/item/get", access_token=linked_item["access_token"])["item"] == before


def test_it_limits_how_far_ahead_time_can_be(own_plaid: SandboxClient) -> None:
    own_plaid.admin("POST", "clock", {"advance_days": 30_000})
    assert admin_error(own_plaid, "clock", {"advance_days": 30_000}) == "INVALID_FIELD"
    assert own_plaid.admin("GET", "clock")["offset_seconds"] == 30_000 * 86_400


def test_it_refuses_an_unknown_item(plaid: SandboxClient) -> None:
    assert admin_error(plaid, "items/nobodys/mutate", {}) == "ITEM_NOT_FOUND"
