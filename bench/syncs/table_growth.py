"""What a page of 500 rows costs while the table of transactions has one million rows, and ten million.

Runs after all other benches, because the nine million rows that it inserts stay.
"""

import math
import os
import statistics

from bench.harness import database, stores
from bench.harness.rounds import goal_at_most, print_result
from bench.syncs.ingest import ImportCases

GROWTH = int(os.environ.get("BENCH_GROWTH", "10"))
PAGES = 60
MOST_EXPONENT = 0.10


def measure_page() -> list[float]:
    """The milliseconds of single pages, each a first sync of a person who has 5,000 transactions already."""
    cases = ImportCases(database.list_regular_users(), stores.PageLimit(), pages=1)
    rates = [cases.measure_sync() for _ in range(PAGES + 10)][10:]
    return [500_000 / rate for rate in rates]


def grow() -> None:
    """Insert as many rows as are missing to ``GROWTH`` times the rows of the other benches."""
    people = database.TRANSACTIONS * GROWTH // database.TRANSACTIONS_PER_USER
    missing = range(len(database.list_regular_users()), people)
    users = [database.create_user(f"user{number}@plumbline.example") for number in missing]
    for first in range(0, len(users), 200):
        chunk = users[first : first + 200]
        database.insert_history(chunk, rows_per_user=database.TRANSACTIONS_PER_USER)
    database.vacuum()


def main() -> None:
    database.prepare()
    small = measure_page()
    grow()
    large = measure_page()
    growth = statistics.median(large) / statistics.median(small)
    print_result(
        "syncs.table_growth",
        {"exponent": goal_at_most(MOST_EXPONENT, [math.log(growth, GROWTH)])},
        milliseconds_a_page={"before": round(statistics.median(small), 1), "after": round(statistics.median(large), 1)},
        times_as_many_rows=GROWTH,
    )


if __name__ == "__main__":
    main()
