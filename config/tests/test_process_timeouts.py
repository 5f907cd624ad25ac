"""The timeouts of each kind of process."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from compliance import timeouts
from config import celery, gunicorn
from config.jobs.broker import WAITS, WORKERS_WAITS


@pytest.fixture(autouse=True)
def _restore_timeouts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restore this process's timeouts after a test."""
    monkeypatch.setattr(timeouts, "_timeouts", timeouts.COMMAND)
    before = dict(celery.app.conf.broker_transport_options)
    yield
    celery.app.conf.broker_transport_options = before


def test_it_gives_web_processes_the_shortest_timeouts() -> None:
    gunicorn.post_worker_init(None)
    assert timeouts.get_timeouts() is timeouts.WEB
    assert celery.app.conf.broker_transport_options.items() >= WAITS.items()


@pytest.mark.django_db
def test_it_gives_workers_longer_timeouts() -> None:
    celery.check_before_serving()
    assert timeouts.get_timeouts() is timeouts.JOB
    assert celery.app.conf.broker_transport_options.items() >= WORKERS_WAITS.items()


def test_it_dispatches_due_syncs_at_least_once_a_minute() -> None:
    entries = celery.app.conf.beat_schedule.values()
    (schedule,) = [entry["schedule"] for entry in entries if entry["task"] == "banking.tasks.dispatch_due_syncs"]
    assert schedule <= timedelta(minutes=1)
