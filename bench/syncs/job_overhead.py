"""What the queue and the worker add to syncs of one page of 500 rows, compared with the same syncs without them.

The worker has one process, and all jobs wait in the queue when it takes the first one. Both read from the same bank
over HTTP.
"""

import time
from collections.abc import Iterator

from django.conf import settings
from django.db import connections

from banking import tasks
from banking.sync import sync_item
from bench.harness import database
from bench.harness.bank import PAGE, serve_over_http
from bench.harness.live_bank import LiveBank, LiveItem, create_live_items
from bench.harness.rounds import Case, goal_at_most, print_result, ratios, run_rounds
from bench.harness.servers import run_worker
from bench.harness.webhooks import Signer
from compliance.queues import Lane, queue_many

SYNCS = 20
PATIENCE_SECONDS = 120
TIMES = """
SELECT count(*), extract(epoch FROM max(r.finished_at) - min(r.started_at))::float8 FROM banking_syncrun AS r
WHERE r.item_id = ANY (%s) AND r.result = 'ok'
"""


class SyncCases:
    """Each case syncs other Items for the first time, and returns the seconds for each of them."""

    def __init__(self, bank: LiveBank) -> None:
        self.batches = self.prepare_items(bank)

    def prepare_items(self, bank: LiveBank) -> Iterator[list[LiveItem]]:
        users = database.list_regular_users()
        while True:
            items = create_live_items(bank, users, SYNCS)
            for live in items:
                bank.add_rows(live.access_token, PAGE)
            yield items

    def by_name(self) -> dict[str, Case]:
        return {"queued": self.sync_by_worker, "direct": self.sync_directly}

    def sync_directly(self) -> float:
        items = next(self.batches)
        for live in items:
            sync_item(owner_id=live.item.owner_id, item_id=live.item.pk, trigger="beat", if_due=True)
        return wait_for(items) / SYNCS

    def sync_by_worker(self) -> float:
        """From the begin of the first sync to the end of the last one: what is between them is the overhead."""
        items = next(self.batches)
        jobs = [(str(live.item.owner_id), str(live.item.pk), "beat") for live in items]
        queue_many(tasks.sync_item, jobs, options={}, lane=Lane.SHARED)
        return wait_for(items) / SYNCS


def wait_for(items: list[LiveItem]) -> float:
    """Wait until all Items are synced, and return the seconds from the first begin to the last end."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with connections["ops"].cursor() as cursor:
            cursor.execute(TIMES, [[live.item.pk for live in items]])
            count, seconds = cursor.fetchone()
        if count == len(items):
            return float(seconds)
        time.sleep(0.5)
    raise SystemExit(f"Only {count} of {len(items)} Items were synced.")


def main() -> None:
    database.prepare()
    bank = LiveBank(Signer())
    with serve_over_http(bank) as plaid:
        settings.PLAID_URL = plaid
        with run_worker(PLAID_URL=plaid, WORKER_CONCURRENCY="1"):
            rounds = run_rounds(SyncCases(bank).by_name())
    print_result(
        "syncs.job_overhead",
        {"queued_to_direct": goal_at_most(1.1, ratios(rounds, "queued", "direct"))},
        least_milliseconds={
            name: round(1000 * min(figures[name] for figures in rounds), 1) for name in ("queued", "direct")
        },
    )


if __name__ == "__main__":
    main()
