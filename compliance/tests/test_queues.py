"""The queues in which jobs wait."""

from collections.abc import Iterator

import pytest
from celery import current_app as app

from compliance.queues import Lane, count_waiting_jobs


def test_it_is_served_by_a_worker_that_is_told_nothing() -> None:
    assert {queue.name for queue in app.conf.task_queues} == {lane.queue for lane in Lane}


@pytest.fixture
def own_queues() -> Iterator[None]:
    """Queues that no other test puts jobs into."""
    usual, app.conf.task_default_queue = app.conf.task_default_queue, "counted"
    yield
    app.conf.task_default_queue = usual


@pytest.mark.parametrize("lane", Lane)
def test_it_counts_what_waits_in_a_lane(lane: Lane, own_queues: None) -> None:
    assert count_waiting_jobs(lane) == 0
    app.send_task("nobody.knows", queue=lane.queue)
    assert [count_waiting_jobs(each) for each in Lane] == [int(each is lane) for each in Lane]
    with app.connection_for_write() as broker:
        broker.default_channel.queue_purge(lane.queue)
