"""PostgreSQL, Redis, a worker or the bank is killed in the middle of an import and started again: that needs nobody.

Web, worker, Celery beat and the sandbox are real processes with services of their own. Where the site waits longer on
purpose, the test moves the stored times.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest
from django.urls import reverse

from config.tests.independent_totals import expected_rows
from config.tests.killable_site import Site, run_site

SERVICES = ("postgresql", "redis", "worker", "bank")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with run_site(SERVICES) as site:
        yield site


class ImportedItem:
    """One user's bank at the site, as the database has it."""

    def __init__(self, site: Site, names: dict[str, str]) -> None:
        self.site, self.names = site, names

    def wait(self) -> None:
        """Let the times come for which the site waits."""
        self.site.query(
            "UPDATE banking_item SET next_sync_at = least(next_sync_at, now()), claimed_until = NULL WHERE id = %s",
            self.names["id"],
        )

    def count_failures(self) -> int:
        return int(self.site.query("SELECT failures FROM banking_item WHERE id = %s", self.names["id"])[0][0])

    def agrees(self) -> bool:
        """Whether the site has exactly the rows of the bank's ledger, to the cent."""
        rows = self.site.query(
            "SELECT t.provider_id, t.amount, t.day, t.pending FROM banking_transaction t"
            " JOIN banking_account a ON a.id = t.account_id WHERE a.item_id = %s AND t.removed_at IS NULL",
            self.names["id"],
        )
        ledger = self.site.bank.admin(f"ledger/{self.names['provider_id']}", method="GET")
        return sorted(rows) == sorted(expected_rows(ledger))

    def is_healthy(self) -> bool:
        """Whether the import is complete, nobody holds the Item, and it rests until its next regular sync."""
        [state] = self.site.query(
            "SELECT readiness, connection, failures, error_code, lease_holder, leased_until,"
            " next_sync_at > now() + interval '1 hour' FROM banking_item WHERE id = %s",
            self.names["id"],
        )
        return state == ("historical", "active", 0, "", None, None, True)

    def add_transactions(self) -> None:
        """Add three transactions at the bank."""
        path = f"ledger/{self.names['provider_id']}"
        account = self.site.bank.admin(path, method="GET")["accounts"][0]["account_id"]
        rows = [{"account_id": account, "amount": 9.99, "name": f"NEWS {n}", "date": "2026-11-01"} for n in range(3)]
        self.site.bank.admin(f"items/{self.names['provider_id']}/mutate", {"add": rows})


@contextmanager
def hold_second_page(site: Site, item: ImportedItem) -> Iterator[None]:
    """Begin the import. In the block, the bank has received the request of the second page and does not respond."""
    match = {"path": "/transactions/sync", "item_id": item.names["provider_id"]}
    site.bank.admin("faults", {"match": match, "action": {"kind": "latency", "ms": 6000}, "nth": 2})
    item.wait()
    site.wait_for(lambda: site.bank.admin("faults", method="GET")["faults"][0]["fired"])
    bank = psutil.Process(site.programs["bank"].process.pid)
    bank.suspend()
    try:
        yield
    finally:
        with suppress(psutil.NoSuchProcess):
            bank.resume()


def is_missed(site: Site, service: str, item: ImportedItem) -> object:
    """Whether the site has noticed that a service is away, and a retry has failed as well."""
    worker, beat = (site.programs[name].read_output() for name in ("worker", "beat"))
    match service:
        case "postgresql":
            # The sync can store nothing, and the search for due Items fails.
            return "could not be released" in worker and re.search(r"dispatch_due_syncs\[[\w-]+\] raised", worker)
        case "redis":
            # The job ends although the worker has lost the queue, and nothing can be queued.
            ended = re.search(r"Connection to broker lost(?s:.*)sync_item\[[\w-]+\] succeeded", worker)
            return ended and "Cannot connect to" in worker and "SchedulingError" in beat
        case "bank":
            item.wait()
            return item.count_failures() > 1
    return True


@pytest.mark.parametrize("service", SERVICES)
def test_it_completes_an_import_by_itself(site: Site, service: str) -> None:
    item = ImportedItem(site, site.items[service])
    with hold_second_page(site, item):
        site.kill(service)
    site.wait_for(lambda: is_missed(site, service, item))
    site.start(service)
    site.bank.admin("faults", method="DELETE")
    item.wait()
    site.wait_for(lambda: item.is_healthy() and item.agrees())
    # Also from then on.
    item.add_transactions()
    item.wait()
    site.wait_for(lambda: item.is_healthy() and item.agrees())
    status, page = site.read_page(item.names["cookie"])
    assert (status, "First Platypus Bank" in page) == (200, True)
    assert reverse("reconnect", args=[item.names["id"]]) not in page
