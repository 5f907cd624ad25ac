"""Two workers that take turns: one runs until it calls the provider, and there the other one may go on.

They are two threads with a database connection each. Only one runs at a time and a seeded choice decides which, so a
schedule with two workers always runs in the same way.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from random import Random

from django.db import connections

from config.tests.schedules.points import Points

Job = Callable[[], None]
TIMEOUT_SECONDS = 60


class SecondWorker:
    """A thread that runs one job at a time, and keeps its database connection in between."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()
        self.thread = threading.Thread(target=self._run, name="second worker", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.jobs.put(None)
        self.thread.join(TIMEOUT_SECONDS)

    def _run(self) -> None:
        while (job := self.jobs.get()) is not None:
            job()
        connections.close_all()


class Turns:
    """Whose turn it is: 0 for this thread, 1 for the second worker's."""

    def __init__(self, source: Random, *, between: Job) -> None:
        """``between`` is called when the turn changes."""
        self.random, self.between = source, between
        self.current = 0
        self.is_running = [True, True]
        self.signals = threading.Event(), threading.Event()
        self.error: BaseException | None = None

    def run(self, first: Job, second: Job, *, points: Points, worker: SecondWorker) -> None:
        """Run both to their ends. Raises what the second one raises."""
        worker.jobs.put(lambda: self._run_second(second))
        points.on_call = self.offer
        try:
            first()
        finally:
            self._finish(0)
            if self.is_running[1]:
                self._wait(0)
            points.on_call = None
        if self.error is not None:
            raise self.error

    def offer(self) -> None:
        """Let the other worker go on, or not."""
        other = 1 - self.current
        if self.is_running[other] and self.random.random() < 0.5:
            self.between()
            me = self.current
            self._pass_to(other)
            self._wait(me)

    def _run_second(self, job: Job) -> None:
        self._wait(1)
        try:
            job()
        except BaseException as error:
            self.error = error
        self._finish(1)

    def _finish(self, me: int) -> None:
        self.is_running[me] = False
        if self.is_running[1 - me]:
            self._pass_to(1 - me)
        elif me == 1:
            self.signals[0].set()

    def _pass_to(self, other: int) -> None:
        self.current = other
        self.signals[other].set()

    def _wait(self, me: int) -> None:
        if not self.signals[me].wait(TIMEOUT_SECONDS):
            raise TimeoutError("the other worker never passed the turn")
        self.signals[me].clear()
