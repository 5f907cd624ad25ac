"""The queues of the task workers. The Procfile assigns queues to workers; a worker without options serves all.

A worker takes a task from a queue only while those it names before are empty (``queue_order_strategy``).
"""

import base64
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from celery import Task, current_app
from kombu import Connection
from kombu.utils.uuid import uuid

# kombu's transport in memory has one store for all threads.
_memory_lock: Final = threading.Lock()
# Placeholders, with characters that no id and no body in base64 has.
BODY, ARGUMENTS = "<body>", "<arguments>"


class Lane(StrEnum):
    """A queue for tasks of about the same duration and urgency. The most urgent ones come first."""

    # Tasks that a user waits for, and short tasks.
    SHARED = "shared"
    # Webhooks, and what follows from them: they come in bursts, and no user waits for them.
    WEBHOOKS = "webhooks"
    # Scheduled tasks, which come after all others.
    ROUTINE = "routine"
    # Calls that can take minutes: on workers of their own, so that no other task waits behind them.
    SLOW = "slow"

    @property
    def queue(self) -> str:
        """Return the queue's name at the broker."""
        shared: str = current_app.conf.task_default_queue
        return shared if self is Lane.SHARED else f"{shared}.{self}"


def count_waiting_jobs(lane: Lane) -> int:
    """Count the tasks in a queue. Raises ``kombu.exceptions.OperationalError`` when the broker does not answer."""
    with current_app.connection_for_write() as connection:
        # Every transport's channel has this method, although kombu's types lack it.
        declared = connection.default_channel.queue_declare(queue=lane.queue, durable=True)  # type: ignore[attr-defined]
        return int(declared.message_count)


def queue_many(
    task: "Task[..., Any]", arguments: Iterable[Sequence[Any]], *, options: Mapping[str, Any], lane: Lane
) -> None:
    """Queue a job for each sequence of positional arguments, all with the same ``options``, in one call of the broker.

    The jobs are those that ``apply_async`` would queue, for a thirtieth of the time: Celery composes the first, and the
    others are copies with arguments and ids of their own. Raises what Redis raises when it does not answer.
    """
    remaining = list(arguments)
    if remaining:
        message = _compose_message(task, remaining[0], options, lane)
        template = _MessageTemplate(message)
        copies = [template.fill_in(positional) for positional in remaining]
        with current_app.pool.acquire(block=True) as connection:
            # A method of our own channel, see config/jobs/broker.py.
            connection.default_channel.put_many(lane.queue, copies)  # type: ignore[attr-defined]


def _compose_message(
    task: "Task[..., Any]", arguments: Sequence[Any], options: Mapping[str, Any], lane: Lane
) -> dict[str, Any]:
    """Return the message that Celery and kombu compose for a job, by sending it to a broker in memory."""
    with _memory_lock, Connection("memory://") as connection:
        task.apply_async(tuple(arguments), dict(options), queue=lane.queue, producer=connection.Producer())
        message: dict[str, Any] = connection.default_channel._get(lane.queue)  # type: ignore[attr-defined]
    return message


class _MessageTemplate:
    """A message as JSON text. To fill in a copy takes a fifth of the time of encoding it."""

    def __init__(self, message: dict[str, Any]) -> None:
        self._job_id: str = message["headers"]["id"]
        _, *self._options = json.loads(base64.b64decode(message["body"]))
        # The delivery tag only has to be unique, as the id of the job is.
        properties = {**message["properties"], "delivery_tag": self._job_id}
        headers = {**message["headers"], "argsrepr": ARGUMENTS}
        self._text = json.dumps({**message, "body": BODY, "headers": headers, "properties": properties})

    def fill_in(self, arguments: Sequence[Any]) -> str:
        """Return a copy with other positional arguments and an id of its own."""
        body = base64.b64encode(json.dumps([list(arguments), *self._options]).encode()).decode()
        text = self._text.replace(self._job_id, uuid()).replace(BODY, body)
        return text.replace(ARGUMENTS, json.dumps(repr(tuple(arguments)))[1:-1])
