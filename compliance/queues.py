"""The queues in which jobs wait. Who serves which stands in the Procfile; a worker that is told nothing serves all."""

from enum import StrEnum

from celery import current_app


class Lane(StrEnum):
    """What a job waits for, beside jobs of the same kind."""

    # What somebody waits for, and everything that is over in a moment.
    SHARED = "shared"
    # What the clock starts: behind what somebody waits for.
    ROUTINE = "routine"
    # Calls that may take minutes: workers of their own, so that nobody else waits behind them.
    SLOW = "slow"

    @property
    def queue(self) -> str:
        """The queue's name at the broker."""
        shared: str = current_app.conf.task_default_queue
        return shared if self is Lane.SHARED else f"{shared}.{self}"


def waiting(lane: Lane) -> int:
    """How many jobs wait in a lane. Raises ``kombu.exceptions.OperationalError`` when the broker does not answer."""
    with current_app.connection_for_write() as connection:
        # Every transport's channel has it, whatever kombu's types say.
        declared = connection.default_channel.queue_declare(queue=lane.queue, durable=True)  # type: ignore[attr-defined]
        return int(declared.message_count)
