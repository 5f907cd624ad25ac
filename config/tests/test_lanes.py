"""A real worker takes jobs of users first, then webhooks, then what is scheduled."""

import re
from uuid import uuid4

import pytest

from banking.tasks import process_webhook, queue_sync, sync_item
from compliance.queues import Lane, count_waiting_jobs, queue_many
from config.tests.processes import wait_until
from config.tests.procfile import COMMANDS
from config.tests.programs import run_worker, use_own_queue

# None of the webhooks and Items of these tests exists, so that each job takes only a moment.
pytestmark = pytest.mark.django_db(transaction=True)

BURST = 1000
FEW = 20


def list_taken(output: str) -> list[str]:
    """The names of the tasks that a worker has taken from its queues, in their order."""
    return re.findall(r"Task [\w.]+\.(\w+)\[[\w-]+\] received", output)


def test_it_takes_a_users_sync_before_a_burst_of_webhooks() -> None:
    with use_own_queue(f"burst-{uuid4().hex}") as queue:
        queue_many(process_webhook, [(str(uuid4()),) for _ in range(BURST)], options={}, lane=Lane.WEBHOOKS)
        queue_sync(uuid4(), uuid4(), "person", lane=Lane.SHARED)
        with run_worker(queue, processes=1) as worker:
            wait_until(lambda: len(list_taken(worker.read_output())) >= FEW)
            taken = list_taken(worker.read_output())
            waiting = count_waiting_jobs(Lane.WEBHOOKS)
    assert taken[:FEW] == ["sync_item", *["process_webhook"] * (FEW - 1)]
    assert waiting > 0


def test_it_takes_webhooks_before_scheduled_syncs() -> None:
    with use_own_queue(f"burst-{uuid4().hex}") as queue:
        scheduled = [(str(uuid4()), str(uuid4()), "beat") for _ in range(FEW)]
        queue_many(sync_item, scheduled, options={}, lane=Lane.ROUTINE)
        queue_many(process_webhook, [(str(uuid4()),) for _ in range(FEW)], options={}, lane=Lane.WEBHOOKS)
        with run_worker(queue, processes=1) as worker:
            wait_until(lambda: len(list_taken(worker.read_output())) == 2 * FEW)
            taken = list_taken(worker.read_output())
    assert taken == ["process_webhook"] * FEW + ["sync_item"] * FEW


def test_it_takes_a_users_sync_before_those_of_processed_webhooks() -> None:
    """The worker has taken what follows from the webhooks from its lane already, because that waits a while."""
    with use_own_queue(f"burst-{uuid4().hex}") as queue, run_worker(queue, processes=1) as worker:
        for _ in range(BURST // 5):
            queue_sync(uuid4(), uuid4(), "webhook", lane=Lane.WEBHOOKS, wait=5)
        wait_until(lambda: len(list_taken(worker.read_output())) == BURST // 5)
        wait_until(lambda: " succeeded in " in worker.read_output())
        users = sync_item.apply_async((str(uuid4()), str(uuid4()), "person"), queue=Lane.SHARED.queue)
        wait_until(lambda: f"[{users.id}] succeeded" in worker.read_output())
        assert count_succeeded(worker.read_output(), "sync_item") < FEW


def count_succeeded(output: str, task: str) -> int:
    return len(re.findall(rf"\.{task}\[[\w-]+\] succeeded", output))


@pytest.mark.parametrize("name", ["worker", "slow"])
def test_it_runs_with_the_lanes_in_their_order(name: str) -> None:
    queues = re.search(r"--queues (\S+)", COMMANDS[name])
    assert queues is not None
    order = [lane.queue for lane in Lane]
    assert queues[1].split(",") == [lane for lane in order if lane in queues[1].split(",")]
