"""Items through the API: accounts, balances, refreshes, custom transactions, removal."""

import json
from datetime import timedelta
from typing import Any

import pytest

from sandbox.tests.sandbox_client import SandboxClient
from sandbox.tests.test_personas import CUSTOM_USER


@pytest.fixture
def dynamic(plaid: SandboxClient) -> dict[str, str]:
    return plaid.link("user_transactions_dynamic")


def access(linked: dict[str, str]) -> dict[str, str]:
    return {"access_token": linked["access_token"]}


def test_it_returns_the_requested_accounts(plaid: SandboxClient) -> None:
    linked = plaid.link()
    all_accounts = plaid.ok("/accounts/get", **access(linked))["accounts"]
    requested = [all_accounts[3]["account_id"], all_accounts[1]["account_id"]]
    accounts = plaid.ok("/accounts/get", **access(linked), options={"account_ids": requested})["accounts"]
    assert [account["mask"] for account in accounts] == ["1111", "3333"]


def test_it_refuses_an_account_of_another_item(plaid: SandboxClient) -> None:
    mine, other = plaid.link(), plaid.link()
    other_account_id = plaid.ok("/accounts/get", **access(other))["accounts"][0]["account_id"]
    for path in ("/accounts/get", "/accounts/balance/get"):
        code = plaid.expect_error(path, **access(mine), options={"account_ids": [other_account_id]})
        assert code == "INVALID_ACCOUNT_ID"


def test_it_refuses_a_cursor_of_another_item(plaid: SandboxClient) -> None:
    mine, other = plaid.link(), plaid.link()
    _, cursor = plaid.sync(other["access_token"])
    assert plaid.expect_error("/transactions/sync", **access(mine), cursor=cursor) == "INVALID_FIELD"


def test_it_returns_cached_balances_until_they_are_refreshed(plaid: SandboxClient) -> None:
    linked = plaid.link()
    account_id = plaid.ok("/accounts/get", **access(linked))["accounts"][0]["account_id"]
    plaid.admin("POST", f"items/{linked['item_id']}/mutate", {"balances": {account_id: {"current": 99.5}}})
    assert plaid.ok("/accounts/get", **access(linked))["accounts"][0]["balances"]["current"] == 110
    assert plaid.ok("/accounts/balance/get", **access(linked))["accounts"][0]["balances"]["current"] == 99.5
    assert plaid.ok("/accounts/get", **access(linked))["accounts"][0]["balances"]["current"] == 99.5


def test_it_refuses_balances_of_a_future_time(plaid: SandboxClient) -> None:
    tomorrow = (plaid.context.clock.now() + timedelta(days=1)).isoformat()
    options = {"min_last_updated_datetime": tomorrow}
    code = plaid.expect_error("/accounts/balance/get", **access(plaid.link()), options=options)
    assert code == "LAST_UPDATED_DATETIME_OUT_OF_RANGE"


def test_it_syncs_all_transactions(plaid: SandboxClient) -> None:
    linked = plaid.link("user_scale_1203", transactions={"days_requested": 730})
    rows, _ = plaid.sync(linked["access_token"], count=250)
    ledger = {row["transaction_id"]: row for row in plaid.ledger(linked["item_id"])["transactions"]}
    assert len(rows) == 1203
    assert {key: row["amount"] for key, row in rows.items()} == {key: row["amount"] for key, row in ledger.items()}


def test_it_describes_merchants_and_adds_times_at_some_banks_only(plaid: SandboxClient) -> None:
    rows = {}
    for bank in ("ins_109508", "ins_109512"):
        made = plaid.ok("/sandbox/public_token/create", institution_id=bank, initial_products=["transactions"])
        linked = plaid.ok("/item/public_token/exchange", public_token=made["public_token"])
        page = plaid.ok("/transactions/sync", access_token=linked["access_token"], count=500)
        rows[bank] = {row["name"]: row for row in page["added"]}
    usual, timed = rows["ins_109508"]["SparkFun"], rows["ins_109512"]["SparkFun"]
    assert (usual["datetime"], usual["authorized_datetime"], usual["original_description"]) == (None, None, None)
    assert timed["datetime"].startswith(timed["date"] + "T")
    assert timed["authorized_datetime"].startswith(timed["authorized_date"] + "T")
    assert rows["ins_109512"]["INTRST PYMNT"]["datetime"].endswith("T00:00:00Z")
    assert usual["website"] == "sparkfun.example"
    [counterparty] = usual["counterparties"]
    shared = ("website", "logo_url", "merchant_entity_id")
    assert [usual[name] for name in shared] == [counterparty[name] for name in (*shared[:2], "entity_id")]
    assert rows["ins_109508"]["INTRST PYMNT"]["logo_url"] is None


def test_it_sends_only_the_accounts_of_the_page(plaid: SandboxClient) -> None:
    page = plaid.ok("/transactions/sync", **access(plaid.link()), count=1)
    assert [account["account_id"] for account in page["accounts"]] == [page["added"][0]["account_id"]]


def test_it_has_no_cursor_for_an_item_of_investments_only(plaid: SandboxClient) -> None:
    config = {"override_accounts": [{"type": "investment", "subtype": "ira", "starting_balance": 5}]}
    linked = plaid.link("user_custom", json.dumps(config))
    page = plaid.ok("/transactions/sync", **access(linked))
    assert (page["transactions_update_status"], page["next_cursor"]) == ("HISTORICAL_UPDATE_COMPLETE", "")


def test_it_links_a_custom_user(plaid: SandboxClient) -> None:
    linked = plaid.link("user_custom", json.dumps(CUSTOM_USER))
    rows, _ = plaid.sync(linked["access_token"])
    assert sorted(row["amount"] for row in rows.values()) == [-7500, 42.5]
    assert plaid.ok("/accounts/get", **access(linked))["accounts"][0]["balances"]["current"] == 152854.23


def test_it_posts_a_custom_user_s_pending_row_on_its_day(own_plaid: SandboxClient) -> None:
    today = own_plaid.context.clock.today()
    posts = (today + timedelta(days=2)).isoformat()
    entry = {"date_transacted": today.isoformat(), "date_posted": posts, "amount": 5, "description": "Tea"}
    config = {"override_accounts": [{"type": "depository", "transactions": [entry]}]}
    linked = own_plaid.link("user_custom", json.dumps(config))
    before, cursor = own_plaid.sync(linked["access_token"])
    [pending] = before.values()
    assert (pending["pending"], pending["date"]) == (True, today.isoformat())
    for _ in range(3):
        own_plaid.admin("POST", "clock", {"advance_days": 1})
    page = own_plaid.ok("/transactions/sync", **access(linked), cursor=cursor)
    [posted] = page["added"]
    assert (posted["pending"], posted["date"]) == (False, posts)
    replaced = [gone["transaction_id"] for gone in page["removed"]]
    assert replaced == [posted["pending_transaction_id"]] == [pending["transaction_id"]]


def test_it_requires_consent_to_a_product_that_was_not_requested(plaid: SandboxClient) -> None:
    made = plaid.ok("/sandbox/public_token/create", institution_id="ins_109508", initial_products=["auth"])
    linked = plaid.ok("/item/public_token/exchange", public_token=made["public_token"])
    assert plaid.expect_error("/transactions/sync", **access(linked)) == "ADDITIONAL_CONSENT_REQUIRED"


def test_it_posts_pending_transactions_and_adds_new_ones_at_every_refresh(
    plaid: SandboxClient, dynamic: dict[str, str]
) -> None:
    before, cursor = plaid.sync(dynamic["access_token"])
    pending = {key for key, row in before.items() if row["pending"]}
    plaid.ok("/transactions/refresh", **access(dynamic))
    page = plaid.ok("/transactions/sync", **access(dynamic), cursor=cursor)
    posted = [row for row in page["added"] if not row["pending"]]
    assert {gone["transaction_id"] for gone in page["removed"]} == pending
    assert {row["pending_transaction_id"] for row in posted} == pending
    assert not {row["transaction_id"] for row in posted} & pending
    assert len([row for row in page["added"] if row["pending"]]) == 3
    changed = page["modified"][0]
    assert changed["amount"] == pytest.approx(before[changed["transaction_id"]]["amount"] + 1)


def test_it_has_transactions_that_only_a_refresh_fetches(plaid: SandboxClient) -> None:
    linked = plaid.link()
    token = access(linked)
    account = plaid.ok("/accounts/get", **token)["accounts"][0]
    _, cursor = plaid.sync(linked["access_token"])
    purchase = {"account_id": account["account_id"], "amount": 10, "name": "Corner Bakery"}
    plaid.admin("POST", f"items/{linked['item_id']}/mutate", {"add": [purchase], "unfetched": True})
    assert plaid.ok("/transactions/sync", **token, cursor=cursor)["added"] == []
    assert plaid.ok("/accounts/get", **token)["accounts"][0]["balances"]["current"] == 110
    assert plaid.ok("/accounts/balance/get", **token)["accounts"][0]["balances"]["current"] == 100
    for _ in range(2):
        plaid.ok("/transactions/refresh", **token)
    page = plaid.ok("/transactions/sync", **token, cursor=cursor)
    assert [row["name"] for row in page["added"]] == ["Corner Bakery"]
    assert plaid.ok("/accounts/get", **token)["accounts"][0]["balances"]["current"] == 100


def test_it_changes_balances_with_transactions(plaid: SandboxClient, dynamic: dict[str, str]) -> None:
    def balances() -> dict[str, tuple[float, float]]:
        shown = plaid.ok("/accounts/get", **access(dynamic))["accounts"]
        return {a["account_id"]: (a["balances"]["current"], a["balances"]["available"]) for a in shown}

    before = balances()
    checking, card = before
    today = plaid.context.clock.today().isoformat()
    mutation = {
        "add": [
            {"account_id": checking, "amount": 10, "name": "Posted", "date": today},
            {"account_id": checking, "amount": 5, "name": "Held", "pending": True},
            {"account_id": card, "amount": 7, "name": "Bought"},
            {"account_id": card, "amount": -2, "name": "Refunded"},
        ]
    }
    plaid.admin("POST", f"items/{dynamic['item_id']}/mutate", mutation)
    after = balances()
    assert after[checking] == pytest.approx((before[checking][0] - 10, before[checking][1] - 15))
    assert after[card] == pytest.approx((before[card][0] + 5, before[card][1] - 5))


def test_it_accepts_custom_transactions_for_the_dynamic_persona(plaid: SandboxClient, dynamic: dict[str, str]) -> None:
    plaid.ok("/sandbox/transactions/create", **access(dynamic), transactions=[custom(plaid)])
    rows, _ = plaid.sync(dynamic["access_token"])
    mine = [row for row in rows.values() if row["name"] == "Starbucks treat"]
    assert [(row["amount"], row["personal_finance_category"]["detailed"]) for row in mine] == [
        (8.15, "FOOD_AND_DRINK_COFFEE")
    ]


def custom(plaid: SandboxClient, **fields: Any) -> dict[str, Any]:
    today = plaid.context.clock.today().isoformat()
    return {
        "date_transacted": today,
        "date_posted": today,
        "amount": 8.15,
        "description": "Starbucks treat",
        **fields,
    }


@pytest.mark.parametrize(("transacted", "posted"), [(-15, 0), (0, 1), (0, -1)])
def test_it_refuses_custom_transactions_outside_the_last_14_days(
    plaid: SandboxClient, dynamic: dict[str, str], transacted: int, posted: int
) -> None:
    today = plaid.context.clock.today()
    row = custom(
        plaid,
        date_transacted=(today + timedelta(days=transacted)).isoformat(),
        date_posted=(today + timedelta(days=posted)).isoformat(),
    )
    assert plaid.expect_error("/sandbox/transactions/create", **access(dynamic), transactions=[row]) == "INVALID_FIELD"


def test_it_refuses_custom_transactions_for_other_personas(plaid: SandboxClient) -> None:
    body = {**access(plaid.link()), "transactions": [custom(plaid)]}
    assert plaid.expect_error("/sandbox/transactions/create", **body) == "SANDBOX_TRANSACTIONS_CREATE_INVALID"


def test_it_accepts_at_most_ten_custom_transactions(plaid: SandboxClient, dynamic: dict[str, str]) -> None:
    for rows in ([], [custom(plaid)] * 11):
        code = plaid.expect_error("/sandbox/transactions/create", **access(dynamic), transactions=rows)
        assert code == "INVALID_FIELD"


def test_it_refuses_the_token_of_a_removed_item(plaid: SandboxClient) -> None:
    linked = plaid.link()
    plaid.ok("/item/remove", **access(linked))
    for path in ("/item/get", "/item/remove", "/accounts/get", "/transactions/sync"):
        assert plaid.expect_error(path, **access(linked)) == "ITEM_NOT_FOUND"


def test_it_continues_with_the_cursor_after_a_new_token(plaid: SandboxClient, dynamic: dict[str, str]) -> None:
    _, cursor = plaid.sync(dynamic["access_token"])
    new = plaid.ok("/item/access_token/invalidate", **access(dynamic))["new_access_token"]
    assert plaid.ok("/transactions/sync", access_token=new, cursor=cursor)["added"] == []


def test_it_refuses_a_bank_that_cannot_be_linked(plaid: SandboxClient) -> None:
    path = "/sandbox/public_token/create"
    for institution_id, code in (
        ("ins_132361", "INSTITUTION_DOWN"),
        ("ins_133402", "INSTITUTION_NO_LONGER_SUPPORTED"),
        ("ins_1", "INVALID_INSTITUTION"),
    ):
        assert plaid.expect_error(path, institution_id=institution_id, initial_products=["transactions"]) == code


def test_it_lists_every_bank_once_over_all_pages(plaid: SandboxClient) -> None:
    pages = [plaid.ok("/institutions/get", count=20, offset=offset, country_codes=["US"]) for offset in (0, 20, 40, 60)]
    seen = [bank["institution_id"] for page in pages for bank in page["institutions"]]
    assert len(seen) == len(set(seen)) == pages[0]["total"]


def test_it_finds_a_bank_only_in_its_country(plaid: SandboxClient) -> None:
    path = "/institutions/get_by_id"
    assert plaid.expect_error(path, institution_id="ins_43", country_codes=["US"]) == "INVALID_INSTITUTION"
    bank = plaid.ok(path, institution_id="ins_43", country_codes=["CA"])["institution"]
    assert "logo" not in bank
