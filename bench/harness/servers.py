"""Programs served side by side as the Procfile serves the site: same server, same threads, same machine."""

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
# What an operator waits for a stop.
STOP_SECONDS = 10


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int


class RunningServer(NamedTuple):
    """A server that may not answer yet, where it will listen, and what it says."""

    process: "subprocess.Popen[bytes]"
    address: Address
    log: IO[str]


@contextmanager
def serve(application: str, **environment: str) -> Iterator[Address]:
    """Run a WSGI application in the site's own server until the block ends.

    Raises ``SystemExit`` with the server's last words when it does not answer, or does not end when it is asked to.
    """
    with start_server(application, **environment) as server:
        if not wait_until_ready(server.address, server.process):
            raise SystemExit(f"{application} did not start:\n{last_words(server.log)}")
        yield server.address


@contextmanager
def start_server(application: str, **environment: str) -> Iterator[RunningServer]:
    """Start the site's own server, and end it with the block. Raises ``SystemExit`` when it does not end."""
    address = Address("127.0.0.1", free_port())
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command_for(application)}"],
            env=os.environ | {"PORT": str(address.port), "PATH": PROGRAMS} | environment,
            stdout=log,
            stderr=log,
        )
        try:
            yield RunningServer(process, address, log)
        finally:
            stop(process, log)


def stop(process: "subprocess.Popen[bytes]", log: IO[str]) -> None:
    """End the server. Raises ``SystemExit`` with its last words when it does not end by itself."""
    process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise SystemExit(f"The server did not end within {STOP_SECONDS} s:\n{last_words(log)}") from None


def last_words(log: IO[str]) -> str:
    log.seek(0)
    return log.read()[-2000:]


def command_for(application: str) -> str:
    """The Procfile's web line for this application, heard on this machine alone."""
    line = parse_procfile(PROCFILE.read_text()).processes["web"]
    return line.replace("0.0.0.0", "127.0.0.1").replace(DEPLOYED, application)


def wait_until_ready(address: Address, process: "subprocess.Popen[bytes]") -> bool:
    """Wait until the server takes connections, or has ended."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(address, timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def static_files() -> Iterator[None]:
    """Collect and compress static files as a deployment does, into a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[STATIC_ROOT] = settings.STATIC_ROOT = folder
        call_command("collectstatic", interactive=False, verbosity=0)
        yield
