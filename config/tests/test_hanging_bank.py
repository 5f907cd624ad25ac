"""Two banks that do not answer, and a third that does: with the Procfile's workers nobody waits long behind them."""

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
from config.tests.programs import own_queue, worker

pytestmark = pytest.mark.django_db(transaction=True)

# Unanswered, a call would keep its worker for 15 s at least, and the two of the shared ones are all that there are.
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
        where = {"path": "/transactions/sync", "item_id": item.provider_item_id}
        bank.admin("faults", {"match": where, "action": {"kind": "hang", "seconds": 120}, "times": None})
    return item


def fresh(item: Item) -> Item:
    with tenant(item.owner_id):
        return Item.objects.get(pk=item.pk)


def seconds_until_read(item: Item) -> float:
    began = time.monotonic()
    enqueue_sync(item, trigger="link")
    wait_until(lambda: fresh(item).readiness == "historical")
    return time.monotonic() - began


def test_it_reads_a_healthy_bank_soon_while_two_others_hang(make_user: Callable[..., User], bank: Sandbox) -> None:
    hanging = [link(make_user(name), bank, hangs=True) for name in ("first", "second")]
    new, later = (link(make_user(name), bank, hangs=False) for name in ("third", "fourth"))
    with (
        own_queue(f"hanging-{uuid4().hex}") as queue,
        worker(queue, lanes=(Lane.SHARED, Lane.ROUTINE)),
        worker(queue, lanes=(Lane.SLOW,), processes=1),
    ):
        for item in hanging:
            enqueue_sync(item, trigger="link")
        wait_until(lambda: all(fresh(item).is_syncing for item in hanging))
        first = seconds_until_read(new)
        wait_until(lambda: all(fresh(item).is_slow for item in hanging))
        second = seconds_until_read(later)
        sys.stdout.write(f"\nBehind two hanging banks: {first:.1f} s the first time, {second:.1f} s from then on\n")
        assert fresh(hanging[0]).failures + fresh(hanging[1]).failures < 2
    assert max(first, second) < MAX_SECONDS
