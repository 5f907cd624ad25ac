"""A worker that is killed at any of ten points of its work on a bank: no row is lost or doubled, nobody waits long.

The clock is the real one, and nobody helps: a new worker and the site's own schedule find everything by themselves.
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
from conftest import signed_in_as

pytestmark = pytest.mark.django_db(transaction=True)

PROMISED_SECONDS = 90
CLOCK = "sync the Items that are due"
# The call of the provider that is not answered, and the how-manieth of its kind it is.
HANGING_CALLS = {
    "asks for the connection's state": ("/item/get", 1),
    "asks for the first page": ("/transactions/sync", 1),
    "asks for the second page": ("/transactions/sync", 2),
    "asks for the last page": ("/transactions/sync", 3),
    "asks for the accounts": ("/accounts/get", 1),
}
# What another transaction holds, so that the reader's own waits for it.
HELD = {
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
    "has stored and tells the person": "LOCK TABLE accounts_notificationsettings IN ACCESS EXCLUSIVE MODE",
}
READ_BEFORE = ("stores the transactions", "has stored and tells the person")
LOOKS_AGAIN = "waits to look again"
POINTS = (*HANGING_CALLS, *HELD, LOOKS_AGAIN)

WAITING = (
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
    """One person's bank for each point, with three pages of movements. Two were read before, and have news since."""
    made = {point: link(make_user(f"person{number}"), bank) for number, point in enumerate(POINTS)}
    for point in READ_BEFORE:
        sync_item(owner_id=made[point].owner_id, item_id=made[point].pk, trigger="test")
        spend(bank, made[point])
    for item in made.values():
        with tenant(item.owner_id):
            # Read by the workers that give a bank the time that it takes.
            Item.objects.update(is_slow=True, next_sync_at=item.connected_at)
    return {point: fresh(item) for point, item in made.items()}


def link(user: User, bank: Sandbox) -> Item:
    opened = open_link(user=user)
    return finish_link(
        user=user,
        session_id=opened.session.pk,
        public_token=bank.complete_link(opened.token.value, username="user_scale_1200"),
        metadata=LinkMetadata("ins_109508", "First Platypus Bank", frozenset()),
    )


def spend(bank: Sandbox, item: Item) -> None:
    """Let the bank say something new, large enough to be told of."""
    row = {"account_id": first_account(bank, item), "amount": 4000, "name": "NEWS", "date": "2026-11-20"}
    bank.admin(f"items/{item.provider_item_id}/mutate", {"add": [row]})


def ledger(bank: Sandbox, item: Item) -> dict:
    return bank.admin(f"ledger/{item.provider_item_id}", method="GET")


def first_account(bank: Sandbox, item: Item) -> str:
    return str(ledger(bank, item)["accounts"][0]["account_id"])


def fresh(item: Item) -> Item:
    with tenant(item.owner_id):
        return Item.objects.get(pk=item.pk)


def fail_to_answer(bank: Sandbox, item: Item, path: str, nth: int) -> None:
    where = {"path": path, "item_id": item.provider_item_id}
    bank.admin("faults", {"match": where, "action": {"kind": "hang", "seconds": 120}, "nth": nth, "times": None})


def hold(stack: ExitStack, bank: Sandbox, item: Item, statement: str) -> None:
    """Stand in the reader's way at the database, until the stack is closed."""
    told, here = ledger(bank, item), list_stored_ids(item)
    news = next(row[0] for row in expected_rows(told) if row[0] not in here)
    names = {"item": item.pk, "owner": item.owner_id, "account": told["accounts"][0]["account_id"], "news": news}
    other: psycopg.Connection = stack.enter_context(signed_in_as("ops"))
    stack.callback(other.rollback)
    other.execute(statement, names)


def list_stored_ids(item: Item) -> set[str]:
    with tenant(item.owner_id):
        return set(item.accounts.values_list("transactions__provider_id", flat=True))


def all_held(bank: Sandbox, items: dict[str, Item], ask: Callable[..., list]) -> bool:
    """Whether every reading has come to its point."""
    silent = [fault for fault in bank.admin("faults", method="GET")["faults"] if fault["action"]["kind"] == "hang"]
    reading = all(fault["fired"] for fault in silent) and all(fresh(items[point]).is_syncing for point in HANGING_CALLS)
    return reading and ask(WAITING)[0][0] >= len(HELD) and runs(items[LOOKS_AGAIN]) > 0


def runs(item: Item) -> int:
    with tenant(item.owner_id):
        return SyncRun.objects.filter(item=item).exclude(result=SyncRun.Result.RUNNING).count()


def agrees(bank: Sandbox, item: Item, ask: Callable[..., list]) -> bool:
    """Whether the bank is read to its end, each row of its ledger stands here once, and nobody holds it any more."""
    rows = ask(
        "SELECT t.provider_id, t.amount, t.day, t.pending FROM banking_transaction t"
        " JOIN banking_account a ON a.id = t.account_id WHERE a.item_id = %s AND t.removed_at IS NULL",
        item.pk,
    )
    now = fresh(item)
    done = now.readiness == "historical" and now.lease_holder is None and now.next_sync_at > now.checked_at
    return done and sorted(rows) == sorted(expected_rows(ledger(bank, item)))


def test_it_is_done_again_soon_wherever_a_worker_was_killed(
    bank: Sandbox, items: dict[str, Item], as_operator: Callable[..., list], tmp_path: Path
) -> None:
    with use_own_queue(f"killed-{uuid4().hex}") as queue:
        with ExitStack() as ways, run_worker(queue, processes=len(POINTS)) as doomed:
            for point, (path, nth) in HANGING_CALLS.items():
                fail_to_answer(bank, items[point], path, nth)
            for point, statement in HELD.items():
                hold(ways, bank, items[point], statement)
            not_ready = {"path": "/transactions/sync", "item_id": items[LOOKS_AGAIN].provider_item_id}
            refusal = {"kind": "error", "code": "PRODUCT_NOT_READY"}
            bank.admin("faults", {"match": not_ready, "action": refusal, "times": None})
            for item in items.values():
                enqueue_sync(item, trigger="link")
            wait_until(lambda: all_held(bank, items, as_operator))
            doomed.kill()
        killed = time.monotonic()
        bank.admin("faults", method="DELETE")
        with run_worker(queue, options=clock(tmp_path)):
            wait_until(
                lambda: all(agrees(bank, item, as_operator) for item in items.values()), timeout=PROMISED_SECONDS
            )
    took = time.monotonic() - killed
    sys.stdout.write(f"\nKilled at {len(POINTS)} points: all done again after {took:.0f} s\n")
    assert took < PROMISED_SECONDS


def clock(folder: Path) -> list[str]:
    """Options of a worker that is its own clock, as the site's one beat is, with no place in the database."""
    assert app.conf.beat_schedule[CLOCK]["task"] == "banking.tasks.dispatch_due_syncs"
    return ["--beat", "--scheduler", "celery.beat:PersistentScheduler", "--schedule", str(folder / "beat")]
