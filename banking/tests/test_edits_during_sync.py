"""A person edits a row while a sync is replacing it: the words go with it, or the person is told that it is gone."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper

from accounts.models import User
from banking.categorization.editing import TransactionEdit, edit_transaction
from banking.models import Item, Transaction
from banking.provider import TransactionRow
from banking.sync import statements, store
from banking.tests.account_removal_bank import sync_page
from banking.tests.scripted_provider import ScriptedProvider, transaction_row
from banking.tests.sync_runs import StoredTransactions
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)

# Longer than an edit takes that waits for nothing.
EDIT_SECONDS = 1


@pytest.fixture
def edits(alice: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Future[object]]]:
    """Lets Alice write on her row in another tab after a sync has copied her words, and before it replaces the row."""
    execute, edits = store.execute, list[Future[object]]()

    def execute_and_edit(cursor: CursorWrapper, statement: str, params: dict[str, Any]) -> int:
        count = execute(cursor, statement, params)
        if statement == statements.COPY_USER_FIELDS:
            edits.append(pool.submit(on_own_connection, lambda: write(alice, "old")))
            Event().wait(EDIT_SECONDS)
        return count

    monkeypatch.setattr(store, "execute", execute_and_edit)
    with ThreadPoolExecutor() as pool:
        yield edits


def on_own_connection(act: Callable[[], object]) -> object:
    try:
        return act()
    finally:
        connection.close()


def write(user: User, provider_id: str) -> None:
    with tenant(user.pk):
        row = Transaction.objects.get(owner=user, provider_id=provider_id)
    edit = TransactionEdit(category="", merchant="", note="with Bob", hidden=False, tags=())
    edit_transaction(user=user, transaction_id=row.pk, edit=edit)


@pytest.mark.parametrize(
    ("pending", "new"),
    [(True, transaction_row("new", pending_id="old")), (False, transaction_row("new"))],
    ids=["posted", "new id"],
)
def test_no_words_are_saved_on_a_row_that_a_sync_is_replacing(
    item: Item,
    provider: ScriptedProvider,
    edits: list[Future[object]],
    stored_transactions: StoredTransactions,
    pending: bool,
    new: TransactionRow,
) -> None:
    sync_page(item, provider, added=[transaction_row("old", pending=pending)])
    sync_page(item, provider, added=[new], removed=["old"])
    (edit,) = edits
    with pytest.raises(Transaction.DoesNotExist):
        edit.result()
    assert {name: row.note for name, row in stored_transactions().items()} == {"new": ""}
