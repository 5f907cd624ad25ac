"""``/transactions/sync`` against a client that applies only the changes that it gets."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.bank import accounts, sync, transaction_log
from sandbox.bank.transaction_log import Changes, Row
from sandbox.context import AppContext, open_context
from sandbox.errors import PlaidError
from sandbox.identifiers import new_id
from sandbox.personas.drafts import AccountDraft

MUTATION = "TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppContext]:
    made = open_context(tmp_path_factory.mktemp("sync"), client_id="id", secret="secret")
    for schema in (accounts.SCHEMA, transaction_log.SCHEMA):
        made.store.create(schema)
    yield made
    made.store.close()


class Bank:
    """One Item's transaction log, and changes of it."""

    def __init__(self, context: AppContext) -> None:
        self.context = context
        self.item_id = new_id()
        self.names: list[str] = []
        self.accounts = [
            accounts.open_account(context, self.item_id, AccountDraft(key, key, "depository", "checking", Decimal(0)))
            for key in ("first", "second")
        ]

    def row(self, transaction_id: str, amount: int, account: int = 0) -> Row:
        return {
            "transaction_id": transaction_id,
            "account_id": self.accounts[account],
            "amount": str(amount),
            "pending": False,
        }

    def add(self, amount: int, account: int = 0) -> str:
        self.names.append(new_id())
        self.append(Changes(added=[self.row(self.names[-1], amount, account)]))
        return self.names[-1]

    def modify(self, transaction_id: str, amount: int) -> None:
        self.append(Changes(modified=[self.row(transaction_id, amount)]))

    def remove(self, transaction_id: str) -> None:
        self.append(Changes(removed=[transaction_id]))

    def append(self, changes: Changes) -> None:
        transaction_log.append(self.context, self.item_id, changes)

    def amounts(self) -> dict[str, str]:
        return {row["transaction_id"]: row["amount"] for row in transaction_log.current(self.context, self.item_id)}

    def page(self, cursor: str = "", count: int = 100, account: str = "", epoch: int = 0) -> sync.SyncPage:
        head = transaction_log.head(self.context, self.item_id)
        return sync.read_page(
            self.context,
            item_id=self.item_id,
            epoch=epoch,
            released=head,
            cursor=cursor,
            count=count,
            account_id=account,
        )


class StrictClient:
    """Applies pages strictly: added rows must be new to it, modified and removed ones known."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.rows: dict[str, str] = {}
        self.cursor = ""

    def run(self, count: int, meanwhile: list[Any]) -> None:
        """Sync all pages, with restarts; between two pages the next of the changes in ``meanwhile`` is made."""
        while True:
            try:
                pages = list(self._pages(count, meanwhile))
            except PlaidError as error:
                if error.code != MUTATION:
                    raise
                continue
            for page in pages:
                self._apply(page)
            self.cursor = pages[-1].next_cursor
            return

    def _pages(self, count: int, meanwhile: list[Any]) -> Iterator[sync.SyncPage]:
        cursor = self.cursor
        while True:
            page = self.bank.page(cursor, count)
            yield page
            if not page.has_more:
                return
            cursor = page.next_cursor
            if meanwhile:
                meanwhile.pop(0)()

    def _apply(self, page: sync.SyncPage) -> None:
        for row in page.added:
            assert row["transaction_id"] not in self.rows
            self.rows[row["transaction_id"]] = row["amount"]
        for row in page.modified:
            assert row["transaction_id"] in self.rows
            self.rows[row["transaction_id"]] = row["amount"]
        for transaction_id, _ in page.removed:
            del self.rows[transaction_id]


OPERATIONS = st.lists(st.tuples(st.sampled_from("aaamrs"), st.integers(0, 999), st.integers(1, 4)), max_size=40)


@given(operations=OPERATIONS, during=OPERATIONS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_gives_every_client_the_current_transactions(
    context: AppContext, operations: list[Any], during: list[Any]
) -> None:
    bank = Bank(context)
    client = StrictClient(bank)
    for kind, number, count in operations:
        if kind == "s":
            client.run(count, [lambda operation=operation: change(bank, *operation[:2]) for operation in during])
        else:
            change(bank, kind, number)
    client.run(3, [lambda operation=operation: change(bank, *operation[:2]) for operation in during])
    client.run(2, [])
    assert client.rows == bank.amounts()


def change(bank: Bank, kind: str, number: int) -> None:
    """Add a row, or change or remove the one at ``number`` modulo their count."""
    alive = list(bank.amounts())
    if kind == "m" and alive:
        bank.modify(alive[number % len(alive)], number)
    elif kind == "r" and alive:
        bank.remove(alive[number % len(alive)])
    elif kind == "a":
        bank.add(number)


def test_it_omits_a_row_that_was_added_and_removed_between_two_syncs(context: AppContext) -> None:
    bank = Bank(context)
    cursor = bank.page().next_cursor
    bank.remove(bank.add(5))
    page = bank.page(cursor)
    assert (page.added, page.modified, page.removed) == ([], [], [])


def test_it_returns_a_row_that_was_added_and_changed_as_added(context: AppContext) -> None:
    bank = Bank(context)
    bank.modify(bank.add(5), 6)
    page = bank.page()
    assert [row["amount"] for row in page.added] == ["6"]
    assert page.modified == []


def test_it_returns_a_row_that_was_changed_and_removed_as_removed(context: AppContext) -> None:
    bank = Bank(context)
    row = bank.add(5)
    cursor = bank.page().next_cursor
    bank.modify(row, 6)
    bank.remove(row)
    assert bank.page(cursor).removed == [(row, bank.accounts[0])]


def test_it_refuses_the_next_page_when_the_log_has_grown(context: AppContext) -> None:
    bank = Bank(context)
    bank.add(1)
    bank.add(2)
    page = bank.page(count=1)
    bank.add(3)
    with pytest.raises(PlaidError, match=MUTATION):
        bank.page(page.next_cursor, count=1)
    assert [row["amount"] for row in bank.page(count=3).added] == ["1", "2", "3"]


def test_it_ends_the_pagination_at_a_full_page(context: AppContext) -> None:
    bank = Bank(context)
    bank.add(1)
    bank.add(2)
    assert not bank.page(count=2).has_more


def test_it_returns_an_empty_page_when_nothing_changed(context: AppContext) -> None:
    bank = Bank(context)
    bank.add(1)
    cursor = bank.page().next_cursor
    page = bank.page(cursor)
    assert (page.added, page.has_more, page.next_cursor) == ([], False, cursor)


def test_it_refuses_a_cursor_of_another_item(context: AppContext) -> None:
    other_cursor = Bank(context).page().next_cursor
    with pytest.raises(PlaidError, match="cursor not associated with access_token"):
        Bank(context).page(other_cursor)


def test_it_refuses_a_cursor_of_an_earlier_epoch(context: AppContext) -> None:
    bank = Bank(context)
    with pytest.raises(PlaidError, match="cursor not associated with access_token"):
        bank.page(bank.page().next_cursor, epoch=1)


@pytest.mark.parametrize("cursor", ["nonsense!", "AAAA", "üüü", "A" * 256])
def test_it_refuses_an_invalid_cursor(context: AppContext, cursor: str) -> None:
    with pytest.raises(PlaidError, match="INVALID_FIELD"):
        Bank(context).page(cursor)


def test_it_syncs_one_account_separately(context: AppContext) -> None:
    bank = Bank(context)
    bank.add(1, account=0)
    bank.add(2, account=1)
    page = bank.page(account=bank.accounts[1])
    assert [row["amount"] for row in page.added] == ["2"]
    with pytest.raises(PlaidError, match="cursor belongs to another account_id"):
        bank.page(page.next_cursor)


def test_it_keeps_cursors_within_256_characters(context: AppContext, tmp_path: Path) -> None:
    bank = Bank(context)
    bank.add(1)
    assert len(bank.page(account=bank.accounts[0]).next_cursor) <= 256
