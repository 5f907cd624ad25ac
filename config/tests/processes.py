"""Folders for clusters that tests start, and programs that tests end."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from devservices.account import PLACE

TIMEOUT_SECONDS = 60


@contextmanager
def temporary_data_homes() -> Iterator[Path]:
    """Give a folder for data homes. Root's has to be one that PostgreSQL's account may enter: no pytest folder is."""
    parent = None
    if os.geteuid() == 0:
        PLACE.mkdir(parents=True, exist_ok=True)
        parent = PLACE
    place = Path(tempfile.mkdtemp(prefix="pytest-", dir=parent)).resolve()
    place.chmod(0o711)
    try:
        yield place
    finally:
        shutil.rmtree(place)


def wait_until(happens: Callable[[], object], *, timeout: float = TIMEOUT_SECONDS) -> None:
    """Return once it has happened; fail when it does not."""
    deadline = time.monotonic() + timeout
    while not happens():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.02)


def has_gone(process: int) -> bool:
    """Say whether a process has ended; one that nobody has collected yet has ended, too."""
    try:
        return psutil.Process(process).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def running_below(folder: Path) -> list[str]:
    """Return the command lines of living processes that name something in the folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or [])
        if str(folder) in words and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(words)
    return found
