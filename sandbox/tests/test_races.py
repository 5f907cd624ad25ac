"""Concurrent calls."""

from concurrent.futures import ThreadPoolExecutor

from sandbox.tests.sandbox_client import SandboxClient

HANDS = 8


def test_it_exchanges_a_public_token_once_however_many_try(plaid: SandboxClient) -> None:
    asked = {"institution_id": "ins_109508", "initial_products": ["transactions"]}
    public_token = plaid.ok("/sandbox/public_token/create", **asked)["public_token"]
    with ThreadPoolExecutor(HANDS) as hands:
        tries = [
            hands.submit(plaid.call, "/item/public_token/exchange", public_token=public_token) for _ in range(HANDS)
        ]
    statuses = sorted(one.result()[0] for one in tries)
    assert statuses == [200] + [400] * (HANDS - 1)


def test_it_loses_no_row_that_many_write_at_once(plaid: SandboxClient) -> None:
    linked = plaid.link("user_transactions_dynamic")
    before, cursor = plaid.sync(linked["access_token"])

    def add(number: int) -> str:
        row = {"amount": 1, "name": f"Row {number}"}
        return plaid.admin("POST", f"items/{linked['item_id']}/mutate", {"add": [row]})["added"][0]

    with ThreadPoolExecutor(HANDS) as hands:
        added = set(hands.map(add, range(40)))
    news, _ = plaid.sync(linked["access_token"], cursor, count=7)
    assert news.keys() == added
    checking = plaid.ledger(linked["item_id"])["accounts"][0]["balances"]["current"]
    assert round(checking * 100) == 431025 - 40 * 100
    assert not added & before.keys()
