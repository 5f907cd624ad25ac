"""The queues of jobs and their counts."""

from collections.abc import Iterator

import pytest
from celery import current_app as app

from compliance.queues import Lane, count_waiting_jobs


def test_it_is_served_by_a_worker_without_options() -> None:
    assert {queue.name for queue in app.conf.task_queues} == {lane.queue for lane in Lane}


@pytest.fixture
def own_queues() -> Iterator[None]:
    """Queues that no other test uses."""
    default_queue, app.conf.task_default_queue = app.conf.task_default_queue, "counted"
    yield
    app.conf.task_default_queue = default_queue


@pytest.mark.parametrize("lane", Lane)
def test_it_counts_waiting_jobs_per_lane(lane: Lane, own_queues: None) -> None:
    assert count_waiting_jobs(lane) == 0
    app.send_task("nobody.knows", queue=lane.queue)
    assert [count_waiting_jobs(other_lane) for other_lane in Lane] == [int(other_lane is lane) for other_lane in Lane]
    with app.connection_for_write() as broker:
        broker.default_channel.queue_purge(lane.queue)
