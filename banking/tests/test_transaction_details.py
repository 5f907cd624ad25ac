"""What a bank says of a transaction beyond its amount and name is stored exactly, and changes with it."""

from datetime import UTC, datetime

import pytest

from banking.models import Item
from banking.plaid import responses
from banking.provider import Counterparty
from banking.tests.plaid_samples import BARE_TRANSACTION, encode_page
from banking.tests.scripted_provider import ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import StoredTransactions, get_last_run, run_sync

pytestmark = pytest.mark.django_db(transaction=True)

MORNING = datetime(2026, 1, 31, 8, 15, tzinfo=UTC)
MARKETPLACE = Counterparty(name="DoorDash", type="marketplace", logo_url="https://logos.example/1.png")


def test_it_stores_the_details_of_a_row(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    row = transaction_row(
        "a", original_description="DD BURGERKIN", posted_at=MORNING, counterparties=(MARKETPLACE, Counterparty())
    )
    provider.pages = [transactions_page(added=[row, transaction_row("bare")])]
    run_sync(item)
    stored, bare = stored_transactions()["a"], stored_transactions()["bare"]
    assert (stored.original_description, stored.posted_at, stored.authorized_at) == ("DD BURGERKIN", MORNING, None)
    assert stored.counterparties == [
        {"name": "DoorDash", "type": "marketplace", "logo_url": "https://logos.example/1.png"},
        {},
    ]
    assert (bare.original_description, bare.posted_at, bare.counterparties) == ("", None, [])


@pytest.mark.parametrize(
    ("change", "column", "value"),
    [
        ({"original_description": "NEW"}, "original_description", "NEW"),
        ({"authorized_at": MORNING}, "authorized_at", MORNING),
        ({"counterparties": (Counterparty(name="Uber"),)}, "counterparties", [{"name": "Uber"}]),
    ],
)
def test_it_updates_the_details_of_a_row_and_writes_no_unchanged_one(
    item: Item,
    provider: ScriptedProvider,
    stored_transactions: StoredTransactions,
    change: dict[str, object],
    column: str,
    value: object,
) -> None:
    row = transaction_row("a", counterparties=(MARKETPLACE,))
    changed = row._replace(**change)
    for sent, written in ((row, 1), (row, 0), (changed, 1), (changed, 0)):
        provider.pages = [transactions_page(modified=[sent])]
        run_sync(item)
        assert get_last_run(item).written == written
    assert getattr(stored_transactions()["a"], column) == value


@pytest.mark.parametrize(
    "text", ['"quoted" \\ and \\u0000', "tab\tline\nend\r", "nul\0 \\\0", "\\N", "Ünïcode 😀", "a\ud83d"]
)
def test_it_stores_any_text_that_a_bank_sends(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions, text: str
) -> None:
    row = BARE_TRANSACTION | {"account_id": "acc-checking", "original_description": text}
    content = encode_page(added=[row | {"counterparties": [{"name": text, "type": "merchant"}]}])
    provider.pages = [responses.parse_sync(content)]
    run_sync(item)
    stored = stored_transactions()["t1"]
    assert stored.original_description == text.replace("\0", "").replace("\ud83d", "?")
    assert stored.counterparties == [{"name": text.replace("\0", "").replace("\ud83d", "\uffff"), "type": "merchant"}]
