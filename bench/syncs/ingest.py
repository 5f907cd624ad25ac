"""From Plaid's JSON to committed rows and cursor: `sync_item`, compared with COPY of prepared bytes and the ORM."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from unittest.mock import patch
from uuid import uuid4

from django.db import connections

from accounts.models import User
from banking.models import Account, Item
from banking.provider import Readiness
from banking.sync import sync_item
from bench.harness import bank, database, stores
from bench.harness.bank import PAGE, Bank
from bench.harness.rounds import (
    Case,
    goal_at_least,
    goal_at_most,
    measure_seconds,
    median,
    print_result,
    ratios,
    run_rounds,
)
from compliance.isolation import tenant

IMPORT_PAGES = 10
MEMORY_ROWS = 12_000
MOST_SECONDS = 10
MOST_MEGABYTES = 300


@dataclass(frozen=True, slots=True)
class ImportCases:
    """Three ways to store ``pages`` pages, each as a case that measures rows per second.

    Every run stores new transactions of a new Item for a user who has 5,000 transactions already.
    """

    users: Sequence[User]
    limit: stores.PageLimit
    pages: int

    def by_name(self) -> dict[str, Case]:
        return {"site": self.measure_sync, "limit": self.measure_page_limit, "orm": self.measure_orm}

    def measure_sync(self) -> float:
        item, source = create_item(random.choice(self.users)), Bank(self.make_rows())
        return self.measure_rate(lambda: sync_from(item, source))

    def measure_page_limit(self) -> float:
        account = create_account(random.choice(self.users))
        pages = [stores.build_copy_bytes(account, page) for page in Bank(self.make_rows()).pages.values()]
        return self.measure_rate(lambda: self.limit.store(account, pages))

    def measure_orm(self) -> float:
        account, pages = create_account(random.choice(self.users)), list(Bank(self.make_rows()).pages.values())
        return self.measure_rate(lambda: stores.store_by_orm(account, pages))

    def make_rows(self) -> list[bank.Row]:
        return bank.make_rows(self.pages * PAGE)

    def measure_rate(self, work: Callable[[], object]) -> float:
        return self.pages * PAGE / measure_seconds(work)


def create_item(user: User) -> Item:
    """Create an Item that has never been synced, at a new bank."""
    return database.connect_bank(user, f"Bench Bank {uuid4()}", cursor="", readiness=Readiness.NOT_READY)


def create_account(user: User) -> Account:
    return database.open_accounts(create_item(user), [("Everyday Checking", "depository", "checking", "100", None)])[0]


def sync_from(item: Item, source: Bank) -> None:
    """Sync an Item from this bank, without the network. Raises ``SystemExit`` if the sync did not run."""
    with patch("banking.plaid.provider.PlaidProvider.connect", staticmethod(source.make_connect())):
        outcome = sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="bench")
    if not outcome.ran:
        raise SystemExit("The Item could not be synced.")


def count_rewritten_rows(user: User) -> int:
    """Count the row versions that a page writes whose rows are all stored already."""
    item, rows = create_item(user), bank.make_rows(PAGE)
    sync_from(item, Bank(rows))
    before = list_row_versions(item)
    sync_from(item, Bank(rows, kind="modified", after=read_cursor(item)))
    if len(before) != PAGE:
        raise SystemExit(f"{len(before)} of {PAGE} rows were stored.")
    return len(list_row_versions(item) - before)


def list_row_versions(item: Item) -> set[tuple[object, ...]]:
    """Return the id, ``ctid`` and ``xmin`` of an Item's transactions; the last two change with each row version."""
    with connections["ops"].cursor() as cursor:
        cursor.execute(
            "SELECT t.id, t.ctid::text, t.xmin::text FROM banking_transaction t JOIN banking_account a"
            " ON a.id = t.account_id WHERE a.item_id = %s",
            [item.pk],
        )
        return set(cursor.fetchall())


def read_cursor(item: Item) -> str:
    with tenant(item.owner_id):
        return Item.objects.get(pk=item.pk).cursor


def measure_import(user: User) -> tuple[float, float]:
    """Return the seconds and the peak memory in MB of a new process that imports one Item over HTTP, in 24 pages.

    Raises ``SystemExit`` if not all rows were stored.
    """
    item = create_item(user)
    with bank.serve_over_http(Bank(bank.make_rows(MEMORY_ROWS))) as url:
        done = subprocess.run(
            [sys.executable, "-m", "bench.harness.memory", str(item.owner_id), str(item.pk)],
            env=os.environ | {"PLAID_URL": url},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    if len(list_row_versions(item)) != MEMORY_ROWS:
        raise SystemExit("The import did not store all rows.")
    seconds, megabytes = map(float, done.stdout.split())
    return seconds, megabytes


def main() -> None:
    database.prepare()
    users, limit = database.list_regular_users(), stores.PageLimit()
    imports = run_rounds(ImportCases(users, limit, IMPORT_PAGES).by_name())
    single = run_rounds(ImportCases(users, limit, pages=1).by_name())
    seconds, megabytes = measure_import(users[0])
    print_result(
        "syncs.ingest",
        {
            "import_to_page_limit": goal_at_least(0.55, ratios(imports, "site", "limit")),
            "import_to_bulk_create": goal_at_least(2.3, ratios(imports, "site", "orm")),
            "rows_rewritten_by_an_unchanged_page": goal_at_most(0, [count_rewritten_rows(users[0])]),
            "import_of_12000_seconds": goal_at_most(MOST_SECONDS, [seconds]),
            "import_of_12000_peak_megabytes": goal_at_most(MOST_MEGABYTES, [megabytes]),
        },
        import_rows_a_second={name: median(imports, name) for name in ("site", "limit", "orm")},
        single_page_rows_a_second={name: median(single, name) for name in ("site", "limit", "orm")},
        bytes_a_row=len(next(iter(Bank(bank.make_rows(PAGE)).pages.values()))) // PAGE,
    )


if __name__ == "__main__":
    main()
