"""All programs that tests use have the same clock, and it shows the requested day."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone

from config.tests.clock import __main__ as clock
from config.tests.clock.requested_day import REQUESTED_DAY

pytestmark = pytest.mark.dates

# A run takes minutes; the requested days are months away.
MAX_RUN = timedelta(hours=1)
MAX_DIFFERENCE = timedelta(seconds=30)
PRINT_TIME = "import time; print(time.time())"


def get_database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def get_redis_time() -> datetime:
    seconds, _ = redis.Redis.from_url(settings.REDIS_URL).time()
    return datetime.fromtimestamp(seconds, UTC)


def get_child_process_time() -> datetime:
    output = subprocess.run([sys.executable, "-c", PRINT_TIME], capture_output=True, check=True, text=True).stdout
    return datetime.fromtimestamp(float(output), UTC)


@pytest.mark.django_db
@pytest.mark.parametrize("get_time", [timezone.now, get_database_time, get_redis_time, get_child_process_time])
def test_it_shows_the_requested_day(get_time: Callable[[], datetime]) -> None:
    now = get_time()
    assert abs(now - timezone.now()) < MAX_DIFFERENCE
    if requested := os.environ.get(REQUESTED_DAY):
        assert timedelta(0) <= now - datetime.fromisoformat(requested) < MAX_RUN


@pytest.mark.django_db
def test_it_has_the_same_time_as_the_sandbox(sandbox: Any) -> None:
    sandbox_clock = sandbox.admin("clock", method="GET")
    now = datetime.fromisoformat(sandbox_clock["now"]) - timedelta(seconds=sandbox_clock["offset_seconds"])
    assert abs(now - timezone.now()) < MAX_DIFFERENCE


def test_it_fails_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(clock, "PLACES", ())
    assert clock.main([]) == 1
    assert "apt-get install libfaketime" in capsys.readouterr().err


def test_it_finds_the_marked_tests() -> None:
    assert {"config/tests/test_clock.py", "credit/tests/test_schedule.py"} <= set(clock.list_marked_files())


def test_it_sleeps_for_the_requested_time() -> None:
    started_at = time.monotonic()
    time.sleep(0.05)
    assert 0.05 <= time.monotonic() - started_at < 5


def test_it_spends_no_processor_time_on_waiting_threads() -> None:
    ended = threading.Event()

    def wake_often() -> None:
        while not ended.wait(0.001):
            pass

    threads = [threading.Thread(target=wake_often) for _ in range(9)]
    for thread in threads:
        thread.start()
    process_start, thread_start = time.process_time(), time.thread_time()
    # One call, in which no other thread may run.
    sum(range(20_000_000))
    thread_seconds, process_seconds = time.thread_time() - thread_start, time.process_time() - process_start
    ended.set()
    for thread in threads:
        thread.join()
    assert process_seconds < 2 * thread_seconds
