"""The queues of jobs and their counts."""

from collections.abc import Iterator

import pytest
from celery import current_app as app

from compliance.queues import Lane, count_waiting_jobs, queue_many

# What differs between two jobs of one task.
OWN_HEADERS = {"id", "root_id", "argsrepr"}


def test_it_is_served_by_a_worker_without_options() -> None:
    assert {queue.name for queue in app.conf.task_queues} == {lane.queue for lane in Lane}


@pytest.fixture
def own_queues() -> Iterator[None]:
    """Queues that no other test uses."""
    default_queue, app.conf.task_default_queue = app.conf.task_default_queue, "counted"
    yield
    app.conf.task_default_queue = default_queue


def test_it_queues_many_jobs_as_celery_queues_one(own_queues: None) -> None:
    def do_nothing(*_: object, patient: bool) -> None:
        """Stand for any job."""

    task = app.task(name="tests.do_nothing")(do_nothing)
    arguments = [["first", 1], ["second", 2], ["third \u2713", None]]
    task.apply_async(tuple(arguments[0]), {"patient": True}, queue=Lane.SLOW.queue)
    queue_many(task, arguments, options={"patient": True}, lane=Lane.SLOW)
    queue_many(task, [], options={}, lane=Lane.SLOW)
    with app.connection_for_write() as broker:
        received = [broker.default_channel.basic_get(Lane.SLOW.queue, no_ack=True) for _ in range(4)]
        assert broker.default_channel.basic_get(Lane.SLOW.queue) is None
    expected = [[positional, {"patient": True}] for positional in arguments[:1] + arguments]
    assert [message.decode()[:2] for message in received] == expected
    single, *copies = received
    for message in copies:
        assert message.headers.keys() == single.headers.keys()
        assert {name for name in single.headers if message.headers[name] != single.headers[name]} <= OWN_HEADERS
        assert message.headers["id"] == message.headers["root_id"] == message.properties["correlation_id"]
    assert len({message.headers["id"] for message in received}) == 4
    assert len({message.delivery_tag for message in received}) == 4


@pytest.mark.parametrize("lane", Lane)
def test_it_counts_waiting_jobs_per_lane(lane: Lane, own_queues: None) -> None:
    assert count_waiting_jobs(lane) == 0
    app.send_task("nobody.knows", queue=lane.queue)
    assert [count_waiting_jobs(other_lane) for other_lane in Lane] == [int(other_lane is lane) for other_lane in Lane]
    with app.connection_for_write() as broker:
        broker.default_channel.queue_purge(lane.queue)
