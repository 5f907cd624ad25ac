"""Starts WSGI applications and workers with the commands of the Procfile, so that all run as in production."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from django.conf import settings
from django.core.management import call_command
from honcho.environ import parse_procfile

from bench import STATIC_ROOT

SITE = "bench.harness.site:application"
PROCFILE = Path(__file__).parents[2] / "Procfile"
PROGRAMS = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
DEPLOYED = "config.wsgi:application"
START_SECONDS = 60
WORKER_READY = " ready."
# The longest that an operator should have to wait for a stop.
STOP_SECONDS = 10


class Address(NamedTuple):
    """The host and port on which a server listens."""

    host: str
    port: int


class RunningServer(NamedTuple):
    """A server that has been started but may not be ready yet, its address and its output."""

    process: "subprocess.Popen[bytes]"
    address: Address
    log: IO[str]


@contextmanager
def serve(application: str, **environment: str) -> Iterator[Address]:
    """Serve a WSGI application with the site's web server until the block ends, and yield its address.

    Raises ``SystemExit`` with the end of the server's output if it does not start, or does not stop on SIGTERM.
    """
    with start_server(application, **environment) as server:
        if not wait_until_ready(server.address, server.process):
            raise SystemExit(f"{application} did not start:\n{read_log_end(server.log)}")
        yield server.address


@contextmanager
def start_server(application: str, **environment: str) -> Iterator[RunningServer]:
    """Start the site's web server, and stop it when the block ends. Raises ``SystemExit`` if it does not stop."""
    address = Address("127.0.0.1", find_free_port())
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {build_command(application)}"],
            env=os.environ | {"PORT": str(address.port), "PATH": PROGRAMS} | environment,
            stdout=log,
            stderr=log,
        )
        try:
            yield RunningServer(process, address, log)
        finally:
            stop_server(process, log)


def stop_server(process: "subprocess.Popen[bytes]", log: IO[str]) -> None:
    """Stop the server. Raises ``SystemExit`` with the end of its output if it has to be killed."""
    process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise SystemExit(f"The server did not end within {STOP_SECONDS} s:\n{read_log_end(log)}") from None


def read_log_end(log: IO[str]) -> str:
    """Return the last 2,000 characters of a log."""
    log.seek(0)
    return log.read()[-2000:]


def build_command(application: str) -> str:
    """Return the Procfile's web command for this application, listening on 127.0.0.1 only."""
    line = parse_procfile(PROCFILE.read_text()).processes["web"]
    return line.replace("0.0.0.0", "127.0.0.1").replace(DEPLOYED, application)


def wait_until_ready(address: Address, process: "subprocess.Popen[bytes]") -> bool:
    """Wait until the server accepts connections, and return True; False if it ended or took too long."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def run_worker(**environment: str) -> Iterator[None]:
    """Run the worker in which users' jobs are, until the block ends.

    Raises ``SystemExit`` with the end of its output if it does not start, or does not stop on SIGTERM.
    """
    line = parse_procfile(PROCFILE.read_text()).processes["worker"]
    with tempfile.NamedTemporaryFile("w+") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {line}"], env=os.environ | {"PATH": PROGRAMS} | environment, stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + START_SECONDS
            while WORKER_READY not in Path(log.name).read_text():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"The worker did not start:\n{read_log_end(log)}")
                time.sleep(0.05)
            yield
        finally:
            stop_server(process, log)


@contextmanager
def collect_static_files() -> Iterator[None]:
    """Collect and compress static files as a deployment does, into a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[STATIC_ROOT] = settings.STATIC_ROOT = folder
        call_command("collectstatic", interactive=False, verbosity=0)
        yield
