"""Two banks that do not respond, and others that do: with the Procfile's workers, their syncs do not wait long."""

import sys
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from accounts.models import User
from banking.linking.exchange import finish_link
from banking.linking.sessions import LinkMetadata, open_link
from banking.models import Item
from banking.tasks import enqueue_sync
from banking.tests.sandbox_process import Sandbox
from compliance.isolation import tenant
from compliance.queues import Lane
from config.tests.processes import wait_until
from config.tests.programs import run_worker, use_own_queue

pytestmark = pytest.mark.django_db(transaction=True)

# A call without response blocks its worker for at least 15 s, and the two shared workers are the only ones.
MAX_SECONDS = 12


@pytest.fixture
def bank(sandbox: Sandbox, settings) -> Iterator[Sandbox]:
    settings.PLAID_URL, settings.PLAID_WEBHOOK_URL = sandbox.url, ""
    settings.PLAID_CLIENT_ID, settings.PLAID_SECRET = sandbox.client_id, sandbox.secret
    yield sandbox
    sandbox.admin("faults", method="DELETE")


def link(user: User, bank: Sandbox, *, hangs: bool) -> Item:
    opened = open_link(user=user)
    item = finish_link(
        user=user,
        session_id=opened.session.pk,
        public_token=bank.complete_link(opened.token.value),
        metadata=LinkMetadata("ins_109508", "First Platypus Bank", frozenset()),
    )
    if hangs:
        match = {"path": "/transactions/sync", "item_id": item.provider_item_id}
        bank.admin("faults", {"match": match, "action": {"kind": "hang", "seconds": 120}, "times": None})
    return item


def reload_item(item: Item) -> Item:
    with tenant(item.owner_id):
        return Item.objects.get(pk=item.pk)


def measure_sync(item: Item) -> float:
    """Sync an Item, and return the seconds until it is complete."""
    started_at = time.monotonic()
    enqueue_sync(item, trigger="link")
    wait_until(lambda: reload_item(item).readiness == "historical")
    return time.monotonic() - started_at


def test_it_syncs_a_healthy_bank_soon_while_two_others_hang(make_user: Callable[..., User], bank: Sandbox) -> None:
    hanging = [link(make_user(name), bank, hangs=True) for name in ("first", "second")]
    new, later = (link(make_user(name), bank, hangs=False) for name in ("third", "fourth"))
    with (
        use_own_queue(f"hanging-{uuid4().hex}") as queue,
        run_worker(queue, lanes=(Lane.SHARED, Lane.WEBHOOKS, Lane.ROUTINE)),
        run_worker(queue, lanes=(Lane.SLOW,), processes=1),
    ):
        for item in hanging:
            enqueue_sync(item, trigger="link")
        wait_until(lambda: all(reload_item(item).is_syncing for item in hanging))
        first = measure_sync(new)
        wait_until(lambda: all(reload_item(item).is_slow for item in hanging))
        second = measure_sync(later)
        sys.stdout.write(f"\nBehind two hanging banks: {first:.1f} s the first time, {second:.1f} s from then on\n")
        assert reload_item(hanging[0]).failures + reload_item(hanging[1]).failures < 2
    assert max(first, second) < MAX_SECONDS
