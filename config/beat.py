"""The clock's own process."""

from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler

from config.celery import refuse_to_serve


class Scheduler(DatabaseScheduler):  # type: ignore[misc]
    """Reads its times once it is sure that it may: Celery's own signal for it comes after the first look."""

    def __init__(self, *args: Any, **options: Any) -> None:
        refuse_to_serve()
        super().__init__(*args, **options)
