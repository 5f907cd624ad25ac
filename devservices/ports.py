"""Ports on this machine's own address: which are free, who has the others, and which ones we keep."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psutil

from devservices import CannotStart, envfile, supervise
from devservices.data_dir import DataDir, make_private, runtime_folder

FIRST = 8000
TRIES = 100
ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
SANDBOX_PORTS = ("SANDBOX_PORT", "SANDBOX_SMTP_PORT")


def is_free(port: int) -> bool:
    """Say whether nobody listens on the port, on this machine's address in either internet protocol."""
    return all(can_bind(family, host, port) for family, host in ADDRESSES)


def can_bind(family: socket.AddressFamily, host: str, port: int) -> bool:
    """Say whether a server could listen there. Where the protocol does not exist, nobody else listens either."""
    try:
        with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.settimeout(1)
            # macOS lets a second server bind a port that another one serves on all addresses, so ask for an answer.
            if probe.connect_ex((host, port)) == 0:
                return False
        with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return error.errno not in (errno.EADDRINUSE, errno.EACCES)
    return True


def user_of(port: int) -> str:
    """Name the process that listens on the port, as far as we may know it."""
    try:
        listeners = [c for c in psutil.net_connections("tcp") if c.laddr and c.laddr.port == port and c.pid]
        process = psutil.Process(listeners[0].pid)
        return f"process {process.pid} ({' '.join(process.cmdline())[:60]})"
    except (psutil.Error, IndexError, RuntimeError):
        return "another program"


@dataclass(frozen=True)
class Choice:
    """The port to serve on, and what a person should know about how it was chosen."""

    port: int
    note: str = ""


@contextmanager
def reserve_port(requested: str) -> Iterator[Choice]:
    """Choose the site's port and keep other checkouts of this user from choosing it while we run.

    `requested` is a number that a person insists on, or empty for the first free one from 8000. The mark is needed
    because the site listens only some seconds after its port was chosen.
    Raises CannotStart when the wish cannot be met.
    """
    marks = make_private(make_private(runtime_folder(), 0o711) / "ports")
    for port in candidate_ports(requested):
        if is_free(port) and (mark := supervise.hold(marks / str(port))):
            note = (
                "" if requested or port == FIRST else f"Port {FIRST} is taken by {user_of(FIRST)}, so this is {port}."
            )
            try:
                yield Choice(port, note)
            finally:
                mark.close()
            return
    if requested:
        raise CannotStart(
            f"Port {requested} is taken by {user_of(int(requested))}. Choose another one: make run PORT=8001"
        )
    raise CannotStart(f"No port from {FIRST} to {FIRST + TRIES - 1} is free. Choose one: make run PORT=9000")


def candidate_ports(requested: str) -> range:
    """Return the ports to try; raise CannotStart when the wish is no port that an ordinary program may use."""
    if not requested:
        return range(FIRST, FIRST + TRIES)
    lowest = 1 if os.geteuid() == 0 else 1024
    if not requested.isdecimal() or not lowest <= int(requested) <= 65535:
        raise CannotStart(f"PORT={requested} is not a port from {lowest} to 65535. Try: make run PORT=8001")
    return range(int(requested), int(requested) + 1)


def ensure_sandbox_ports(data_dir: DataDir) -> dict[str, str]:
    """Return the sandbox's ports: the ones it had last time while they are free, else new ones, remembered."""
    before = envfile.read_env_file(data_dir.ports)
    ports = {name: before.get(name, "") for name in SANDBOX_PORTS}
    chosen = {name: port if port and is_free(int(port)) else any_free() for name, port in ports.items()}
    if chosen != before:
        envfile.write(data_dir.ports, chosen, "Chosen by `make run`; free when last looked at.")
    return chosen


def any_free() -> str:
    """Return a port that the system says is free."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
