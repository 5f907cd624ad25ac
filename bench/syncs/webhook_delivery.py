"""From sending a webhook to the committed rows that it announces: one at a time, and a burst of many people's at once.

The web server, a worker and PostgreSQL run as in the Procfile; the bank answers at once, so this is the site's part.
"""

import statistics
import time
from collections.abc import Collection
from uuid import UUID

from django.db import connections
from django.urls import reverse

from bench.harness import database
from bench.harness.bank import serve_over_http
from bench.harness.live_bank import LiveBank, LiveItem, create_live_items
from bench.harness.load import send_requests
from bench.harness.rounds import goal_at_most, print_result
from bench.harness.servers import SITE, Address, collect_static_files, run_worker, serve
from bench.harness.webhooks import Signer
from config.celery import app

SINGLE, BURST = 40, 200
ROWS = 5
MOST_SECONDS = 5
PATIENCE_SECONDS = 120
STORED = """
SELECT a.item_id, count(*) FROM banking_transaction AS t JOIN banking_account AS a ON a.id = t.account_id
WHERE a.item_id = ANY (%s) GROUP BY a.item_id
"""


def deliver(bank: LiveBank, address: Address, items: Collection[LiveItem]) -> list[float]:
    """Add rows to all these Items and send their webhooks; return the seconds until the rows of each were committed."""
    path, stored_at = reverse("webhook-plaid"), dict[UUID, float]()
    requests = []
    for number, live in enumerate(items):
        bank.add_rows(live.access_token, ROWS)
        requests.append(bank.signer.build_request(path, live.item.provider_item_id, number=number))
    expected = {live.item.pk: count_stored([live]).get(live.item.pk, 0) + ROWS for live in items}
    started = time.perf_counter()
    send_requests(address, requests)
    while len(stored_at) < len(expected):
        for item_id, count in count_stored(items).items():
            if count >= expected[item_id]:
                stored_at.setdefault(item_id, time.perf_counter())
        if time.perf_counter() - started > PATIENCE_SECONDS:
            raise SystemExit(f"Rows of {len(expected) - len(stored_at)} webhooks were not stored.")
        time.sleep(0.01)
    return [at - started for at in stored_at.values()]


def count_stored(items: Collection[LiveItem]) -> dict[UUID, int]:
    with connections["ops"].cursor() as cursor:
        cursor.execute(STORED, [[live.item.pk for live in items]])
        return dict(cursor.fetchall())


def main() -> None:
    database.prepare()
    bank, users = LiveBank(Signer()), database.list_regular_users()
    items = create_live_items(bank, users, BURST)
    with serve_over_http(bank) as plaid, collect_static_files():
        environment = {"PLAID_URL": plaid, "PLAID_WEBHOOK_URL": "https://plumbline.test/webhooks/plaid/"}
        environment |= {"TRUSTED_PROXY_COUNT": "1"}
        with serve(SITE, **environment) as address, run_worker(**environment):
            deliver(bank, address, items[:1])
            single = [seconds for live in items[:SINGLE] for seconds in deliver(bank, address, [live])]
            burst = deliver(bank, address, items)
    app.control.purge()
    print_result(
        "syncs.webhook_delivery",
        {"seconds_until_the_rows": goal_at_most(MOST_SECONDS, single)},
        burst_of_200_seconds={"median": round(statistics.median(burst), 2), "slowest": round(max(burst), 2)},
    )


if __name__ == "__main__":
    main()
