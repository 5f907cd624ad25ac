"""The queues of the task workers. The Procfile assigns queues to workers; a worker without options serves all."""

from enum import StrEnum

from celery import current_app


class Lane(StrEnum):
    """A queue for tasks of about the same duration."""

    # Tasks that a user waits for, and short tasks.
    SHARED = "shared"
    # Scheduled tasks, which come after the tasks that a user waits for.
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
