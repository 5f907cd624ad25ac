"""Run functions in several threads at once, and see which waits for which."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from django.db import connection, connections


def in_threads(count: int, work: Callable[[], Any]) -> list[Any]:
    """Run ``work`` at the same moment in several threads, each with its own connection. Errors are returned."""
    start, results = threading.Barrier(count), []

    def run() -> None:
        try:
            start.wait()
            results.append(work())
        except Exception as error:
            results.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def is_blocking() -> bool:
    """Whether another transaction waits for the one that is open on this thread's connection.

    pg_stat_activity would not do: a transaction sees it as it was at its first look.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)))")
        return bool(cursor.fetchone()[0])


class Contender:
    """Work in a thread of its own that comes while a transaction of this thread is open."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._future: Future[Any] | None = None

    def come_before(self, monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> None:
        """Let it come right before this thread calls a function of a module for the first time."""
        function = getattr(module, name)

        def let_it_come_first(*arguments: Any, **options: Any) -> Any:
            self.come()
            return function(*arguments, **options)

        monkeypatch.setattr(module, name, let_it_come_first)

    def come(self) -> None:
        """Start it, unless it has come before, and wait until it waits for this thread's transaction or has ended."""
        if self._future is None:
            pool = ThreadPoolExecutor(1)
            self._future = pool.submit(self._run)
            pool.shutdown(wait=False)
            while not is_blocking() and not wait([self._future], timeout=0.01).done:
                pass

    def finish(self) -> Any:
        """Wait until it has ended, and return its result. Raises its error, such as that of a deadlock."""
        assert self._future is not None, "It has not come."
        return self._future.result(timeout=30)

    def _run(self) -> Any:
        try:
            return self._work()
        finally:
            connections.close_all()
