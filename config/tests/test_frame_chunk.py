"""A large chunk for Python's frames: a call costs the same at any depth of the stack."""

import resource
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

import pytest

from config.http import worker
from config.http.frame_chunk import call_in_large_chunk

Result = TypeVar("Result")

DEPTH = 500
CALLS = 300

pytestmark = pytest.mark.skipif(not hasattr(resource, "RUSAGE_THREAD"), reason="Only Linux counts faults by thread")


def do_nothing() -> None:
    pass


def count_faults() -> int:
    """Count the pages of memory that the system had to provide to this thread for ``CALLS`` calls."""
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    for _ in range(CALLS):
        do_nothing()
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before


def descend(depth: int) -> list[int]:
    """Count the faults at this depth of the stack and at each deeper one."""
    return [count_faults(), *(descend(depth - 1) if depth else [])]


def run_in_thread(function: Callable[[], Result]) -> Result:
    results: list[Result] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def test_it_needs_no_new_memory_for_calls_at_any_depth():
    assert max(run_in_thread(lambda: call_in_large_chunk(descend, DEPTH))) < CALLS / 10


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="Other versions place frames elsewhere")
def test_it_needs_new_memory_without_a_large_chunk():
    assert max(run_in_thread(lambda: descend(DEPTH))) >= CALLS


class Request:
    def is_liveness_probe(self) -> bool:
        return False


class Connection:
    """A connection that a thread of the worker serves."""

    def __init__(self) -> None:
        self.requests = [Request()]
        self.is_served = threading.Event()
        self.faults: list[int] = []

    def service(self) -> None:
        self.faults = descend(DEPTH)
        self.is_served.set()


def test_it_serves_requests_in_a_large_chunk():
    connection, threads = Connection(), worker.Threads(1)
    threads.add_task(connection)
    assert connection.is_served.wait(20)
    threads.shutdown()
    threads.for_health.shutdown()
    assert max(connection.faults) < CALLS / 10
