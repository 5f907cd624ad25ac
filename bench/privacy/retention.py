"""The daily purge of one person's old transactions: batches that keep their totals, compared with one DELETE.

While it runs, another connection updates rows that are about to be deleted, as a sync does: the longest of its waits is
the longest lock that it met.
"""

import random
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count
from uuid import UUID

import psycopg
from django.db import connection
from django.utils import timezone

from accounts.models import User
from banking.models import Transaction
from banking.retention.transaction_rule import RULE
from bench.harness import database
from bench.harness.rounds import (
    Round,
    goal_at_least,
    goal_at_most,
    measure_seconds,
    median,
    print_result,
    ratios,
    run_round,
)
from compliance.isolation import tenant
from compliance.retention.choosing import choose_period
from compliance.retention.models import RetentionSetting
from compliance.retention.purging import BATCH_ROWS, ClaimedSetting, claim_due_settings, purge_expired

ROWS = 115_000
DAYS = 90
ROUNDS = 5
MILLISECONDS = 1000
# So that the writer does not compete for this process's time.
PAUSE_SECONDS = 0.01

_numbers = count()
waits: list[float] = []


def create_owner() -> User:
    """Create a user with two years of transactions, most of which are too old."""
    user = database.create_user(f"purged{next(_numbers)}@plumbline.example")
    database.insert_history([user], rows_per_user=ROWS)
    return user


def first_day_kept() -> date:
    return timezone.localdate() - timedelta(days=DAYS)


def count_old(user: User) -> int:
    with tenant(user.pk):
        return Transaction.objects.for_user(user).filter(day__lt=first_day_kept()).count()


def delete_at_once() -> float:
    """Delete the rows by one statement, without totals, and return the rows per second."""
    user = create_owner()
    rows = count_old(user)

    def delete() -> None:
        with tenant(user.pk), connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM banking_transaction WHERE owner_id = %s AND day < %s", [user.pk, first_day_kept()]
            )

    return rows / measure_seconds(delete)


def purge_in_batches() -> float:
    """Purge the rows as the daily job does, beside a writer, and return the rows per second."""
    user = create_owner()
    rows, claim = count_old(user), claim_setting(user)
    with write_meanwhile(user.pk):
        seconds = measure_seconds(lambda: purge_expired(claim))
    if count_old(user):
        raise SystemExit("The purge left old rows.")
    return rows / seconds


def claim_setting(user: User) -> ClaimedSetting:
    """Let a period count now, and claim it."""
    choose_period(user=user, rule=RULE, days=DAYS, at_once=True)
    with tenant(user.pk):
        RetentionSetting.objects.filter(owner=user).update(due_at=timezone.now())
    return next(claim for claim in claim_due_settings(limit=1000) if claim.owner_id == user.pk)


@contextmanager
def write_meanwhile(owner_id: UUID) -> Iterator[None]:
    """Update old rows over a connection of its own until the block ends, and add the time of each to ``waits``."""
    stop = threading.Event()
    writer = threading.Thread(target=write_until, args=(owner_id, stop))
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


def write_until(owner_id: UUID, stop: threading.Event) -> None:
    with database.open_connection("default") as site:
        database.bind_owner(site, owner_id)
        row_ids = [row[0] for row in site.execute(OLD_ROWS, [owner_id, first_day_kept()]).fetchall()]
        site.commit()
        while not stop.wait(PAUSE_SECONDS):
            waits.append(measure_seconds(lambda: update_row(site, owner_id, random.choice(row_ids))) * MILLISECONDS)


OLD_ROWS = "SELECT id FROM banking_transaction WHERE owner_id = %s AND day < %s ORDER BY day, id"


def update_row(site: psycopg.Connection, owner_id: UUID, row_id: UUID) -> None:
    database.bind_owner(site, owner_id)
    site.execute("UPDATE banking_transaction SET note = 'x' WHERE id = %s", [row_id])
    site.commit()


def main() -> None:
    database.prepare()
    rounds: list[Round] = []
    longest_waits: list[float] = []
    # The first round is discarded, because caches fill in it.
    for _ in range(ROUNDS + 1):
        waits.clear()
        rounds.append(run_round({"purge": purge_in_batches, "delete": delete_at_once}))
        longest_waits.append(max(waits))
    rounds, longest_waits = rounds[1:], longest_waits[1:]
    print_result(
        "retention",
        {
            "purged_rows_per_second": goal_at_least(100_000, [figures["purge"] for figures in rounds]),
            "longest_lock_milliseconds": goal_at_most(200, longest_waits),
        },
        purge_to_one_delete=round(statistics.median(ratios(rounds, "purge", "delete")), 3),
        rows_per_batch=BATCH_ROWS,
        rows_per_second={name: median(rounds, name) for name in ("purge", "delete")},
    )


if __name__ == "__main__":
    main()
