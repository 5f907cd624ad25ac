"""The audit trail: writing, verifying and purging events, and what access events cost the overview.

An event is written in a transaction, by the site's role, and joins its hash chain when that commits. The site records
an event in the transaction of what it is about, so its cost is what it adds to an empty transaction of the same round.
"""

import os
import random
import statistics
from collections.abc import Callable, Sequence
from uuid import UUID, uuid4

import psycopg
from django.db import connection, connections

from bench.harness import database, visitors
from bench.harness.load import build_get_request, send_requests
from bench.harness.rounds import (
    ROUNDS,
    Case,
    Round,
    differences,
    goal_at_least,
    goal_at_most,
    measure_seconds,
    median,
    print_result,
    ratios,
    run_rounds,
)
from bench.harness.servers import SITE, Address, collect_static_files, serve
from compliance.audit import Action, checkpoints, daily_access, record
from compliance.audit.chain import Verification
from compliance.audit.checkpoints import purge_trail
from compliance.audit.daily_access import DataKind, RecentMinutes, record_data_access
from compliance.isolation import tenant

UNRECORDED = "bench.privacy.unrecorded:application"
EVENTS = 400
CHAINS, EVENTS_PER_CHAIN = 100, 500
OLD_EVENTS = 20_000
REQUESTS = 60
MILLISECONDS = 1000

INSERT_EVENTS = """
    INSERT INTO audit_event (at, subject, action, resource, resource_id, outcome, payload)
    SELECT now() - make_interval(days => %s), subject, 'sync', 'item', gen_random_uuid()::text, 'ok',
           decode(repeat('5a', 200), 'hex')
      FROM unnest(%s::uuid[]) AS subject, generate_series(1, %s)
"""


def insert_events(subjects: Sequence[UUID], *, events_per_subject: int, days: int) -> None:
    """Store events as if the site had done so some days ago; the database links them as it always does."""
    name = connections["default"].settings_dict["NAME"]
    with psycopg.connect(os.environ["DATABASE_ADMIN_URL"], dbname=name, autocommit=True) as admin:
        for subject in subjects:
            admin.execute(INSERT_EVENTS, [days, [subject], events_per_subject])


# --- Writing, verifying, purging --------------------------------------------------------------------------


def measure_transaction(owner: UUID, work: Callable[[], object]) -> Case:
    """Return a case that measures the milliseconds of one transaction."""

    def run_transactions() -> None:
        for _ in range(EVENTS):
            with tenant(owner):
                work()

    return lambda: measure_seconds(run_transactions) / EVENTS * MILLISECONDS


def select_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def measure_first_views(owner: UUID) -> Case:
    """Return a case that measures the milliseconds that the first view in a minute adds to its transaction."""

    def record_first_view() -> None:
        daily_access.recent_minutes = RecentMinutes(100)
        record_data_access(owner, DataKind.BALANCES, DataKind.TRANSACTIONS)

    return measure_transaction(owner, record_first_view)


def measure_verification() -> float:
    """Return the events per second of a verification of all chains. Raises ``SystemExit`` if it finds a problem."""
    verification = Verification()

    def verify() -> None:
        if problem := next(verification.find_problems(), None):
            raise SystemExit(f"The trail is broken: {problem}")

    seconds = measure_seconds(verify)
    return verification.events.total() / seconds


def measure_purge() -> Round:
    """Return the events per second of a purge, and the milliseconds of its longest batch."""
    insert_events([uuid4() for _ in range(10)], events_per_subject=OLD_EVENTS // 10, days=400)
    durations: list[float] = []
    purge_batch = checkpoints._purge_batch

    def measure_batch(*args: object, **options: object) -> int:
        purged = 0

        def purge() -> None:
            nonlocal purged
            purged = purge_batch(*args, **options)  # type: ignore[arg-type]

        durations.append(measure_seconds(purge) * MILLISECONDS)
        return purged

    checkpoints._purge_batch = measure_batch
    try:
        seconds = measure_seconds(purge_trail)
    finally:
        checkpoints._purge_batch = purge_batch
    return {"purge": OLD_EVENTS / seconds, "batch": max(durations)}


# --- The overview -----------------------------------------------------------------------------------------


def alternate_requests(site: Address, unrecorded: Address, cookies: Sequence[str]) -> Callable[[], Round]:
    """Return a round that sends the same requests to both servers in turn, so that load on the machine affects both.

    Its figures are each server's median response time in milliseconds.
    """

    def run_round() -> Round:
        times: dict[str, list[float]] = {"recorded": [], "unrecorded": []}
        for _ in range(REQUESTS):
            request = [build_get_request("/overview/", random.choice(cookies))]
            for name, address in random.sample([("recorded", site), ("unrecorded", unrecorded)], k=2):
                times[name].append(send_requests(address, request, connections=1).median * MILLISECONDS)
        return {name: statistics.median(durations) for name, durations in times.items()}

    return run_round


def measure_overview() -> list[Round]:
    """Measure the overview with and without access events, in turns."""
    cookies = visitors.create_cookies(database.list_regular_users()[:50])
    with collect_static_files(), serve(SITE) as site, serve(UNRECORDED) as unrecorded:
        run_round = alternate_requests(site, unrecorded, cookies)
        # The first round is discarded, because caches fill and templates compile in it.
        run_round()
        return [run_round() for _ in range(ROUNDS)]


def main() -> None:
    database.prepare()
    owner = database.get_new_user().pk
    insert_events([uuid4() for _ in range(CHAINS)], events_per_subject=EVENTS_PER_CHAIN, days=1)
    rounds = run_rounds(
        {
            "event": measure_transaction(owner, lambda: record(Action.SYNC, subject=owner, resource="item")),
            "nothing": measure_transaction(owner, select_one),
            "first_view": measure_first_views(owner),
            "verify": measure_verification,
        }
    )
    purges = [measure_purge() for _ in range(ROUNDS)]
    overviews = measure_overview()
    print_result(
        "audit",
        {
            "milliseconds_that_an_event_adds": goal_at_most(0.6, differences(rounds, "event", "nothing")),
            "verified_events_a_second": goal_at_least(20_000, [figures["verify"] for figures in rounds]),
            "milliseconds_of_the_longest_purge_batch": goal_at_most(200, [figures["batch"] for figures in purges]),
            "overview_with_access_events_to_without": goal_at_most(1.02, ratios(overviews, "recorded", "unrecorded")),
        },
        purged_events_a_second=median(purges, "purge"),
        milliseconds={
            "empty_transaction": median(rounds, "nothing"),
            "transaction_of_an_event": median(rounds, "event"),
            "transaction_of_a_first_view": median(rounds, "first_view"),
            "overview": median(overviews, "recorded"),
            "overview_without_access_events": median(overviews, "unrecorded"),
        },
    )


if __name__ == "__main__":
    main()
