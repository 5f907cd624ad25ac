"""The scheduler of Celery beat, which ends cleanly on signals."""

import os
import signal
from types import FrameType
from typing import Any, Final

from django_celery_beat.schedulers import DatabaseScheduler

from compliance import timeouts
from config.celery import PROCESS_ENDS, check_before_serving, run_later

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
REPEAT_SECONDS: Final = 0.5


class Scheduler(DatabaseScheduler):  # type: ignore[misc]
    """Reads its schedule only after the serving checks. Celery's own ``beat_init`` comes after the first read."""

    def __init__(self, *args: Any, **options: Any) -> None:
        end_on_signals()
        check_before_serving()
        # Short timeouts, because it writes to the database twice when it stops, even if that does not respond.
        timeouts.set_timeouts(timeouts.WEB)
        super().__init__(*args, **options)

    def close(self) -> None:
        """Save the schedule. Leaves out the broker's connection, which Celery would open only to close it."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        self.sync()


def end_on_signals() -> None:
    """On a signal, leave the scheduler's loop, which saves the schedule, and exit within ``PROCESS_ENDS`` seconds.

    Celery would save the schedule inside its signal handler, which can interrupt a statement on the same connection,
    for whose lock it then waits forever, or the queueing of a job, which would handle the exception as its own.
    """
    for number in SIGNALS:
        signal.signal(number, exit_loop)


def exit_loop(number: int, _: FrameType | None) -> None:
    """Raise ``SystemExit``, by which Celery's loop ends, and repeat the signal while the process runs.

    An exception raised inside a finalizer is lost, and finalizers run often while modules are loaded.
    """
    run_later(PROCESS_ENDS, lambda: os._exit(1))
    run_later(REPEAT_SECONDS, lambda: os.kill(os.getpid(), number))
    raise SystemExit
