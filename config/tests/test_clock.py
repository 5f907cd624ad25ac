"""All programs that tests use live on the same day, and on the one that was asked for."""

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

# A run lasts minutes at most; the days that are asked for lie months away.
LASTS = timedelta(hours=1)
APART = timedelta(seconds=30)
TELL = "import time; print(time.time())"


def of_database() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def of_redis() -> datetime:
    seconds, _ = redis.Redis.from_url(settings.REDIS_URL).time()
    return datetime.fromtimestamp(seconds, UTC)


def of_child() -> datetime:
    told = subprocess.run([sys.executable, "-c", TELL], capture_output=True, check=True, text=True).stdout
    return datetime.fromtimestamp(float(told), UTC)


@pytest.mark.django_db
@pytest.mark.parametrize("told", [timezone.now, of_database, of_redis, of_child])
def test_it_is_the_day_that_was_asked_for(told: Callable[[], datetime]) -> None:
    now = told()
    assert abs(now - timezone.now()) < APART
    if asked := os.environ.get(REQUESTED_DAY):
        assert timedelta(0) <= now - datetime.fromisoformat(asked) < LASTS


@pytest.mark.django_db
def test_it_is_the_sandboxs_day(sandbox: Any) -> None:
    told = sandbox.admin("clock", method="GET")
    now = datetime.fromisoformat(told["now"]) - timedelta(seconds=told["offset_seconds"])
    assert abs(now - timezone.now()) < APART


def test_it_says_what_is_missing_and_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(clock, "PLACES", ())
    assert clock.main([]) == 1
    assert "apt-get install libfaketime" in capsys.readouterr().err


def test_it_finds_the_tests_that_are_marked() -> None:
    assert {"config/tests/test_clock.py", "credit/tests/test_schedule.py"} <= set(clock.list_marked_files())


def test_it_sleeps_as_long_as_it_is_told() -> None:
    began = time.monotonic()
    time.sleep(0.05)
    assert 0.05 <= time.monotonic() - began < 5


def test_it_spends_no_processor_time_on_threads_that_wait_for_the_interpreter() -> None:
    ended = threading.Event()

    def wake_often() -> None:
        while not ended.wait(0.001):
            pass

    threads = [threading.Thread(target=wake_often) for _ in range(9)]
    for thread in threads:
        thread.start()
    all_began, own_began = time.process_time(), time.thread_time()
    # One call, in which no other thread may run.
    sum(range(20_000_000))
    own, together = time.thread_time() - own_began, time.process_time() - all_began
    ended.set()
    for thread in threads:
        thread.join()
    assert together < 2 * own
