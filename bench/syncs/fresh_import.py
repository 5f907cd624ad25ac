"""The time to store 24,000 rows in a new database, of which PostgreSQL has no statistics.

Runs before all other benches, because the database has to be new, and leaves it empty.
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
from bench.harness.rounds import goal_at_most, print_result
from bench.syncs.ingest import create_item, read_cursor, sync_from
from compliance.isolation import tenant

ROWS = 24_000
MOST_SECONDS = 2


def prepare_new_database() -> User:
    """Create roles, tables and one user, and return the user. Raises ``SystemExit`` if there are users already."""
    call_command("setup_database", verbosity=0)
    call_command("migrate", database="owner", verbosity=0)
    if User.objects.exists():
        raise SystemExit("The database is not new. Run this bench first, or by itself.")
    return User.objects.create_user("importer@plumbline.example")


def delete_data() -> None:
    """Delete the user and all their data."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("TRUNCATE accounts_user CASCADE")


@contextmanager
def record_transaction_starts() -> Iterator[list[float]]:
    """Yield a list that collects when each transaction that stores rows begins: it locks the Item's row first."""
    starts: list[float] = []
    lock_item = Lease.lock_item

    def record_and_lock(lease: Lease, *, with_user: bool = False) -> Item:
        starts.append(time.perf_counter())
        return lock_item(lease, with_user=with_user)

    with patch.object(Lease, "lock_item", record_and_lock):
        yield starts


def measure_storing(item: Item, source: Bank) -> float:
    """Sync an Item, and return the seconds of the transaction that stores the rows; the sync ends with its commit."""
    with record_transaction_starts() as starts:
        sync_from(item, source)
        return time.perf_counter() - starts[-1]


def make_pending(row: Row) -> Row:
    return {**row, "transaction_id": f"pending {row['transaction_id']}", "pending": True}


def make_posted(row: Row) -> Row:
    return {**row, "pending_transaction_id": f"pending {row['transaction_id']}"}


def count_rows(user: User) -> int:
    with tenant(user.pk):
        return Transaction.objects.for_user(user).filter(removed_at=None).count()


def require_rows_stored(stored: int, *, expected: int) -> None:
    """Raises ``SystemExit`` if the syncs did not store all rows, because the measured times would be too low."""
    if stored != expected:
        raise SystemExit(f"{stored} transactions were stored, not {expected}.")


def measure(user: User) -> dict[str, float]:
    """Return the seconds to store 24,000 rows: new ones; half of them pending, half posted; posts of pending ones."""
    pending = bank.make_rows(ROWS // 2)
    pending_and_posted = [version for row in pending for version in (make_pending(row), make_posted(row))]
    seconds = {
        "both": measure_storing(create_item(user), Bank(pending_and_posted)),
        "new": measure_new_rows(user),
        "posted": measure_posting(user),
    }
    require_rows_stored(count_rows(user), expected=ROWS // 2 + ROWS + ROWS)
    return seconds


def measure_new_rows(user: User) -> float:
    return measure_storing(create_item(user), Bank(bank.make_rows(ROWS)))


def measure_posting(user: User) -> float:
    """Store the posted rows of pending ones with notes, which the posted rows take over."""
    item, rows = create_item(user), bank.make_rows(ROWS)
    sync_from(item, Bank([make_pending(row) for row in rows]))
    with tenant(user.pk):
        Transaction.objects.for_user(user).filter(pending=True).update(note="mine")
    return measure_storing(item, Bank([make_posted(row) for row in rows], after=read_cursor(item)))


def main() -> None:
    user = prepare_new_database()
    try:
        seconds = measure(user)
    finally:
        delete_data()
    print_result(
        "syncs.fresh_import",
        {f"seconds_{name}": goal_at_most(MOST_SECONDS, [value]) for name, value in seconds.items()},
    )


if __name__ == "__main__":
    main()
