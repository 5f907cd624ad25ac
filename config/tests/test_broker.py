"""The queue: the database that REDIS_URL names, and invalid messages."""

import base64
import json
from uuid import uuid4

import pytest
from django_redis import get_redis_connection
from kombu import Connection
from redis.exceptions import ConnectionError, TimeoutError

from config import cache
from config.celery import app
from config.jobs.broker import broker_url
from config.tests.processes import wait_until
from config.tests.programs import run_worker

VALID = {
    "body": "W1tdLCB7fSwgeyJjYWxsYmFja3MiOiBudWxsLCAiZXJyYmFja3MiOiBudWxsLCAiY2hhaW4iOiBudWxsLCAiY2hvcmQiOiBudWxsfV0=",
    "content-encoding": "utf-8",
    "content-type": "application/json",
    "headers": {"lang": "py", "task": "config.csp.tasks.delete_old_policy_violations", "id": "1", "root_id": "1"},
    "properties": {
        "delivery_mode": 2,
        "delivery_tag": "1",
        "body_encoding": "base64",
        "delivery_info": {"exchange": "", "routing_key": "jobs"},
    },
}


def make_message(**parts: object) -> bytes:
    return json.dumps(VALID | parts).encode()


INVALID_MESSAGES = {
    "no JSON": b"os.system('rm')",
    "nested lists": b"[" * 100_000,
    "nested lists as a body": make_message(body=base64.b64encode(b"[" * 100_000).decode()),
    "no text": b"\x80\x04\x95\x00",
    "nothing": b"",
    "a number": b"1",
    "a list": b"[]",
    "no properties": make_message(properties=None),
    "no delivery tag": make_message(
        properties={"body_encoding": "base64", "delivery_info": VALID["properties"]["delivery_info"]}
    ),
    "empty delivery info": make_message(properties=VALID["properties"] | {"delivery_info": {}}),
    "no delivery info": make_message(properties=VALID["properties"] | {"delivery_info": None}),
    "no base64": make_message(body="%%%"),
    "no body": make_message(body=None),
    "bytes": make_message(**{"content-type": "application/data"}),
    "an unknown encoding": make_message(**{"content-encoding": "no-such"}),
    "JSON that is a number": make_message(body="MQ=="),
    "truncated JSON": make_message(body="W1td"),
    "a pickle": make_message(**{"content-type": "application/x-python-serialize"}),
    "another encoding": make_message(properties=VALID["properties"] | {"body_encoding": "utf-7"}),
    "no headers": make_message(headers=None),
    "headers in a list": make_message(headers=["task"]),
    "a task that is no name": make_message(headers={"task": {"a": 1}, "id": "1"}),
    "a task without an id": make_message(headers={"task": "config.csp.tasks.delete_old_policy_violations"}),
    "an unknown task": make_message(headers={"task": "os.system", "id": "1"}),
    "invalid arguments": make_message(body="eyJhIjogMX0="),
}


@pytest.mark.django_db(transaction=True)
def test_it_drops_invalid_messages_and_continues() -> None:
    queue = app.conf.task_queues[0].name
    channel = get_redis_connection("default")
    with run_worker(queue) as working:
        for message in INVALID_MESSAGES.values():
            channel.lpush(queue, message)
        channel.lpush(queue, make_message(headers=VALID["headers"] | {"id": "the-last"}))
        wait_until(lambda: "the-last" in working.read_output() or working.process.poll() is not None)
        assert working.process.poll() is None, working.read_output()
        assert "could not be read and was dropped" in working.read_output()
        wait_until(lambda: "[the-last] succeeded" in working.read_output())


@pytest.mark.parametrize("end", ["ack", "reject", "requeue"])
def test_it_leaves_a_job_to_redis_if_it_has_lost_the_connection(end: str) -> None:
    """As a worker does that loses Redis: it forgets the broken connection, and then closes it. Then the job ends."""
    redis = get_redis_connection("default")
    queue = f"lost-{uuid4().hex}"
    with Connection(app.conf.broker_url) as connection:
        redis.lpush(queue, make_message(properties=VALID["properties"] | {"delivery_tag": queue}))
        channel = connection.channel()
        message = channel.basic_get(queue)
        connection.transport.client = None
        channel.close()
        getattr(message, end)()
    assert redis.llen(queue) == 0
    assert redis.hdel("unacked", queue) == 1
    redis.zrem("unacked_index", queue)


@pytest.mark.parametrize(
    ("url", "number", "path"),
    [
        ("unix:///run/redis.sock", 0, "/run/redis.sock"),
        ("unix:///run/redis.sock?db=3", 3, "/run/redis.sock"),
        ("unix://:pa%40ss@/run/redis.sock?db=3", 3, "/run/redis.sock"),
        ("redis://redis.internal:6380", 0, None),
        ("redis://redis.internal:6380/4", 4, None),
        ("redis://redis.internal:6380?db=4", 4, None),
        ("redis://redis.internal:6380/0?db=4", 4, None),
        ("rediss://user:pa%40ss@redis.internal:6380/4", 4, None),
    ],
)
def test_it_uses_the_database_of_the_url(url: str, number: int, path: str | None) -> None:
    with Connection(broker_url(url)) as connection:
        channel = connection.transport.Channel.__new__(connection.transport.Channel)
        channel.connection = connection.transport
        channel.connection.client = connection
        parameters = channel._connparams()
    assert parameters["db"] == number
    assert parameters.get("path") == path
    assert parameters["password"] == ("pa@ss" if "@" in url else None)


def test_it_uses_the_same_redis_database_as_the_cache() -> None:
    """Both read the same setting, but each with its own parser."""
    with app.connection_for_write() as connection:
        parameters = connection.default_channel.client.connection_pool.connection_kwargs
        assert parameters["db"] == get_redis_connection("default").connection_pool.connection_kwargs.get("db", 0)


def test_it_calls_an_unresponsive_redis_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "circuit_breaker", cache.CircuitBreaker(seconds=60))
    with pytest.raises(TimeoutError), cache.call_redis():
        raise TimeoutError
    with pytest.raises(ConnectionError, match="did not answer a moment ago"), cache.call_redis():
        raise AssertionError("Redis was called again.")
