"""Run other programs for a test: a worker with its own queue, a sandbox with a mailbox, a Django process."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connections

from banking.tests.sandbox_process import ADMIN_TOKEN, CLIENT_ID, SECRET, Sandbox
from compliance.queues import Lane
from config.celery import app
from config.tests.processes import wait_until
from devservices.data_dir import CHECKOUT

# Jobs that the worker queues itself go to the same queue, so its process needs the name as well.
WORKER_CODE = """
import sys
from compliance.queues import Lane
from config.celery import app
# By the exchange it would answer the questions that another test asks all workers.
app.conf.task_default_queue = app.conf.control_exchange = sys.argv[1]
app.worker_main(["worker", "--loglevel", "INFO", *sys.argv[2:]])
"""


class Worker:
    """A running Celery worker and its log."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: IO[bytes]) -> None:
        self.process = process
        self.log = log

    def read_output(self) -> str:
        self.log.flush()
        return Path(self.log.name).read_text()

    def kill(self) -> None:
        """Kill the worker and its child processes with SIGKILL."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def run_worker(
    queue: str, *, lanes: Iterable[Lane] = Lane, processes: int = 2, options: Sequence[str] = ()
) -> Iterator[Worker]:
    """Run a worker on this test's database until the block ends. It accepts jobs when the block begins."""
    queues = ",".join(lane.queue for lane in lanes)
    with tempfile.NamedTemporaryFile(prefix="worker-", suffix=".log") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER_CODE, queue, "--concurrency", str(processes), "--queues", queues, *options],
            cwd=CHECKOUT,
            env=build_environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        working = Worker(process, log)
        try:
            wait_until(lambda: " ready." in working.read_output() or process.poll() is not None)
            assert process.poll() is None, working.read_output()
            yield working
        finally:
            working.kill()


def build_environment() -> dict[str, str]:
    """The environment variables with which another process uses this test's database and sandbox."""
    others = ("owner", "ops", "viewer")
    names = {"default": "DATABASE_URL"} | {alias: f"DATABASE_{alias.upper()}_URL" for alias in others}
    urls = {
        name: urlsplit(os.environ[name])._replace(path=f"/{connections[alias].settings_dict['NAME']}").geturl()
        for alias, name in names.items()
    }
    plaid = {name: str(getattr(settings, name)) for name in ("PLAID_URL", "PLAID_CLIENT_ID", "PLAID_SECRET")}
    return os.environ | urls | plaid | {"DJANGO_SETTINGS_MODULE": "config.settings", "PLAID_WEBHOOK_URL": ""}


@contextmanager
def run_django_code(code: str, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
    """Run Python code in another process, with Django set up on this test's database."""
    setup = "import sys, django; django.setup()\n"
    command = [sys.executable, "-c", setup + code, *map(str, arguments)]
    running = subprocess.Popen(
        command, cwd=CHECKOUT, env=build_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


@contextmanager
def use_own_queue(name: str) -> Iterator[str]:
    """Queue this process's jobs, and ask all workers, under another name than other tests do."""
    default, exchange = app.conf.task_default_queue, app.conf.control_exchange
    app.conf.task_default_queue = app.conf.control_exchange = name
    try:
        yield name
    finally:
        with app.connection_for_write() as connection:
            connection.default_channel.client.delete(*(lane.queue for lane in Lane))
        app.conf.task_default_queue, app.conf.control_exchange = default, exchange


def find_free_port() -> int:
    """Return a port that is free at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def run_sandbox_with_mailbox(folder: Path, *, profile: str = "fast") -> Iterator[tuple[Sandbox, int]]:
    """Run a sandbox until the block ends, and yield it with its SMTP port."""
    smtp_port = find_free_port()
    command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", "--smtp-port", str(smtp_port)]
    command += ["--profile", profile, "--data", str(folder)]
    keys = {"SANDBOX_CLIENT_ID": CLIENT_ID, "SANDBOX_SECRET": SECRET, "SANDBOX_ADMIN_TOKEN": ADMIN_TOKEN}
    with subprocess.Popen(command, cwd=CHECKOUT, env=os.environ | keys, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Sandbox(url=process.stdout.readline().split()[-1]), smtp_port
        finally:
            process.terminate()
