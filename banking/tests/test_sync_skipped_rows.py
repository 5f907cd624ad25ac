"""An invalid row does not prevent a sync: the other rows are stored, and the skipped row is counted and shown."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from banking.models import Account, Item
from banking.plaid import responses
from banking.provider import AccountsResponse, InvalidCursor, SkippedRow, TransactionsPage
from banking.tests.plaid_samples import BARE_TRANSACTION, PLAIDS_ACCOUNT, encode_json
from banking.tests.scripted_provider import CARD, CHECKING, ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import StoredTransactions, get_last_run, run_sync
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)


def parse_page_with_changed_row(**changes: object) -> TransactionsPage:
    """Parse a response with one valid row, and one with ``changes``."""
    valid_row = BARE_TRANSACTION | {"account_id": "acc-checking", "transaction_id": "good"}
    content = {
        "added": [valid_row, BARE_TRANSACTION | {"account_id": "acc-checking", "transaction_id": "odd"} | changes],
        "modified": [],
        "removed": [],
        "accounts": [],
        "next_cursor": "c1",
        "has_more": False,
        "transactions_update_status": "HISTORICAL_UPDATE_COMPLETE",
        "request_id": "r",
    }
    return responses.parse_sync(encode_json(content))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"account_id": "acc-unknown"}, "account_id"),
        ({"iso_currency_code": None}, "iso_currency_code"),
        ({"transaction_id": "x" * 300}, "transaction_id"),
        ({"date": ""}, "date"),
        ({"amount": Decimal("1E+30")}, "amount"),
        ({"pending": None}, "pending"),
    ],
)
def test_it_stores_the_other_rows_and_counts_the_skipped_one(
    item: Item,
    provider: ScriptedProvider,
    stored_transactions: StoredTransactions,
    changes: dict[str, object],
    field: str,
) -> None:
    provider.pages = [parse_page_with_changed_row(**changes), parse_page_with_changed_row(**changes)]
    assert run_sync(item).run_again_in == 0
    assert (set(stored_transactions()), item.cursor, item.skipped_transactions) == ({"good"}, "", 0)
    run_sync(item)
    assert set(stored_transactions()) == {"good"}
    assert (item.cursor, item.error_code, item.skipped_transactions) == ("c1", "", 1)
    run = get_last_run(item)
    assert (run.result, run.skipped_rows, run.field_errors) == ("ok", 1, f"transaction.{field} 1")


@pytest.mark.parametrize(
    "changes",
    [
        {"transaction_id": "x" * 256},
        {"name": "nul\0 and half a pair \ud83d"},
        {"merchant_name": 5, "authorized_date": "", "personal_finance_category": []},
        {"amount": Decimal("999999999999999999")},
        {"amount": Decimal("0.12345678901234567890")},
    ],
)
def test_it_stores_rows_with_unusual_or_invalid_optional_fields(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions, changes: dict[str, object]
) -> None:
    provider.pages = [parse_page_with_changed_row(**changes)]
    run_sync(item)
    assert (len(stored_transactions()), item.skipped_transactions, get_last_run(item).skipped_rows) == (2, 0, 0)


def test_it_stores_a_row_that_is_valid_in_the_next_sync(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [parse_page_with_changed_row(date=""), parse_page_with_changed_row()]
    run_sync(item)
    run_sync(item)
    assert (set(stored_transactions()), item.cursor, item.skipped_transactions) == ({"good", "odd"}, "c1", 0)


def test_it_stores_a_transaction_once_that_a_page_contains_twice(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [parse_page_with_changed_row(transaction_id="good", amount=7)]
    run_sync(item)
    assert [row.amount for row in stored_transactions().values()] == [-7]


def test_it_stores_an_account_with_a_numeric_mask_and_no_currency(item: Item, provider: ScriptedProvider) -> None:
    account_fields = PLAIDS_ACCOUNT | {"mask": 1234, "balances": {"current": 5, "iso_currency_code": None}}
    provider.listed_accounts = list(
        responses.parse_accounts(
            encode_json({"accounts": [account_fields, account_fields], "request_id": "r"})
        ).accounts
    )
    run_sync(item)
    with tenant(item.owner_id):
        account = Account.objects.get(owner=item.owner_id)
        assert (account.mask, account.current, account.currency) == ("1234", 5, "")


def test_it_closes_no_account_if_a_listed_account_is_invalid(item: Item, provider: ScriptedProvider) -> None:
    run_sync(item)
    provider.get_accounts = lambda token: AccountsResponse([CHECKING], "r", [SkippedRow("account", "account_id")])  # type: ignore[method-assign]
    run_sync(item)
    with tenant(item.owner_id):
        assert Account.objects.filter(owner=item.owner_id, closed_at=None).count() == 2
    assert get_last_run(item).field_errors == "account.account_id 1"


def test_it_opens_no_unlisted_account_if_a_listed_account_is_invalid(item: Item, provider: ScriptedProvider) -> None:
    unlisted_account = CARD._replace(provider_id="elsewhere")
    provider.pages = [transactions_page(accounts=[unlisted_account])]
    provider.get_accounts = lambda token: AccountsResponse([CHECKING], "r", [SkippedRow("account", "account_id")])  # type: ignore[method-assign]
    run_sync(item)
    with tenant(item.owner_id):
        assert Account.objects.get(provider_id="elsewhere").closed_at is not None


@pytest.mark.parametrize("provider_id", ["known", ""])
def test_it_does_not_remove_a_row_that_was_skipped(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions, provider_id: str
) -> None:
    today = {"date": timezone.localdate(), "authorized_date": None}
    provider.pages = [transactions_page(added=[transaction_row("known", **today)], cursor="c1")]
    run_sync(item)
    empty_page = transactions_page(cursor="n1")
    provider.pages = [
        InvalidCursor("INVALID_FIELD"),
        TransactionsPage(**_get_fields(empty_page) | {"skipped": [SkippedRow("transaction", "amount", provider_id)]}),
    ]
    run_sync(item)
    assert set(stored_transactions()) == {"known"}


def _get_fields(page: TransactionsPage) -> dict[str, object]:
    return {name: getattr(page, name) for name in page.__slots__}


def test_it_reads_all_rows_again_when_their_account_appears(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    rows = [transaction_row("a"), transaction_row("b", account_id=CARD.provider_id)]
    provider.listed_accounts = [CHECKING]
    provider.pages = [transactions_page(added=rows, cursor="c1"), transactions_page(added=rows, cursor="c1")]
    run_sync(item)
    run_sync(item)
    assert (set(stored_transactions()), item.skipped_transactions) == ({"a"}, 1)
    provider.listed_accounts = [CHECKING, CARD]
    provider.pages = [transactions_page(cursor="c2"), transactions_page(added=rows, cursor="n1")]
    run_sync(item)
    run_sync(item)
    assert provider.cursors == ["", "", "c1", ""]
    assert (set(stored_transactions()), item.skipped_transactions) == ({"a", "b"}, 0)


def test_it_tells_the_user_how_many_rows_are_missing(item: Item, provider: ScriptedProvider, as_alice: Client) -> None:
    provider.pages = [parse_page_with_changed_row(date=""), parse_page_with_changed_row(date="")]
    run_sync(item)
    run_sync(item)
    page = as_alice.get(reverse("accounts")).content.decode()
    assert "import 1 transaction from this bank, so lists and totals" in page
