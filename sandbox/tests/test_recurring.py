"""/transactions/recurring/get: streams that are found in an Item's transactions."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sandbox.bank import items, recurring
from sandbox.tests.sandbox_client import SandboxClient, WebhookReceiver, wait_for

LONG = {"transactions": {"days_requested": 730}}


def get_streams(plaid: SandboxClient, linked: dict[str, str], **fields: Any) -> dict[str, dict[str, Any]]:
    """Return the streams by description."""
    body = plaid.ok("/transactions/recurring/get", access_token=linked["access_token"], **fields)
    return {stream["description"]: stream for stream in body["inflow_streams"] + body["outflow_streams"]}


def add_rows(plaid: SandboxClient, linked: dict[str, str], *days_ago: int, **columns: Any) -> list[str]:
    today = plaid.context.clock.today()
    row = {"amount": "12.5", "name": "Lantern Weekly", **columns}
    rows = [{**row, "date": (today - timedelta(days=ago)).isoformat()} for ago in days_ago]
    return plaid.admin("POST", f"items/{linked['item_id']}/mutate", {"add": rows})["added"]


def test_it_finds_the_rhythm_of_salary_rent_and_bills(plaid: SandboxClient) -> None:
    linked = plaid.link("user_living", **LONG)
    body = plaid.ok("/transactions/recurring/get", access_token=linked["access_token"])
    streams = get_streams(plaid, linked)
    salary, rent = streams["NORTHWIND LABS PAYROLL"], streams["LONGACRE PROPERTIES RENT"]
    assert (salary["frequency"], salary["status"], salary["is_active"]) == ("BIWEEKLY", "MATURE", True)
    assert (rent["frequency"], rent["average_amount"]["amount"]) == ("MONTHLY", 1900)
    assert salary in body["inflow_streams"]
    assert rent in body["outflow_streams"]
    assert date.fromisoformat(salary["predicted_next_date"]) == date.fromisoformat(salary["last_date"]) + timedelta(14)
    rows = {row["transaction_id"]: row for row in plaid.ledger(linked["item_id"])["transactions"]}
    days = [rows[transaction_id]["date"] for transaction_id in rent["transaction_ids"]]
    assert (days, days[0], days[-1]) == (sorted(days), rent["first_date"], rent["last_date"])


def test_it_matures_and_ends_streams(own_plaid: SandboxClient) -> None:
    linked = own_plaid.link("user_messy")
    add_rows(own_plaid, linked, 14, 7, name="Early Bird")
    add_rows(own_plaid, linked, 60, 53, name="Gave Up")
    add_rows(own_plaid, linked, 51, 44, 37, name="Ended")
    add_rows(own_plaid, linked, 61, 31, 1, name="Alive", amount="-20")
    found = {name: (s["status"], s["is_active"]) for name, s in get_streams(own_plaid, linked).items()}
    assert found == {
        "Early Bird": ("EARLY_DETECTION", True),
        "Gave Up": ("TOMBSTONED", False),
        "Ended": ("MATURE", False),
        "Alive": ("MATURE", True),
    }
    assert get_streams(own_plaid, linked)["Ended"]["predicted_next_date"] is None


@pytest.mark.parametrize(
    "rows",
    [
        [(1, "5"), (3, "5"), (20, "5"), (21, "5"), (60, "5")],
        [(7, "5"), (14, "9")],
        [(7, "5"), (14, "5.2")],
        [(7, "5"), (7, "5"), (7, "5")],
        [(7, "5")],
        [(7, "0"), (14, "0"), (21, "0")],
    ],
)
def test_it_finds_no_rhythm_in_other_purchases(rows: list[tuple[int, str]]) -> None:
    today = date(2027, 3, 1)
    history = [
        {
            "account_id": "a",
            "transaction_id": f"{place}",
            "amount": amount,
            "date": (today - timedelta(days=ago)).isoformat(),
            "name": "Shop",
            "merchant_name": None,
            "pending": False,
        }
        for place, (ago, amount) in enumerate(rows)
    ]
    groups = recurring._group(history)
    assert [stream for group in groups.values() for stream in recurring._streams_of("s", group, today)] == []


def test_it_keeps_the_id_of_a_stream_that_goes_on(own_plaid: SandboxClient) -> None:
    linked = own_plaid.link("user_messy")
    add_rows(own_plaid, linked, 21, 14, 7)
    before = get_streams(own_plaid, linked)["Lantern Weekly"]
    add_rows(own_plaid, linked, 0)
    after = get_streams(own_plaid, linked)["Lantern Weekly"]
    assert (before["stream_id"], len(before["transaction_ids"]) + 1) == (
        after["stream_id"],
        len(after["transaction_ids"]),
    )


def test_it_announces_changed_streams_once_they_were_read(own_plaid: SandboxClient, receiver: WebhookReceiver) -> None:
    linked = own_plaid.link("user_messy", webhook=receiver.url)
    add_rows(own_plaid, linked, 21, 14, 7)
    stream = get_streams(own_plaid, linked)["Lantern Weekly"]
    add_rows(own_plaid, linked, 3, name="Something else")
    add_rows(own_plaid, linked, 0)
    wait_for(lambda: receiver.codes().count("DEFAULT_UPDATE") == 3)
    wait_for(lambda: "RECURRING_TRANSACTIONS_UPDATE" in receiver.codes())
    sent = [body for body in receiver.bodies() if body["webhook_code"] == "RECURRING_TRANSACTIONS_UPDATE"]
    assert [body["account_ids"] for body in sent] == [[stream["account_id"]]]


def test_it_bills_the_product_and_filters_by_account(plaid: SandboxClient) -> None:
    linked = plaid.link(**LONG)
    accounts = plaid.ok("/accounts/get", access_token=linked["access_token"])["accounts"]
    [card] = [account["account_id"] for account in accounts if account["mask"] == "3333"]
    streams = get_streams(plaid, linked, account_ids=[card])
    assert {stream["account_id"] for stream in streams.values()} == {card}
    assert recurring.PRODUCT in plaid.ok("/item/get", access_token=linked["access_token"])["item"]["billed_products"]


def test_it_refuses_streams_with_plaid_s_error_codes(plaid: SandboxClient, slow_plaid: SandboxClient) -> None:
    early = slow_plaid.link()["access_token"]
    assert slow_plaid.expect_error("/transactions/recurring/get", access_token=early) == "PRODUCT_NOT_READY"
    linked = plaid.link()
    body = {"access_token": linked["access_token"], "account_ids": ["nobodys"]}
    assert plaid.expect_error("/transactions/recurring/get", **body) == "INVALID_ACCOUNT_ID"
    made = plaid.ok("/sandbox/public_token/create", institution_id="ins_117650", initial_products=["transactions"])
    british = plaid.ok("/item/public_token/exchange", public_token=made["public_token"])["access_token"]
    assert plaid.expect_error("/transactions/recurring/get", access_token=british) == "PRODUCTS_NOT_SUPPORTED"


def test_it_averages_amounts(plaid: SandboxClient) -> None:
    linked = plaid.link("user_messy")
    for ago, amount in ((21, "-10"), (14, "-10.5"), (7, "-11.01")):
        add_rows(plaid, linked, ago, amount=amount)
    [stream] = recurring.find_streams(plaid.context, items.get(plaid.context, linked["item_id"]))
    assert stream.average == Decimal("-10.50")
