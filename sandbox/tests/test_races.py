"""Concurrent calls."""

from concurrent.futures import ThreadPoolExecutor

from sandbox.tests.sandbox_client import SandboxClient

THREADS = 8


def test_it_exchanges_a_public_token_once_in_concurrent_calls(plaid: SandboxClient) -> None:
    fields = {"institution_id": "ins_109508", "initial_products": ["transactions"]}
    public_token = plaid.ok("/sandbox/public_token/create", **fields)["public_token"]
    with ThreadPoolExecutor(THREADS) as pool:
        attempts = [
            pool.submit(plaid.call, "/item/public_token/exchange", public_token=public_token) for _ in range(THREADS)
        ]
    statuses = sorted(attempt.result()[0] for attempt in attempts)
    assert statuses == [200] + [400] * (THREADS - 1)


def test_it_loses_no_row_of_concurrent_calls(plaid: SandboxClient) -> None:
    linked = plaid.link("user_transactions_dynamic")
    before, cursor = plaid.sync(linked["access_token"])

    def add(number: int) -> str:
        row = {"amount": 1, "name": f"Row {number}"}
        return plaid.admin("POST", f"items/{linked['item_id']}/mutate", {"add": [row]})["added"][0]

    with ThreadPoolExecutor(THREADS) as pool:
        added = set(pool.map(add, range(40)))
    new_rows, _ = plaid.sync(linked["access_token"], cursor, count=7)
    assert new_rows.keys() == added
    checking = plaid.ledger(linked["item_id"])["accounts"][0]["balances"]["current"]
    assert round(checking * 100) == 431025 - 40 * 100
    assert not added & before.keys()
