"""Suspend and resume the PostgreSQL and Redis of a test."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from devservices.data_dir import DataDir

POSTGRES, REDIS = "postgres", "redis-server valkey-server"


@contextmanager
def freeze_programs(home: DataDir, *programs: str) -> Iterator[None]:
    """Suspend the processes of some services of a data home until the block ends."""
    names = " ".join(programs).split()
    processes = [process for process in list_processes(home.root) if get_name(process) in names]
    assert processes
    for process in processes:
        # A process that serves a single connection may have ended with it.
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def list_processes(folder: Path) -> list[psutil.Process]:
    """Return the processes whose command line names a path in the folder, and their descendants."""
    processes = [process for process in psutil.process_iter() if str(folder) in " ".join(get_command_line(process))]
    return processes + [child for process in processes for child in list_descendants(process)]


def list_descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def get_name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def get_command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
