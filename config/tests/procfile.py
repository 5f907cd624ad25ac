"""The Procfile's processes as an operator runs them, on a test's database."""

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
from config.tests.programs import environment, free_port
from devservices.data_dir import CHECKOUT

LINES = parse_procfile((CHECKOUT / "Procfile").read_text()).processes
# All but what runs once before a release is served.
SERVING = sorted(LINES.keys() - {"release"})
PROGRAMS = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
STOP_SECONDS = 10


class Process:
    """One line of the Procfile; ``port`` is where web listens."""

    def __init__(self, name: str, log: IO[bytes], **settings: str) -> None:
        self.port, self.log = free_port(), log
        line = LINES[name].replace("0.0.0.0", "127.0.0.1")
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {line}"],
            cwd=CHECKOUT,
            env=environment() | {"PORT": str(self.port), "PATH": PROGRAMS} | settings,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def read_output(self) -> str:
        return Path(self.log.name).read_text()

    def children(self) -> list[psutil.Process]:
        """The processes that it has started and that live."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def end(self) -> int:
        """Ask it to end, and give its exit code. Fails when it takes longer than an operator waits."""
        self.process.terminate()
        return self.process.wait(timeout=STOP_SECONDS)

    def listens(self) -> bool:
        """Whether web takes connections; fails when it has ended instead."""
        assert self.process.poll() is None, self.read_output()
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def connect(self, sends: bytes = b"") -> socket.socket:
        """A connection to web on which something has been sent."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=STOP_SECONDS)
        connection.sendall(sends)
        return connection

    def get(self, path: str) -> bytes:
        """What web answers, head and body."""
        with self.connect(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()) as asked:
            return b"".join(iter(lambda: asked.recv(65536), b""))


@contextmanager
def run_process(name: str, **settings: str) -> Iterator[Process]:
    """Run one line of the Procfile until the block ends. Web answers when the block begins."""
    with start_process(name, **settings) as process:
        if name == "web":
            wait_until(process.listens)
            assert process.get("/health/live").startswith(b"HTTP/1.1 200 ")
        yield process


@contextmanager
def start_process(name: str, **settings: str) -> Iterator[Process]:
    """Start one line of the Procfile; it and whatever it has started is killed when the block ends."""
    with tempfile.NamedTemporaryFile(prefix=f"{name}-", suffix=".log") as log:
        process = Process(name, log, **settings)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.process.pid, signal.SIGKILL)
            process.process.wait()
