"""Run the processes of the Procfile as an operator does, on a test's database."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psutil
from honcho.environ import parse_procfile

from config.tests.processes import wait_until
from config.tests.programs import build_environment, find_free_port
from devservices.data_dir import CHECKOUT

COMMANDS = parse_procfile((CHECKOUT / "Procfile").read_text()).processes
# All processes but the one that runs once per release.
SERVING = sorted(COMMANDS.keys() - {"release"})
SEARCH_PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
STOP_SECONDS = 10


class Process:
    """A running process of the Procfile. ``port`` is the one that ``web`` listens on."""

    def __init__(self, name: str, log: IO[bytes], **settings: str) -> None:
        self.port, self.log = find_free_port(), log
        command = COMMANDS[name].replace("0.0.0.0", "127.0.0.1")
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            cwd=CHECKOUT,
            env=build_environment() | {"PORT": str(self.port), "PATH": SEARCH_PATH} | settings,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def read_output(self) -> str:
        return Path(self.log.name).read_text()

    def children(self) -> list[psutil.Process]:
        """Its running descendants."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def end(self) -> int:
        """Terminate it and return its exit code. Fails when that takes longer than ``STOP_SECONDS``."""
        self.process.terminate()
        return self.process.wait(timeout=STOP_SECONDS)

    def listens(self) -> bool:
        """Whether ``web`` accepts connections. Fails when it has ended instead."""
        assert self.process.poll() is None, self.read_output()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def connect(self, data: bytes = b"") -> socket.socket:
        """Open a connection to ``web`` and send some data."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=STOP_SECONDS)
        connection.sendall(data)
        return connection

    def get(self, path: str) -> bytes:
        """Return the raw response of ``web``, head and body."""
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        with self.connect(request) as connection:
            return b"".join(iter(lambda: connection.recv(65536), b""))


@contextmanager
def run_process(name: str, **settings: str) -> Iterator[Process]:
    """Run a process of the Procfile until the block ends. ``web`` responds when the block begins."""
    with start_process(name, **settings) as process:
        if name == "web":
            wait_until(process.listens)
            assert process.get("/health/live").startswith(b"HTTP/1.1 200 ")
        yield process


@contextmanager
def start_process(name: str, **settings: str) -> Iterator[Process]:
    """Start a process of the Procfile. When the block ends it is killed, and its descendants too."""
    with tempfile.NamedTemporaryFile(prefix=f"{name}-", suffix=".log") as log:
        process = Process(name, log, **settings)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.process.pid, signal.SIGKILL)
            process.process.wait()
