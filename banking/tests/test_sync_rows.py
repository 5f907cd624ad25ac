"""How stored rows are replaced, moved and removed: pending and posted, other accounts, restarted streams."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from accounts.models import User
from banking.models import Account, Item, Transaction
from banking.provider import InvalidCursor, Readiness, TransactionRow
from banking.tests.scripted_provider import CARD, CHECKING, ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import StoredTransactions, get_last_run, run_sync
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)


def make_pending_row(**changes: object) -> TransactionRow:
    return transaction_row("pending", "-14.17", pending=True, **changes)


def make_posted_row(**changes: object) -> TransactionRow:
    return transaction_row("posted", "-14.17", pending_id="pending", **changes)


def make_recent_row(provider_id: str, **changes: object) -> TransactionRow:
    today = timezone.localdate()
    return transaction_row(provider_id, date=today, authorized_date=today, **changes)


@pytest.fixture
def update_transaction(alice: User) -> Callable[..., None]:
    """Set the user's own columns (note, category, hidden) of one of Alice's transactions."""

    def update(provider_id: str, **columns: object) -> None:
        with tenant(alice.pk):
            assert Transaction.objects.filter(owner=alice, provider_id=provider_id).update(**columns) == 1

    return update


def test_it_counts_a_payment_once_before_the_pending_row_is_removed(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [
        transactions_page(added=[make_pending_row()], cursor="c1"),
        transactions_page(added=[make_posted_row()], cursor="c2"),
    ]
    run_sync(item)
    run_sync(item)
    assert set(stored_transactions()) == {"posted"}
    provider.pages = [transactions_page(modified=[make_pending_row(name="A CHANGED NAME")], cursor="c3")]
    run_sync(item)
    assert set(stored_transactions()) == {"posted"}
    provider.pages = [transactions_page(removed=["pending"], cursor="c4")]
    run_sync(item)
    assert set(stored_transactions()) == {"posted"}


def test_it_counts_a_payment_once_if_the_pending_row_arrives_last(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [
        transactions_page(added=[make_posted_row()], cursor="c1"),
        transactions_page(added=[make_pending_row()], cursor="c2"),
    ]
    run_sync(item)
    run_sync(item)
    assert set(stored_transactions()) == {"posted"}


def test_it_counts_a_pending_row_again_if_its_posted_row_is_removed(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [
        transactions_page(added=[make_pending_row(), make_posted_row()], cursor="c1"),
        transactions_page(removed=["posted"], cursor="c2"),
    ]
    run_sync(item)
    run_sync(item)
    assert set(stored_transactions()) == {"pending"}


def test_it_counts_a_pending_row_again_if_the_posted_row_no_longer_refers_to_it(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [
        transactions_page(added=[make_pending_row(), make_posted_row()], cursor="c1"),
        transactions_page(modified=[transaction_row("posted")], cursor="c2"),
    ]
    run_sync(item)
    run_sync(item)
    assert set(stored_transactions()) == {"pending", "posted"}


def test_it_keeps_the_users_columns_when_the_bank_gives_accounts_and_rows_new_ids(
    item: Item,
    provider: ScriptedProvider,
    stored_transactions: StoredTransactions,
    update_transaction: Callable[..., None],
) -> None:
    """Of two equal rows, each keeps its own."""
    new_account = CHECKING._replace(provider_id="acc-new")
    provider.pages = [transactions_page(added=[make_recent_row(name) for name in ("old-1", "old-2", "old-3")])]
    run_sync(item)
    update_transaction("old-1", note="with Bob", user_category="TRAVEL", category_source="person")
    update_transaction("old-3", hidden=True, hidden_source="person")
    provider.listed_accounts = [new_account, CARD]
    added = [make_recent_row(name, account_id="acc-new") for name in ("new-1", "new-2", "new-3")]
    provider.pages = [transactions_page(added=added, removed=["old-1", "old-2", "old-3"], cursor="c2")]
    run_sync(item)
    rows = stored_transactions()
    assert {name: (row.note, row.user_category, row.category_source, row.hidden) for name, row in rows.items()} == {
        "new-1": ("with Bob", "TRAVEL", "person", False),
        "new-2": ("", "", "", False),
        "new-3": ("", "", "", True),
    }


def test_it_does_not_let_a_row_replace_itself(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [
        transactions_page(
            added=[transaction_row("a", pending=True, pending_id="a"), transaction_row("b", pending_id="b")]
        )
    ]
    run_sync(item)
    assert set(stored_transactions()) == {"a", "b"}


def test_it_repairs_rows_that_were_stored_twice(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [transactions_page(added=[make_pending_row(), make_posted_row()], cursor="c1")]
    run_sync(item)
    with tenant(item.owner_id):
        Transaction.objects.filter(owner=item.owner_id).update(removed_at=None, replaced_by="")
    provider.pages = [transactions_page(cursor="c1")]
    run_sync(item)
    assert set(stored_transactions()) == {"posted"}


def test_it_copies_the_users_changes_to_the_posted_row_once(
    item: Item,
    provider: ScriptedProvider,
    stored_transactions: StoredTransactions,
    update_transaction: Callable[..., None],
) -> None:
    provider.pages = [
        transactions_page(added=[make_pending_row()], cursor="c1"),
        transactions_page(added=[make_posted_row()], cursor="c2"),
    ]
    run_sync(item)
    update_transaction("pending", note="with Bob", user_category="TRAVEL")
    run_sync(item)
    assert (stored_transactions()["posted"].note, stored_transactions()["posted"].user_category) == (
        "with Bob",
        "TRAVEL",
    )
    update_transaction("posted", note="", user_category="")
    provider.pages = [transactions_page(modified=[make_posted_row(name="A CHANGED NAME")], cursor="c3")]
    run_sync(item)
    assert (stored_transactions()["posted"].note, stored_transactions()["posted"].user_category) == ("", "")


def test_it_moves_a_transaction_to_another_account_with_the_users_changes(
    item: Item,
    provider: ScriptedProvider,
    stored_transactions: StoredTransactions,
    update_transaction: Callable[..., None],
) -> None:
    provider.pages = [transactions_page(added=[transaction_row("a")], cursor="c1")]
    run_sync(item)
    update_transaction("a", note="mine")
    for cursor, account in (("c2", CARD), ("c3", CHECKING), ("c4", CARD)):
        provider.pages = [
            transactions_page(modified=[transaction_row("a", account_id=account.provider_id)], cursor=cursor)
        ]
        run_sync(item)
        with tenant(item.owner_id):
            (row,) = Transaction.objects.filter(owner=item.owner_id).select_related("account")
            assert (row.account.provider_id, row.note, row.removed_at) == (account.provider_id, "mine", None)


def test_it_removes_a_second_copy_of_a_row(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [
        transactions_page(
            added=[transaction_row("a"), transaction_row("twin", account_id=CARD.provider_id)], cursor="c1"
        )
    ]
    run_sync(item)
    with tenant(item.owner_id):
        Transaction.objects.filter(owner=item.owner_id, provider_id="twin").update(provider_id="a")
    provider.pages = [transactions_page(modified=[transaction_row("a", account_id=CARD.provider_id)], cursor="c2")]
    run_sync(item)
    with tenant(item.owner_id):
        (row,) = Transaction.objects.filter(owner=item.owner_id, removed_at=None).select_related("account")
        assert row.account.provider_id == CARD.provider_id


def test_it_keeps_rows_of_an_unlisted_account_when_all_rows_are_read_again(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [
        transactions_page(added=[make_recent_row("a"), make_recent_row("b", account_id=CARD.provider_id)], cursor="c1")
    ]
    run_sync(item)
    provider.listed_accounts = [CHECKING]
    provider.pages = [InvalidCursor("INVALID_FIELD"), transactions_page(added=[make_recent_row("a")], cursor="n1")]
    run_sync(item)
    assert set(stored_transactions()) == {"a", "b"}


def test_it_removes_missing_rows_when_all_rows_were_read_again_in_two_parts(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions
) -> None:
    provider.pages = [
        transactions_page(
            added=[make_recent_row("kept"), make_recent_row("old"), make_recent_row("ghost")], cursor="c1"
        )
    ]
    run_sync(item)
    provider.pages = [
        InvalidCursor("INVALID_FIELD"),
        transactions_page(added=[make_recent_row("kept")], cursor="n1", readiness=Readiness.INITIAL),
    ]
    run_sync(item)
    assert set(stored_transactions()) == {"kept", "old", "ghost"}
    provider.cursors.clear()
    provider.pages = [transactions_page(added=[make_recent_row("kept"), make_recent_row("old")], cursor="n2")]
    run_sync(item)
    assert provider.cursors == [""]
    assert set(stored_transactions()) == {"kept", "old"}
    assert (item.cursor, get_last_run(item).removed) == ("n2", 1)


def test_it_continues_after_the_first_part_of_an_import(item: Item, provider: ScriptedProvider) -> None:
    provider.pages = [
        transactions_page(added=[make_recent_row("a")], cursor="c1", readiness=Readiness.INITIAL),
        transactions_page(cursor="c2"),
    ]
    run_sync(item)
    run_sync(item)
    assert provider.cursors == ["", "c1"]


@pytest.mark.parametrize("is_known", [True, False])
def test_it_does_not_open_an_account_that_only_a_page_lists(
    item: Item, provider: ScriptedProvider, stored_transactions: StoredTransactions, is_known: bool
) -> None:
    provider.listed_accounts = [CHECKING, CARD] if is_known else [CHECKING]
    run_sync(item)
    provider.listed_accounts = [CHECKING]
    run_sync(item)
    page_accounts = [CARD._replace(current=None)]
    provider.pages = [
        transactions_page(
            added=[transaction_row("a", account_id=CARD.provider_id)], accounts=page_accounts, cursor="c2"
        )
    ]
    run_sync(item)
    assert set(stored_transactions()) == {"a"}
    with tenant(item.owner_id):
        card = Account.objects.get(owner=item.owner_id, provider_id=CARD.provider_id)
        assert card.closed_at is not None
        assert card.current == (CARD.current if is_known else None)
