"""Odd rows from the sandbox, over HTTP: a bank's sync stores everything else, and the page says what is missing."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import Account, Item, Transaction, UnstoredRow
from banking.tests.sandbox_process import Sandbox
from banking.tests.sync_runs import get_last_run, run_sync
from compliance.isolation import tenant
from ui.tests.page_text import page_text

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def linked_item(alice: User, sandbox: Sandbox, settings: Any) -> Item:
    """A bank of Alice's that is synced, at the sandbox."""
    settings.PLAID_URL = sandbox.url
    settings.PLAID_CLIENT_ID, settings.PLAID_SECRET = sandbox.client_id, sandbox.secret
    opened = open_link(user=alice)
    token = sandbox.complete_link(opened.token.value)
    metadata = LinkMetadata("ins_109508", "First Platypus Bank", frozenset())
    item = finish_link(user=alice, session_id=opened.session.pk, public_token=token, metadata=metadata)
    run_sync(item)
    return item


def provoke(sandbox: Sandbox, item: Item, scenario: str) -> None:
    """Let a scenario happen, beside a purchase as at any bank."""
    path = f"items/{item.provider_item_id}"
    sandbox.admin(f"{path}/mutate", {"add": [{"amount": "12.34", "name": "Lemonade Stand"}], "webhook": False})
    sandbox.admin(f"{path}/scenarios", {"scenario": scenario})


def list_unstored(item: Item) -> list[tuple[str, str, str]]:
    with tenant(item.owner_id):
        return list(UnstoredRow.objects.filter(item=item).values_list("kind", "reason", "field"))


def list_names(item: Item) -> set[str]:
    with tenant(item.owner_id):
        return set(Transaction.objects.filter(owner=item.owner_id, removed_at=None).values_list("name", flat=True))


@pytest.mark.parametrize(
    ("scenario", "kind", "reason", "field"),
    [
        ("unknown_account", "transaction", "unknown_account", "account_id"),
        ("no_currency", "transaction", "invalid_field", "iso_currency_code"),
        ("no_pending", "transaction", "invalid_field", "pending"),
        ("no_amount", "transaction", "invalid_field", "amount"),
        ("no_date", "transaction", "invalid_field", "date"),
        ("no_id", "transaction", "invalid_field", "transaction_id"),
        ("null_list", "page", "list_not_sent", "modified"),
        ("null_added", "page", "list_not_sent", "added"),
        ("null_accounts", "account_list", "list_not_sent", "accounts"),
        ("unknown_status", "page", "invalid_field", "transactions_update_status"),
    ],
)
def test_it_sets_aside_what_it_cannot_read_and_moves_on(
    linked_item: Item, sandbox: Sandbox, scenario: str, kind: str, reason: str, field: str
) -> None:
    cursor = linked_item.cursor
    provoke(sandbox, linked_item, scenario)
    if run_sync(linked_item).run_again_in == 0:
        # What it cannot read is requested once more.
        assert linked_item.cursor == cursor
        run_sync(linked_item)
    assert (get_last_run(linked_item).result, linked_item.error_code) == ("ok", "")
    assert linked_item.cursor != cursor
    assert list_unstored(linked_item) == [(kind, reason, field)]
    assert linked_item.skipped_transactions == (1 if kind == "transaction" else 0)
    assert ("Lemonade Stand" in list_names(linked_item)) == (scenario != "null_added")
    with tenant(linked_item.owner_id):
        assert Account.objects.filter(item=linked_item, closed_at=None).count() == 12


def test_it_stores_a_row_with_an_unknown_payment_channel(linked_item: Item, sandbox: Sandbox) -> None:
    provoke(sandbox, linked_item, "unknown_enum")
    run_sync(linked_item)
    assert {"ODD ROW", "Lemonade Stand"} <= list_names(linked_item)
    assert list_unstored(linked_item) == []


def test_it_counts_what_is_missing_on_the_page_until_it_arrives(
    linked_item: Item, sandbox: Sandbox, as_alice: Client
) -> None:
    provoke(sandbox, linked_item, "no_amount")
    run_sync(linked_item)
    run_sync(linked_item)
    assert "We couldn't import 1 transaction from this bank" in page_text(as_alice.get(reverse("accounts")))
    sandbox.admin(f"items/{linked_item.provider_item_id}/state", {"expire_cursors": True})
    run_sync(linked_item)
    assert list_unstored(linked_item) == []
    assert "couldn't import" not in page_text(as_alice.get(reverse("accounts")))


def test_it_reads_everything_again_once_a_list_is_sent(linked_item: Item, sandbox: Sandbox) -> None:
    provoke(sandbox, linked_item, "null_added")
    for _ in range(3):
        run_sync(linked_item)
    assert "Lemonade Stand" not in list_names(linked_item)
    assert (linked_item.cursor, list_unstored(linked_item)) == ("", [])
    run_sync(linked_item)
    assert "Lemonade Stand" in list_names(linked_item)
    assert linked_item.cursor != ""
