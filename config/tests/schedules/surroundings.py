"""What all schedules of a test share: the sandbox, the clocks, the job queue, and the points of a sync."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
import waitress
from celery.app.task import Task
from django.db.models.functions import Now
from django.utils import timezone

from banking.limits import call_limits
from banking.plaid import client
from config.tests.schedules.local_bank import WEBHOOK_URL
from config.tests.schedules.points import Points, install_points
from config.tests.schedules.two_workers import SecondWorker
from sandbox import faults
from sandbox.app import Application
from sandbox.context import AppContext, open_context
from sandbox.tests.sandbox_client import serve

BEGIN = "2026-11-20T12:00:00Z"
# Seconds after which the sandbox closes an idle connection: its clock travels.
NEVER = 10**9
JOBS = ("sync_item", "process_webhook")


@dataclass
class WaitingJob:
    """A job of the queue: its task's name, its arguments, and when a worker may take it."""

    task: str
    args: tuple[Any, ...]
    options: dict[str, Any]
    due: datetime


@dataclass
class Surroundings:
    """``skew`` is by how much the database's clock is ahead of this process's.

    ``limits_key`` is what all keys of the rate limits in Redis begin with, because its clock does not travel.
    """

    context: AppContext
    clock: time_machine.Traveller
    points: Points
    worker: SecondWorker
    patch: pytest.MonkeyPatch
    jobs: list[WaitingJob] = field(default_factory=list)
    skew: timedelta = timedelta(0)
    limits_key: str = ""

    def begin(self, *, rows_per_page: int) -> None:
        """Start a schedule: at the same time, with no jobs, faults and limits of the one before."""
        self.clock.move_to(BEGIN)
        self.jobs.clear()
        self.skew, self.limits_key = timedelta(0), uuid4().hex
        faults.clear(self.context)
        self.patch.setattr(client, "ROWS_PER_PAGE", rows_per_page)

    def keep_job(self, task: Task, args: Any = (), kwargs: Any = None, *, countdown: int = 0, **options: Any) -> None:
        """Keep a job instead of sending it to Redis. A schedule has no other jobs than those of syncs and webhooks."""
        name = task.name.rpartition(".")[2]
        if name in JOBS:
            due = timezone.now() + timedelta(seconds=countdown)
            self.jobs.append(WaitingJob(name, tuple(args), dict(kwargs or {}), due))


@contextmanager
def open_surroundings(directory: Path, settings: Any, patch: pytest.MonkeyPatch) -> Iterator[Surroundings]:
    """Serve a sandbox in a thread, and let time travel for it, for the site, and for ``Now()``."""
    keys = {"client_id": settings.PLAID_CLIENT_ID, "secret": settings.PLAID_SECRET, "admin_token": uuid4().hex}
    context = open_context(directory, **keys, profile="instant")
    settings.PLAID_WEBHOOK_URL = WEBHOOK_URL
    settings.RATELIMIT_ENABLE = False
    points, worker = Points(), SecondWorker()
    install_points(points, patch)
    with serve_sandbox(context) as settings.PLAID_URL, time_machine.travel(BEGIN) as clock:
        shared = Surroundings(context, clock, points, worker, patch)
        patch.setattr(Task, "apply_async", lambda task, *args, **options: shared.keep_job(task, *args, **options))
        patch.setattr(call_limits, "get_key_prefix", lambda environment: f"{{{shared.limits_key}}}")
        database_clock = lambda *args, **extra: ("%s::timestamptz", [timezone.now() + shared.skew])  # noqa: E731
        patch.setattr(Now, "as_postgresql", database_clock)
        yield shared
    worker.stop()


@contextmanager
def serve_sandbox(context: AppContext) -> Iterator[str]:
    """Serve a sandbox in this process, so that its clock travels with the test's; yields its address."""
    server = waitress.create_server(
        Application(context), host="127.0.0.1", port=0, threads=2, ident=None, channel_timeout=NEVER
    )
    thread = threading.Thread(target=serve, args=(server, context.stopping), name="sandbox", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        context.stopping.set()
        thread.join()
        context.store.close()
