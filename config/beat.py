"""The clock's own process."""

from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler

from compliance import deadlines
from config.celery import refuse_to_serve


class Scheduler(DatabaseScheduler):  # type: ignore[misc]
    """Reads its times once it is sure that it may: Celery's own signal for it comes after the first look."""

    def __init__(self, *args: Any, **options: Any) -> None:
        refuse_to_serve()
        # It may be asked to end while the database is silent, and then writes to it once more, twice over.
        deadlines.choose(deadlines.WEB)
        super().__init__(*args, **options)

    def close(self) -> None:
        """Save the times; the way to the queue ends with the process.

        Celery closes it here, having opened it first: for ever while Redis is away. And what it raises then, on
        SIGTERM, is taken for the failure of the job that was being queued, so that the clock goes on.
        """
        self.sync()
