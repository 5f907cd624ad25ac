"""From Plaid's JSON to committed rows and cursor: `sync_item` against the page limit and against the stock ORM."""

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
from bench.harness.rounds import Case, at_least, at_most, median, print_result, race, ratios, seconds
from compliance.isolation import tenant

IMPORT_PAGES = 10
MEMORY_ROWS = 12_000
MOST_MEGABYTES = 300


@dataclass(frozen=True, slots=True)
class Ways:
    """The three ways to store so many pages, each a case that returns rows a second.

    Every run stores new transactions of a new Item, for a person who has 5,000 of them already.
    """

    users: Sequence[User]
    limit: stores.PageLimit
    pages: int

    def cases(self) -> dict[str, Case]:
        return {"site": self.by_sync, "limit": self.by_page_limit, "orm": self.by_orm}

    def by_sync(self) -> float:
        item, source = new_item(random.choice(self.users)), Bank(self.rows())
        return self.rate(lambda: sync_from(item, source))

    def by_page_limit(self) -> float:
        account = new_account(random.choice(self.users))
        pages = [stores.ready_bytes(account, page) for page in Bank(self.rows()).pages.values()]
        return self.rate(lambda: self.limit.store(account, pages))

    def by_orm(self) -> float:
        account, pages = new_account(random.choice(self.users)), list(Bank(self.rows()).pages.values())
        return self.rate(lambda: stores.store_by_orm(account, pages))

    def rows(self) -> list[bank.Row]:
        return bank.rows(self.pages * PAGE)

    def rate(self, work: Callable[[], object]) -> float:
        return self.pages * PAGE / seconds(work)


def new_item(user: User) -> Item:
    """An Item that has been linked and never read, at a bank where the person has no other one."""
    return database.connect_bank(user, f"Bench Bank {uuid4()}", cursor="", readiness=Readiness.NOT_READY)


def new_account(user: User) -> Account:
    return database.open_accounts(new_item(user), [("Everyday Checking", "depository", "checking", "100", None)])[0]


def sync_from(item: Item, source: Bank) -> None:
    """Let the site read an Item from this bank."""
    with patch("banking.plaid.provider.PlaidProvider.connect", staticmethod(source.door())):
        outcome = sync_item(owner_id=item.owner_id, item_id=item.pk, trigger="bench")
    if not outcome.ran:
        raise SystemExit("The Item could not be read.")


def rewritten_when_unchanged(user: User) -> int:
    """How many row versions a page costs that repeats what is stored already."""
    item, sent = new_item(user), bank.rows(PAGE)
    sync_from(item, Bank(sent))
    before = versions(item)
    sync_from(item, Bank(sent, kind="modified", after=current_cursor(item)))
    if len(before) != PAGE:
        raise SystemExit(f"{len(before)} rows were stored of {PAGE}.")
    return len(versions(item) - before)


def versions(item: Item) -> set[tuple[object, ...]]:
    """Every row of an Item with the place and the transaction that wrote it."""
    with connections["ops"].cursor() as cursor:
        cursor.execute(
            "SELECT t.id, t.ctid::text, t.xmin::text FROM banking_transaction t JOIN banking_account a"
            " ON a.id = t.account_id WHERE a.item_id = %s",
            [item.pk],
        )
        return set(cursor.fetchall())


def current_cursor(item: Item) -> str:
    with tenant(item.owner_id):
        return Item.objects.get(pk=item.pk).cursor


def import_megabytes(user: User) -> float:
    """The peak memory of a fresh process that imports one Item over HTTP, in 24 pages."""
    item = new_item(user)
    with bank.over_http(Bank(bank.rows(MEMORY_ROWS))) as url:
        done = subprocess.run(
            [sys.executable, "-m", "bench.harness.memory", str(item.owner_id), str(item.pk)],
            env=os.environ | {"PLAID_URL": url},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    if len(versions(item)) != MEMORY_ROWS:
        raise SystemExit("The import lost rows.")
    return float(done.stdout)


def main() -> None:
    database.make()
    users, limit = database.regulars(), stores.PageLimit()
    imports = race(Ways(users, limit, IMPORT_PAGES).cases())
    single = race(Ways(users, limit, pages=1).cases())
    print_result(
        "sync",
        {
            "import_to_page_limit": at_least(0.5, ratios(imports, "site", "limit")),
            "import_to_bulk_create": at_least(2.3, ratios(imports, "site", "orm")),
            "rows_rewritten_by_an_unchanged_page": at_most(0, [rewritten_when_unchanged(users[0])]),
            "import_of_12000_peak_megabytes": at_most(MOST_MEGABYTES, [import_megabytes(users[0])]),
        },
        import_rows_a_second={name: median(imports, name) for name in ("site", "limit", "orm")},
        single_page_rows_a_second={name: median(single, name) for name in ("site", "limit", "orm")},
        bytes_a_row=len(next(iter(Bank(bank.rows(PAGE)).pages.values()))) // PAGE,
    )


if __name__ == "__main__":
    main()
