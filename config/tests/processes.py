"""Temporary data homes for services that tests start, and waiting for processes."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from devservices.account import ACCOUNT_HOME

TIMEOUT_SECONDS = 60


@contextmanager
def temporary_data_homes() -> Iterator[Path]:
    """Make a temporary folder for data homes.

    For root it is not below pytest's folder, which the account of PostgreSQL may not enter.
    """
    parent = None
    if os.geteuid() == 0:
        ACCOUNT_HOME.mkdir(parents=True, exist_ok=True)
        parent = ACCOUNT_HOME
    folder = Path(tempfile.mkdtemp(prefix="pytest-", dir=parent)).resolve()
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def wait_until(condition: Callable[[], object], *, timeout: float = TIMEOUT_SECONDS) -> None:
    """Return once the condition is true. Fail after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.02)


def has_ended(process: int) -> bool:
    """Return whether a process has ended. A zombie has ended, too."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def list_processes_below(folder: Path) -> list[str]:
    """Return the command lines of running processes that name a path in the folder."""
    commands = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        if str(folder) in command and process.info["status"] != psutil.STATUS_ZOMBIE:
            commands.append(command)
    return commands
