"""The clock's own process."""

import os
import signal
from types import FrameType
from typing import Any, Final

from django_celery_beat.schedulers import DatabaseScheduler

from compliance import timeouts
from config.celery import PROCESS_ENDS, after, check_before_serving

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
AGAIN: Final = 0.5


class Scheduler(DatabaseScheduler):  # type: ignore[misc]
    """Reads its times once it is sure that it may: Celery's own signal for it comes after the first look."""

    def __init__(self, *args: Any, **options: Any) -> None:
        end_on_signals()
        check_before_serving()
        # It may be asked to end while the database is silent, and then writes to it once more, twice over.
        timeouts.set_timeouts(timeouts.WEB)
        super().__init__(*args, **options)

    def close(self) -> None:
        """Save the times. The way to the queue ends with the process: Celery would open it first, to close it."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        self.sync()


def end_on_signals() -> None:
    """Leave the clock's loop on a signal, which then saves the times, and end in any case before time is up.

    Celery saves them inside its handler, in the middle of whatever goes on: a statement on the same connection, whose
    lock it then waits for without end, or the queueing of a job, which takes what that raises for its own failure.
    """
    for number in SIGNALS:
        signal.signal(number, leave)


def leave(number: int, _: FrameType | None) -> None:
    """Raises ``SystemExit``, which Celery's loop ends by; again while it goes on.

    What is raised in the middle of a finalizer is lost, and while modules are loaded there are many.
    """
    after(PROCESS_ENDS, lambda: os._exit(1))
    after(AGAIN, lambda: os.kill(os.getpid(), number))
    raise SystemExit
