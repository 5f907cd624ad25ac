"""Random changes at a bank in random pages: after the last sync, the stored rows are those of the bank."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from banking.models import Item, Transaction
from banking.provider import InvalidCursor, Readiness, TransactionRow, TransactionsPage
from banking.tests.scripted_provider import CARD, CHECKING, ScriptedProvider, transaction_row, transactions_page
from banking.tests.sync_runs import run_sync
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)

IDS = ("a", "b", "c", "d")
RowsById = dict[str, tuple[str, Decimal]]


@dataclass
class StreamingBank:
    """A bank's rows, and the log of their changes, which it returns one event a page."""

    rows: dict[str, TransactionRow] = field(default_factory=dict)
    log: list[dict[str, object]] = field(default_factory=list)
    loses_cursors: bool = False
    in_parts: bool = False

    def put(self, row: TransactionRow, *, kind: str) -> None:
        self.rows[row.provider_id] = row
        self.log.append({kind: [row]})

    def drop(self, provider_id: str) -> None:
        self.rows.pop(provider_id, None)
        self.log.append({"removed": [provider_id]})

    def get_page(self, cursor: str) -> TransactionsPage:
        if not cursor:
            return self.first_page()
        if self.loses_cursors:
            self.loses_cursors = False
            raise InvalidCursor("INVALID_FIELD")
        index = int(cursor)
        event = self.log[index] if index < len(self.log) else {}
        next_index = min(index + 1, len(self.log))
        return transactions_page(**event, cursor=str(next_index), more=next_index < len(self.log))

    def first_page(self) -> TransactionsPage:
        """Return all rows; with ``in_parts`` only half of them, and the others as events of the log."""
        rows, cursor = list(self.rows.values()), str(len(self.log))
        if self.in_parts:
            self.in_parts = False
            self.log += [{"added": [row]} for row in rows[1::2]]
            return transactions_page(added=rows[::2], cursor=cursor, readiness=Readiness.INITIAL)
        return transactions_page(added=rows, cursor=cursor)

    def current_rows(self) -> RowsById:
        replaced_ids = {row.pending_id for row in self.rows.values() if not row.pending}
        return {
            key: (row.account_id, row.amount)
            for key, row in self.rows.items()
            if not (row.pending and row.provider_id in replaced_ids)
        }


rows = st.builds(
    lambda key, amount, account, pending, named: transaction_row(
        key,
        str(amount),
        account_id=account.provider_id,
        pending=pending,
        pending_id=named,
        date=timezone.localdate(),
        authorized_date=None,
    ),
    st.sampled_from(IDS),
    st.integers(-9, 9),
    st.sampled_from((CHECKING, CARD)),
    st.booleans(),
    st.sampled_from(("", "", *IDS)),
)
puts = st.tuples(st.sampled_from(("added", "modified")), rows)
events = st.lists(
    st.one_of(
        puts, puts, st.tuples(st.just("removed"), st.sampled_from(IDS)), st.sampled_from(("read", "lost", "parts"))
    ),
    max_size=14,
)


def current_rows(item: Item) -> RowsById:
    with tenant(item.owner_id):
        transactions = Transaction.objects.filter(owner=item.owner_id, account__item=item, removed_at=None)
        listed = [
            (row.provider_id, row.account.provider_id, row.amount) for row in transactions.select_related("account")
        ]
    assert len({key for key, _, _ in listed}) == len(listed)
    return {key: (account, amount) for key, account, amount in listed}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=events)
def test_it_stores_exactly_the_current_rows_of_the_bank(
    story: list[object], alice: User, make_item: Callable[..., Item], provider: ScriptedProvider
) -> None:
    bank = StreamingBank()
    with tenant(alice.pk):
        # A sync compares its Item with all others of the same bank.
        Item.objects.filter(owner=alice).delete()
    item = make_item(alice, provider_item_id=uuid4().hex)
    provider.sync_transactions = lambda token, *, cursor: bank.get_page(cursor)
    for event in [*story, "read"]:
        match event:
            case "removed", str(key):
                bank.drop(key)
            case (str(kind), TransactionRow() as row):
                bank.put(row, kind=kind)
            case "lost":
                bank.loses_cursors = True
            case "parts":
                bank.loses_cursors = bank.in_parts = True
            case "read":
                run_sync(item)
    while bank.in_parts or bank.loses_cursors or item.cursor != str(len(bank.log)):
        run_sync(item)
    assert current_rows(item) == bank.current_rows()
