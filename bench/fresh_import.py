"""A large bank on a database that was made a moment ago, of which PostgreSQL knows nothing: seconds to store it.

Comes before every other bench, since the database has to be new, and leaves it as empty as it was.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from django.core.management import call_command
from django.db import connections

from accounts.models import User
from banking.models import Item, Transaction
from banking.sync.lease import Lease
from bench.harness import bank
from bench.harness.bank import Bank, Row
from bench.harness.rounds import at_most, print_result
from bench.sync import current_cursor, new_item, sync_from
from compliance.isolation import tenant

ROWS = 24_000
MOST_SECONDS = 2


def make_empty() -> User:
    """Make roles, tables and one person. Raises ``SystemExit`` where somebody is there already."""
    call_command("setup_database", verbosity=0)
    call_command("migrate", database="owner", verbosity=0)
    if User.objects.exists():
        raise SystemExit("The database is not new. Run this bench first, or by itself.")
    return User.objects.create_user("importer@plumbline.example")


def empty_again() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("TRUNCATE accounts_user CASCADE")


@contextmanager
def timed_transactions() -> Iterator[list[float]]:
    """Collect when each storing transaction begins: a reading takes its Item's row for it."""
    begun: list[float] = []
    lock = Lease.lock_item

    def timed_lease(lease: Lease) -> Item:
        begun.append(time.perf_counter())
        return lock(lease)

    with patch.object(Lease, "lock_item", timed_lease):
        yield begun


def seconds_to_store(item: Item, source: Bank) -> float:
    """How long the transaction takes in which a reading is stored; the reading ends with its commit."""
    with timed_transactions() as begun:
        sync_from(item, source)
        return time.perf_counter() - begun[-1]


def as_pending(row: Row) -> Row:
    return {**row, "transaction_id": f"pending {row['transaction_id']}", "pending": True}


def as_posted(row: Row) -> Row:
    return {**row, "pending_transaction_id": f"pending {row['transaction_id']}"}


def count_rows(user: User) -> int:
    with tenant(user.pk):
        return Transaction.objects.for_user(user).filter(removed_at=None).count()


def require(stored: int, *, expected: int) -> None:
    """Raises ``SystemExit`` where a reading did not store what it should have: it would be measured for nothing."""
    if stored != expected:
        raise SystemExit(f"{stored} transactions count, not {expected}.")


def measure(user: User) -> dict[str, float]:
    """Seconds in the transaction for three ways of 24,000 rows: new ones, half of them pending, and posted later."""
    pending = bank.rows(ROWS // 2)
    both = [version for row in pending for version in (as_pending(row), as_posted(row))]
    seconds = {"both": seconds_to_store(new_item(user), Bank(both)), "new": import_new(user), "posted": post(user)}
    require(count_rows(user), expected=ROWS // 2 + ROWS + ROWS)
    return seconds


def import_new(user: User) -> float:
    return seconds_to_store(new_item(user), Bank(bank.rows(ROWS)))


def post(user: User) -> float:
    """Post what was pending and has a note, which goes over to the posted row."""
    item, sent = new_item(user), bank.rows(ROWS)
    sync_from(item, Bank([as_pending(row) for row in sent]))
    with tenant(user.pk):
        Transaction.objects.for_user(user).filter(pending=True).update(note="mine")
    return seconds_to_store(item, Bank([as_posted(row) for row in sent], after=current_cursor(item)))


def main() -> None:
    user = make_empty()
    try:
        seconds = measure(user)
    finally:
        empty_again()
    print_result("fresh_import", {f"seconds_{name}": at_most(MOST_SECONDS, [value]) for name, value in seconds.items()})


if __name__ == "__main__":
    main()
