"""Every statement over staged rows, where PostgreSQL knows nothing and plans as badly as it can.

A database that was made a moment ago has no statistics. A guess that was wrong by a factor of 12,000 made it compare
each staged row with each stored one: ten seconds inside the transaction. Hash and merge joins, which would hide it,
are switched off here, so that what is left are the loops that such a guess leads to.
"""

import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from accounts.models import User
from banking.models import Item, Transaction
from banking.provider import CursorLost, TransactionRow
from banking.sync import ledger
from banking.tests.scripted import CARD, CHECKING, ScriptedProvider, page, transaction
from banking.tests.test_sync import last_run, read
from compliance.isolation import tenant

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = 24_000
HALF = ROWS // 2
MOST_SECONDS = 2.0


@pytest.fixture(autouse=True)
def loops_alone() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_hashjoin = off; SET enable_mergejoin = off")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET enable_hashjoin; RESET enable_mergejoin")


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """The longest time that storing a reading took."""
    took: list[float] = []
    store = ledger.store_transactions

    def timed(**facts: object) -> ledger.Stored:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '20s'")
        began = time.perf_counter()
        stored = store(**facts)
        took.append(time.perf_counter() - began)
        return stored

    monkeypatch.setattr("banking.sync.run.store_transactions", timed)
    return lambda: max(took)


def posted(number: int) -> TransactionRow:
    account = (CHECKING, CARD)[number % 2].provider_id
    return transaction(f"posted-{number}", account_id=account, pending_id=f"pending-{number}")


def pending(number: int) -> TransactionRow:
    account = (CHECKING, CARD)[number % 2].provider_id
    return transaction(f"pending-{number}", account_id=account, pending=True)


def test_it_imports_rows_of_which_each_names_a_pending_one(
    item: Item, provider: ScriptedProvider, longest: Callable[[], float]
) -> None:
    both = [row for number in range(HALF) for row in (pending(number), posted(number))]
    provider.pages = [page(added=both, removed=[f"pending-{number}" for number in range(HALF)])]
    read(item)
    assert last_run(item).result == "ok"
    assert longest() < MOST_SECONDS


def test_it_posts_changes_withdraws_and_reads_again_as_many_rows(
    item: Item, provider: ScriptedProvider, longest: Callable[[], float], alice: User
) -> None:
    provider.pages = [page(added=[pending(number) for number in range(HALF)], cursor="c1")]
    read(item)
    with tenant(alice.pk):
        Transaction.objects.for_user(alice).update(note="mine")
    late = [f"pending-{number}" for number in range(HALF)]
    provider.pages = [page(added=[posted(number) for number in range(HALF)], removed=late, cursor="c2")]
    read(item)
    provider.pages = [CursorLost("INVALID_FIELD"), page(added=[posted(number) for number in range(ROWS)], cursor="n1")]
    read(item)
    assert last_run(item).result == "ok"
    with tenant(alice.pk):
        assert Transaction.objects.for_user(alice).filter(removed_at=None, note="mine").count() == HALF
        assert Transaction.objects.for_user(alice).filter(removed_at=None).count() == ROWS
    assert longest() < MOST_SECONDS
