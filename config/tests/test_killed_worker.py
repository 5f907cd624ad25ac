"""A worker that is killed at any of ten points of a sync: no row is lost or duplicated, and the sync is redone soon.

The clock is real. Only a new worker and the site's own schedule redo the syncs.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from accounts.models import User
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import Item, SyncRun
from banking.sync import sync_item
from banking.tasks import enqueue_sync
from banking.tests.sandbox_process import Sandbox
from compliance.isolation import tenant
from config.celery import app
from config.tests.independent_totals import expected_rows
from config.tests.processes import wait_until
from config.tests.programs import run_worker, use_own_queue
from conftest import connect_as_role

pytestmark = pytest.mark.django_db(transaction=True)

MAX_SECONDS = 90
SYNC_SCHEDULE = "sync the Items that are due"
# The provider's path that does not respond, and at which call.
HANGING_CALLS = {
    "requests the connection's state": ("/item/get", 1),
    "requests the first page": ("/transactions/sync", 1),
    "requests the second page": ("/transactions/sync", 2),
    "requests the last page": ("/transactions/sync", 3),
    "requests the accounts": ("/accounts/get", 1),
}
# Statements of another transaction whose locks block the sync.
BLOCKING_STATEMENTS = {
    "is about to store": "SELECT id FROM banking_item WHERE id = %(item)s FOR KEY SHARE",
    "stores the accounts": """
        INSERT INTO banking_account (id, owner_id, item_id, provider_id, persistent_id, name, official_name, mask, type,
            subtype, currency)
        VALUES (gen_random_uuid(), %(owner)s, %(item)s, %(account)s, '', '', '', '', 'depository', '', 'USD')""",
    "stores the transactions": """
        INSERT INTO banking_transaction (id, owner_id, account_id, provider_id, amount, provider_amount, currency, day,
            date, name, merchant_name, pending, pending_id, category, category_detail, category_confidence,
            payment_channel, user_category, note, hidden)
        SELECT gen_random_uuid(), %(owner)s, id, %(news)s, 1, -1, 'USD', now(), now(), '', '', false, '', '', '', '',
            '', '', '', false
        FROM banking_account WHERE item_id = %(item)s AND provider_id = %(account)s""",
    "has stored and notifies the user": "LOCK TABLE accounts_notificationsettings IN ACCESS EXCLUSIVE MODE",
}
SYNCED_BEFORE = ("stores the transactions", "has stored and notifies the user")
NOT_READY = "waits for the next attempt"
POINTS = (*HANGING_CALLS, *BLOCKING_STATEMENTS, NOT_READY)

COUNT_WAITING = (
    "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE NOT granted AND datname = current_database()"
)


@pytest.fixture
def bank(sandbox: Sandbox, settings) -> Iterator[Sandbox]:
    settings.PLAID_URL, settings.PLAID_WEBHOOK_URL = sandbox.url, ""
    settings.PLAID_CLIENT_ID, settings.PLAID_SECRET = sandbox.client_id, sandbox.secret
    yield sandbox
    sandbox.admin("faults", method="DELETE")


@pytest.fixture
def items(make_user: Callable[..., User], bank: Sandbox) -> dict[str, Item]:
    """An Item with three pages of transactions for each point. Two were synced before, and have a new transaction."""
    items = {point: link(make_user(f"user{number}"), bank) for number, point in enumerate(POINTS)}
    for point in SYNCED_BEFORE:
        sync_item(owner_id=items[point].owner_id, item_id=items[point].pk, trigger="test")
        add_transaction(bank, items[point])
    for item in items.values():
        with tenant(item.owner_id):
            # Synced by the workers for slow banks.
            Item.objects.update(is_slow=True, next_sync_at=item.connected_at)
    return {point: reload_item(item) for point, item in items.items()}


def link(user: User, bank: Sandbox) -> Item:
    opened = open_link(user=user)
    return finish_link(
        user=user,
        session_id=opened.session.pk,
        public_token=bank.complete_link(opened.token.value, username="user_scale_1200"),
        metadata=LinkMetadata("ins_109508", "First Platypus Bank", frozenset()),
    )


def add_transaction(bank: Sandbox, item: Item) -> None:
    """Add a transaction at the bank that is large enough for a notification."""
    row = {"account_id": get_first_account(bank, item), "amount": 4000, "name": "NEWS", "date": "2026-11-20"}
    bank.admin(f"items/{item.provider_item_id}/mutate", {"add": [row]})


def get_ledger(bank: Sandbox, item: Item) -> dict:
    return bank.admin(f"ledger/{item.provider_item_id}", method="GET")


def get_first_account(bank: Sandbox, item: Item) -> str:
    return str(get_ledger(bank, item)["accounts"][0]["account_id"])


def reload_item(item: Item) -> Item:
    with tenant(item.owner_id):
        return Item.objects.get(pk=item.pk)


def hang_at(bank: Sandbox, item: Item, path: str, nth: int) -> None:
    match = {"path": path, "item_id": item.provider_item_id}
    bank.admin("faults", {"match": match, "action": {"kind": "hang", "seconds": 120}, "nth": nth, "times": None})


def block_sync(stack: ExitStack, bank: Sandbox, item: Item, statement: str) -> None:
    """Block the sync of an Item in the database until the stack is closed."""
    ledger, stored_ids = get_ledger(bank, item), list_stored_ids(item)
    new_id = next(row[0] for row in expected_rows(ledger) if row[0] not in stored_ids)
    names = {"item": item.pk, "owner": item.owner_id, "account": ledger["accounts"][0]["account_id"], "news": new_id}
    connection: psycopg.Connection = stack.enter_context(connect_as_role("ops"))
    stack.callback(connection.rollback)
    connection.execute(statement, names)


def list_stored_ids(item: Item) -> set[str]:
    with tenant(item.owner_id):
        return set(item.accounts.values_list("transactions__provider_id", flat=True))


def are_all_at_their_points(bank: Sandbox, items: dict[str, Item], query: Callable[..., list]) -> bool:
    """Whether every sync has reached its point."""
    faults = [fault for fault in bank.admin("faults", method="GET")["faults"] if fault["action"]["kind"] == "hang"]
    syncing = all(fault["fired"] for fault in faults) and all(
        reload_item(items[point]).is_syncing for point in HANGING_CALLS
    )
    return (
        syncing and query(COUNT_WAITING)[0][0] >= len(BLOCKING_STATEMENTS) and count_finished_runs(items[NOT_READY]) > 0
    )


def count_finished_runs(item: Item) -> int:
    with tenant(item.owner_id):
        return SyncRun.objects.filter(item=item).exclude(result=SyncRun.Result.RUNNING).count()


def agrees(bank: Sandbox, item: Item, query: Callable[..., list]) -> bool:
    """Whether the sync is complete, each row of the bank's ledger is stored once, and no worker holds the Item."""
    rows = query(
        "SELECT t.provider_id, t.amount, t.day, t.pending FROM banking_transaction t"
        " JOIN banking_account a ON a.id = t.account_id WHERE a.item_id = %s AND t.removed_at IS NULL",
        item.pk,
    )
    item = reload_item(item)
    is_done = item.readiness == "historical" and item.lease_holder is None and item.next_sync_at > item.checked_at
    return is_done and sorted(rows) == sorted(expected_rows(get_ledger(bank, item)))


def test_it_syncs_again_soon_wherever_a_worker_was_killed(
    bank: Sandbox, items: dict[str, Item], as_operator: Callable[..., list], tmp_path: Path
) -> None:
    with use_own_queue(f"killed-{uuid4().hex}") as queue:
        with ExitStack() as locks, run_worker(queue, processes=len(POINTS)) as first_worker:
            for point, (path, nth) in HANGING_CALLS.items():
                hang_at(bank, items[point], path, nth)
            for point, statement in BLOCKING_STATEMENTS.items():
                block_sync(locks, bank, items[point], statement)
            match = {"path": "/transactions/sync", "item_id": items[NOT_READY].provider_item_id}
            not_ready = {"kind": "error", "code": "PRODUCT_NOT_READY"}
            bank.admin("faults", {"match": match, "action": not_ready, "times": None})
            for item in items.values():
                enqueue_sync(item, trigger="link")
            wait_until(lambda: are_all_at_their_points(bank, items, as_operator))
            first_worker.kill()
        killed_at = time.monotonic()
        bank.admin("faults", method="DELETE")
        with run_worker(queue, options=list_beat_options(tmp_path)):
            wait_until(lambda: all(agrees(bank, item, as_operator) for item in items.values()), timeout=MAX_SECONDS)
    seconds = time.monotonic() - killed_at
    sys.stdout.write(f"\nKilled at {len(POINTS)} points: all done again after {seconds:.0f} s\n")
    assert seconds < MAX_SECONDS


def list_beat_options(folder: Path) -> list[str]:
    """Options of a worker that runs the site's schedule itself, and stores its state in a file."""
    assert app.conf.beat_schedule[SYNC_SCHEDULE]["task"] == "banking.tasks.dispatch_due_syncs"
    return ["--beat", "--scheduler", "celery.beat:PersistentScheduler", "--schedule", str(folder / "beat")]
