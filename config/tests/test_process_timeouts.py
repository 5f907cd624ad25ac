"""What each kind of process is told of how long it may wait."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from compliance import timeouts
from config import celery, gunicorn
from config.jobs.broker import WAITS, WORKERS_WAITS


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take back what a test has made of this process."""
    monkeypatch.setattr(timeouts, "_timeouts", timeouts.COMMAND)
    before = dict(celery.app.conf.broker_transport_options)
    yield
    celery.app.conf.broker_transport_options = before


def test_it_lets_web_wait_least() -> None:
    gunicorn.post_worker_init(None)
    assert timeouts.get_timeouts() is timeouts.WEB
    assert celery.app.conf.broker_transport_options.items() >= WAITS.items()


@pytest.mark.django_db
def test_it_lets_a_worker_wait_longer() -> None:
    celery.check_before_serving()
    assert timeouts.get_timeouts() is timeouts.JOB
    assert celery.app.conf.broker_transport_options.items() >= WORKERS_WAITS.items()


def test_it_lets_the_clock_look_within_a_minute_for_what_is_due() -> None:
    plans = celery.app.conf.beat_schedule.values()
    (schedule,) = [plan["schedule"] for plan in plans if plan["task"] == "banking.tasks.dispatch_due_syncs"]
    assert schedule <= timedelta(minutes=1)
