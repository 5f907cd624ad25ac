"""Stops a test's own PostgreSQL and Redis where they stand, and lets them go on."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from devservices.data_dir import DataDir

POSTGRES, REDIS = "postgres", "redis-server valkey-server"


@contextmanager
def freeze_programs(home: DataDir, *programs: str) -> Iterator[None]:
    """Stop every process of the services of a home where it stands; it goes on when the block ends."""
    names = " ".join(programs).split()
    processes = [each for each in below(home.root) if name_of(each) in names]
    assert processes
    for process in processes:
        # One that serves a single connection may have ended with it.
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def below(folder: Path) -> list[psutil.Process]:
    """The processes that name something in the folder, and their children."""
    found = [each for each in psutil.process_iter() if str(folder) in " ".join(cmdline(each))]
    return found + [child for each in found for child in children(each)]


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def name_of(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
