"""Dispatching 10,000 due Items, claims included, against as many ``delay()`` of the same job."""

from uuid import uuid4

from celery import current_app
from django.db import connections

from accounts.models import User
from banking import tasks
from banking.models import Item
from banking.providers import provider_for
from bench.harness import database
from bench.harness.rounds import goal_at_most, measure_seconds, print_result, ratios, run_rounds
from compliance.isolation import tenant
from compliance.queues import Lane

ITEMS, LARGEST_OWNER, DELAYED = 10_000, 500, 500
CREATE_ITEMS = """
    INSERT INTO banking_item (id, owner_id, provider, environment, provider_item_id, institution_name, connection,
        readiness, cursor, days_requested, connected_at, checked_at, failures, error_code, fault,
        request_id, next_sync_at)
    SELECT gen_random_uuid(), owner, 'plaid', %(environment)s, 'due-' || owner || number, 'Bank', 'active',
        'historical', '', 730, now(), now(), 0, '', '', '', now() - random() * interval '1 hour'
    FROM unnest(%(owners)s::uuid[]) WITH ORDINALITY AS people (owner, place),
        generate_series(1, CASE place WHEN 1 THEN %(largest)s::integer ELSE %(others)s::integer END) AS number
"""
RELEASE = "UPDATE banking_item SET claimed_until = NULL WHERE claimed_until IS NOT NULL"


def create_due_items() -> None:
    """Create the Items: 500 of the first owner, and the same number of each other one."""
    owners = list(User.objects.values_list("pk", flat=True))
    others = -(-(ITEMS - LARGEST_OWNER) // (len(owners) - 1))
    values = {"environment": provider_for("plaid").environment, "owners": owners}
    with connections["ops"].cursor() as cursor:
        cursor.execute(CREATE_ITEMS, {**values, "largest": LARGEST_OWNER, "others": others})
    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM ANALYZE banking_item")


def delete_due_items() -> None:
    for owner in User.objects.values_list("pk", flat=True):
        with tenant(owner):
            Item.objects.filter(provider_item_id__startswith="due-").delete()


def empty_queues() -> int:
    """Delete all waiting jobs and claims, and return how many jobs there were."""
    with connections["ops"].cursor() as cursor:
        cursor.execute(RELEASE)
    with current_app.connection_for_write() as broker:
        return sum(broker.default_channel.queue_purge(lane.queue) for lane in Lane)


def dispatch() -> float:
    """Return the seconds for each Item that was queued, until no more are due."""
    empty_queues()
    seconds = measure_seconds(tasks.dispatch_due_syncs)
    return seconds / empty_queues()


def delay() -> float:
    """Return the seconds for each job."""
    arguments = [(str(uuid4()), str(uuid4()), "beat") for _ in range(DELAYED)]
    seconds = measure_seconds(lambda: [tasks.sync_item.delay(*positional) for positional in arguments])
    empty_queues()
    return seconds / DELAYED


def main() -> None:
    database.prepare()
    create_due_items()
    # The limit that protects Redis would end a dispatch after 2,000 jobs.
    tasks.MAX_WAITING = 2 * ITEMS
    try:
        rounds = run_rounds({"dispatch": dispatch, "delay": delay})
    finally:
        delete_due_items()
    print_result(
        "limits.dispatch",
        {"dispatch_to_delay": goal_at_most(0.1, ratios(rounds, "dispatch", "delay"))},
        microseconds={name: round(min(figures[name] for figures in rounds) * 1e6) for name in ("dispatch", "delay")},
    )


if __name__ == "__main__":
    main()
