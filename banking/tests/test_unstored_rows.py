"""What could not be stored is recorded with its reason, once, and forgotten when it can be stored."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from banking.account_settings.removing import remove_account
from banking.linking.disconnecting import disconnect_bank
from banking.models import Account, Item, UnstoredRow
from banking.plaid import responses
from banking.provider import (
    AccountsResponse,
    InvalidCursor,
    Readiness,
    RowKind,
    SkippedRow,
    TransactionRow,
    TransactionsPage,
)
from banking.tests.factories import update_item
from banking.tests.plaid_samples import BARE_TRANSACTION, encode_json, encode_page, without
from banking.tests.scripted_provider import CARD, CHECKING, ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import StoredTransactions, get_last_run, run_sync
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)

GOOD = BARE_TRANSACTION | {"account_id": "acc-checking", "transaction_id": "good"}
ODD = BARE_TRANSACTION | {"account_id": "acc-checking", "transaction_id": "odd"}
FULL_PAGE = {"added": [GOOD], "modified": [], "removed": [], "accounts": []}


def list_unstored(item: Item) -> list[tuple[str, str, str, str, int]]:
    """List what is recorded of an Item as (kind, reason, field, id, rows)."""
    with tenant(item.owner_id):
        rows = UnstoredRow.objects.filter(item=item).order_by("kind", "field", "provider_id")
        return list(rows.values_list("kind", "reason", "field", "provider_id", "rows"))


def skip(page: TransactionsPage, skipped: Iterable[SkippedRow]) -> TransactionsPage:
    """Copy a page, with rows that could not be parsed."""
    fields = {name: getattr(page, name) for name in page.__slots__}
    return TransactionsPage(**fields | {"skipped": list(skipped)})


def skipped_page(*ids: str, field: str = "amount", **changes: Any) -> TransactionsPage:
    """A page with one transaction that could not be parsed for each id; an empty id is a row without one."""
    return skip(transactions_page(**changes), [SkippedRow(RowKind.TRANSACTION, field, id_) for id_ in ids])


def sync_twice(item: Item, provider: ScriptedProvider, make_page: Callable[[], TransactionsPage]) -> None:
    """Sync until the cursor moves: what cannot be stored is requested a second time."""
    provider.pages = [make_page(), make_page()]
    run_sync(item)
    run_sync(item)
    assert provider.pages == []


# --- Each kind of bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"account_id": "acc-unknown"}, "unknown_account", "account_id"),
        ({"account_id": None}, "invalid_field", "account_id"),
        ({"iso_currency_code": None}, "invalid_field", "iso_currency_code"),
        ({"pending": None}, "invalid_field", "pending"),
        ({"amount": None}, "invalid_field", "amount"),
        ({"amount": "twelve"}, "invalid_field", "amount"),
        ({"date": None}, "invalid_field", "date"),
        ({"date": "31/01/2026"}, "invalid_field", "date"),
    ],
)
def test_it_sets_a_row_aside_with_its_reason_and_stores_the_others(
    item: Item,
    provider: ScriptedProvider,
    stored_transactions: StoredTransactions,
    changes: dict[str, object],
    reason: str,
    field: str,
) -> None:
    sync_twice(
        item, provider, lambda: responses.parse_sync(encode_page(**FULL_PAGE | {"added": [ODD | changes, GOOD]}))
    )
    assert set(stored_transactions()) == {"good"}
    assert list_unstored(item) == [("transaction", reason, field, "odd", 1)]
    assert (item.cursor, item.error_code, item.skipped_transactions) == ("c1", "", 1)


def test_it_sets_a_row_without_the_key_pending_aside(item: Item, provider: ScriptedProvider) -> None:
    content = encode_page(**FULL_PAGE | {"added": [without(ODD, "pending"), GOOD]})
    sync_twice(item, provider, lambda: responses.parse_sync(content))
    assert list_unstored(item) == [("transaction", "invalid_field", "pending", "odd", 1)]
    assert item.cursor == "c1"


@pytest.mark.parametrize("transaction_id", [None, "", 7, "x" * 257])
def test_it_counts_rows_without_an_id(item: Item, provider: ScriptedProvider, transaction_id: object) -> None:
    row = ODD | {"transaction_id": transaction_id}
    sync_twice(item, provider, lambda: responses.parse_sync(encode_page(**FULL_PAGE | {"added": [row, GOOD, row]})))
    assert list_unstored(item) == [("transaction", "invalid_field", "transaction_id", "", 2)]
    assert (item.cursor, item.skipped_transactions) == ("c1", 2)


@pytest.mark.parametrize("key", ["added", "modified", "removed"])
@pytest.mark.parametrize("is_missing", [False, True])
def test_it_records_a_list_that_was_not_sent_and_counts_no_transaction(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions, key: str, is_missing: bool
) -> None:
    fields = {"next_cursor": "c1", "has_more": False, "transactions_update_status": "HISTORICAL_UPDATE_COMPLETE"}
    page = FULL_PAGE | fields | {key: None}
    content = encode_json(without(page, key) if is_missing else page)
    sync_twice(item, provider, lambda: responses.parse_sync(content))
    assert set(stored_transactions()) == (set() if key == "added" else {"good"})
    assert list_unstored(item) == [("page", "list_not_sent", key, "", 1)]
    assert (item.cursor, item.error_code, item.skipped_transactions) == ("c1", "", 0)


def test_it_records_a_pages_list_of_accounts_that_was_not_sent(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [responses.parse_sync(encode_page(**FULL_PAGE | {"accounts": None}))]
    run_sync(item)
    assert list_unstored(item) == [("page", "list_not_sent", "accounts", "", 1)]
    assert item.cursor == "c1"


def test_it_keeps_accounts_open_when_their_list_was_not_sent(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [transactions_page(added=[transaction_row("first")], cursor="c1")]
    run_sync(item)
    provider.get_accounts = lambda token: responses.parse_accounts(encode_json({"accounts": None}))  # type: ignore[method-assign]
    sync_twice(item, provider, lambda: transactions_page(added=[transaction_row("second")], cursor="c2"))
    assert set(stored_transactions()) == {"first", "second"}
    assert list_unstored(item) == [("account_list", "list_not_sent", "accounts", "", 1)]
    assert (item.cursor, item.error_code) == ("c2", "")
    with tenant(item.owner_id):
        assert Account.objects.filter(item=item, closed_at=None).count() == 2


def test_it_records_an_account_without_an_id(item: Item, provider: ScriptedProvider) -> None:
    provider.get_accounts = lambda token: AccountsResponse([CHECKING], "r", [SkippedRow(RowKind.ACCOUNT, "account_id")])  # type: ignore[method-assign]
    run_sync(item)
    assert list_unstored(item) == [("account", "invalid_field", "account_id", "", 1)]


def test_it_records_a_removal_without_an_id(item: Item, provider: ScriptedProvider) -> None:
    content = encode_page(**FULL_PAGE | {"removed": [{"account_id": "acc-checking"}]})
    sync_twice(item, provider, lambda: responses.parse_sync(content))
    assert list_unstored(item) == [("removal", "invalid_field", "transaction_id", "", 1)]
    assert (item.cursor, item.skipped_transactions) == ("c1", 0)


def test_it_stores_rows_of_a_page_with_an_unknown_status(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    content = encode_page(**FULL_PAGE | {"transactions_update_status": "ALMOST_COMPLETE"})
    provider.pages = [responses.parse_sync(content)]
    run_sync(item)
    assert set(stored_transactions()) == {"good"}
    assert list_unstored(item) == [("page", "invalid_field", "transactions_update_status", "", 1)]
    assert (item.cursor, item.readiness) == ("c1", Readiness.NOT_READY)


def test_it_stores_a_row_with_an_unknown_payment_channel(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    rows = [ODD | {"payment_channel": "carrier pigeon", "personal_finance_category": {"primary": "SPACE_TRAVEL"}}]
    provider.pages = [responses.parse_sync(encode_page(**FULL_PAGE | {"added": rows}))]
    run_sync(item)
    row = stored_transactions()["odd"]
    assert (row.payment_channel, row.category) == ("carrier pigeon", "SPACE_TRAVEL")
    assert list_unstored(item) == []


# --- Until it can be stored -------------------------------------------------------------------------------


def test_it_forgets_a_row_that_can_be_read_when_it_is_requested_again(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [skipped_page("odd"), transactions_page(added=[transaction_row("odd")])]
    run_sync(item)
    run_sync(item)
    assert (list_unstored(item), item.skipped_transactions) == ([], 0)


def test_it_records_nothing_that_the_bank_does_not_send_again(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [skipped_page("odd", ""), transactions_page(cursor="c1")]
    run_sync(item)
    run_sync(item)
    assert (list_unstored(item), item.skipped_transactions, item.cursor) == ([], 0, "c1")


@pytest.mark.parametrize("change", ["added", "modified", "removed"])
def test_it_forgets_a_row_that_becomes_readable_later_or_is_removed(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions, change: str
) -> None:
    sync_twice(item, provider, lambda: skipped_page("odd", "other"))
    assert item.skipped_transactions == 2
    rows: list[Any] = ["odd"] if change == "removed" else [transaction_row("odd")]
    provider.pages = [transactions_page(**{change: rows}, cursor="c2")]
    run_sync(item)
    assert list_unstored(item) == [("transaction", "invalid_field", "amount", "other", 1)]
    assert item.skipped_transactions == 1
    assert set(stored_transactions()) == (set() if change == "removed" else {"odd"})


def test_it_keeps_a_row_whose_stored_version_is_older(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [transactions_page(added=[transaction_row("odd", "-5")], cursor="c1")]
    run_sync(item)
    sync_twice(item, provider, lambda: skipped_page("odd", cursor="c2"))
    assert stored_transactions()["odd"].amount == -5
    assert (list_unstored(item), item.skipped_transactions) == (
        [("transaction", "invalid_field", "amount", "odd", 1)],
        1,
    )


def test_it_records_a_row_once_with_its_latest_reason(item: Item, provider: ScriptedProvider) -> None:
    sync_twice(item, provider, lambda: skipped_page("odd", "", field="amount"))
    provider.pages = [skipped_page("odd", "", field="date", cursor="c2")]
    run_sync(item)
    assert list_unstored(item) == [
        ("transaction", "invalid_field", "amount", "", 1),
        ("transaction", "invalid_field", "date", "", 1),
        ("transaction", "invalid_field", "date", "odd", 1),
    ]
    assert item.skipped_transactions == 3


def test_it_replaces_all_records_after_a_complete_download(item: Item, provider: ScriptedProvider) -> None:
    sync_twice(item, provider, lambda: skipped_page("odd", "other", ""))
    assert item.skipped_transactions == 3
    provider.pages = [InvalidCursor("INVALID_FIELD"), skipped_page("other", cursor="n1")]
    run_sync(item)
    assert list_unstored(item) == [("transaction", "invalid_field", "amount", "other", 1)]
    assert item.skipped_transactions == 1


def test_it_keeps_records_that_a_complete_download_with_nameless_rows_may_contain(
    item: Item, provider: ScriptedProvider
) -> None:
    sync_twice(item, provider, lambda: skipped_page("odd"))
    provider.pages = [InvalidCursor("INVALID_FIELD"), skipped_page("", cursor="n1")]
    run_sync(item)
    assert [(provider_id, rows) for *_, provider_id, rows in list_unstored(item)] == [("", 1), ("odd", 1)]


def test_it_counts_no_row_twice_while_the_stream_is_prepared(item: Item, provider: ScriptedProvider) -> None:
    def make_page() -> TransactionsPage:
        return skipped_page("odd", "", added=[transaction_row("a")], readiness=Readiness.INITIAL)

    sync_twice(item, provider, make_page)
    update_item(item, cursor="")
    sync_twice(item, provider, make_page)
    assert item.skipped_transactions == 2


@pytest.mark.parametrize("field", ["added", "modified", "removed"])
def test_it_reads_everything_again_once_a_list_is_sent(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions, field: str
) -> None:
    def make_page(cursor: str) -> TransactionsPage:
        return skip(transactions_page(cursor=cursor), [SkippedRow(RowKind.PAGE, field)])

    provider.pages = [make_page("c1"), make_page("c1"), make_page("c2"), transactions_page(cursor="c3")]
    for cursor in ("", "c1", "c2", ""):
        run_sync(item)
        assert item.cursor == cursor
    assert list_unstored(item) == []
    provider.pages = [transactions_page(added=[transaction_row("lost")], cursor="n1")]
    run_sync(item)
    assert (set(stored_transactions()), item.cursor) == ({"lost"}, "n1")


@pytest.mark.parametrize(
    "error", [SkippedRow(RowKind.PAGE, "transactions_update_status"), SkippedRow(RowKind.PAGE, "accounts")]
)
def test_it_moves_on_when_another_part_of_the_page_can_be_read_again(
    item: Item, provider: ScriptedProvider, error: SkippedRow
) -> None:
    provider.pages = [skip(transactions_page(cursor="c1"), [error]), transactions_page(cursor="c2")]
    run_sync(item)
    run_sync(item)
    assert (list_unstored(item), item.cursor) == ([], "c2")


def test_it_forgets_rows_of_an_account_that_appears(item: Item, provider: ScriptedProvider) -> None:
    def list_rows() -> list[TransactionRow]:
        return [transaction_row("a"), transaction_row("b", account_id=CARD.provider_id)]

    provider.listed_accounts = [CHECKING]
    sync_twice(item, provider, lambda: transactions_page(added=list_rows()))
    assert list_unstored(item) == [("transaction", "unknown_account", "account_id", "b", 1)]
    provider.listed_accounts = [CHECKING, CARD]
    provider.pages = [transactions_page(cursor="c2"), transactions_page(added=list_rows(), cursor="n1")]
    run_sync(item)
    run_sync(item)
    assert (list_unstored(item), item.skipped_transactions) == ([], 0)


def test_it_marks_no_stored_row_as_removed_when_the_list_of_rows_was_not_sent(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    today = {"date": timezone.localdate(), "authorized_date": None}
    provider.pages = [transactions_page(added=[transaction_row("known", **today)], cursor="c1")]
    run_sync(item)
    provider.pages = [
        InvalidCursor("INVALID_FIELD"),
        skip(transactions_page(cursor="n1"), [SkippedRow(RowKind.PAGE, "added")]),
    ]
    run_sync(item)
    assert set(stored_transactions()) == {"known"}


def test_it_deletes_records_after_two_years(item: Item, provider: ScriptedProvider) -> None:
    sync_twice(item, provider, lambda: skipped_page("odd"))
    for days, rows in ((729, 1), (731, 0)):
        with time_machine.travel(timezone.now() + timedelta(days=days)):
            provider.pages = [transactions_page(cursor=f"c{days}")]
            run_sync(item)
            assert len(list_unstored(item)) == rows
    assert item.skipped_transactions == 0


@pytest.mark.parametrize("keep_history", [True, False])
def test_it_deletes_the_records_of_a_disconnected_bank(
    item: Item, provider: ScriptedProvider, alice: User, keep_history: bool
) -> None:
    sync_twice(item, provider, lambda: skipped_page("odd", ""))
    disconnect_bank(user=alice, item_id=item.pk, keep_history=keep_history)
    assert list_unstored(item) == []


def test_it_names_fields_and_no_values(item: Item, provider: ScriptedProvider) -> None:
    odd = ODD | {"name": "PSYCHIATRIST", "merchant_name": "PSYCHIATRIST", "amount": "123.45 secret"}
    sync_twice(item, provider, lambda: responses.parse_sync(encode_page(**FULL_PAGE | {"added": [odd]})))
    with tenant(item.owner_id):
        recorded = str(UnstoredRow.objects.values().get())
    assert "odd" in recorded
    assert "PSYCHIATRIST" not in recorded
    assert "123.45" not in recorded
    assert get_last_run(item).field_errors == "transaction.amount 1"


# --- For operators ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True, databases=["default", "viewer"])
def test_it_shows_operators_sums_over_all_users_and_nobodys_ids(
    as_root: Client, alice: User, mallory: User, make_item: Callable[..., Item], provider: ScriptedProvider
) -> None:
    items = [make_item(user) for user in (alice, mallory)]
    for number, item in enumerate(items):
        sync_twice(item, provider, lambda: skipped_page("odd-1", "odd-2" if number else ""))  # noqa: B023
    response = as_root.get(reverse("admin:banking_unstoredrowcount_changelist"))
    [count] = response.context["cl"].result_list
    assert (count.institution_name, count.kind, count.reason, count.field) == (
        "First Platypus Bank",
        "transaction",
        "invalid_field",
        "amount",
    )
    assert (count.rows, count.connections) == (4, 2)
    page = response.content.decode()
    for item in items:
        assert not [secret for secret in (str(item.pk), str(item.owner_id), item.provider_item_id) if secret in page]
    assert "odd-" not in page


def test_it_forgets_a_row_that_turns_out_to_be_of_a_removed_account(
    alice: User, item: Item, provider: ScriptedProvider
) -> None:
    sync_twice(item, provider, lambda: skipped_page("odd", added=[transaction_row("good")]))
    assert [row[3] for row in list_unstored(item)] == ["odd"]
    with tenant(item.owner_id):
        card = Account.objects.get(provider_id="acc-card")
    remove_account(user=alice, account_id=card.pk, keep_history=True)
    provider.pages = [transactions_page(modified=[transaction_row("odd", account_id="acc-card")])]
    run_sync(item)
    assert list_unstored(item) == []
    assert update_item(item).skipped_transactions == 0
