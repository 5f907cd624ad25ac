"""Run functions in several threads at once, and see which waits for which."""

import threading
from collections.abc import Callable
from typing import Any

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
