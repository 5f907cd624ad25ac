"""TCP ports on localhost: which are free, which processes use the others, and which ones to use again."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psutil

from devservices import CannotStart, envfile, supervise
from devservices.data_dir import DataDir, make_private, runtime_folder

FIRST_PORT = 8000
TRIES = 100
ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
SANDBOX_PORTS = ("SANDBOX_PORT", "SANDBOX_SMTP_PORT")


def is_free(port: int) -> bool:
    """Whether no process listens on the port, on localhost in IPv4 or IPv6."""
    return all(can_bind(family, host, port) for family, host in ADDRESSES)


def can_bind(family: socket.AddressFamily, host: str, port: int) -> bool:
    """Whether a server could listen there. True if this machine does not support the address family."""
    try:
        with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.settimeout(1)
            # macOS lets a second server bind a port on which another one listens on all addresses, so try to connect.
            if probe.connect_ex((host, port)) == 0:
                return False
        with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return error.errno not in (errno.EADDRINUSE, errno.EACCES)
    return True


def describe_listener(port: int) -> str:
    """Name the process that listens on the port, or "another program" if we are not allowed to see it."""
    try:
        listeners = [c for c in psutil.net_connections("tcp") if c.laddr and c.laddr.port == port and c.pid]
        process = psutil.Process(listeners[0].pid)
        return f"process {process.pid} ({' '.join(process.cmdline())[:60]})"
    except (psutil.Error, IndexError, RuntimeError):
        return "another program"


@dataclass(frozen=True)
class PortChoice:
    """The port of the site, and a note to print if it is not the default one."""

    port: int
    note: str = ""


@contextmanager
def reserve_port(requested: str) -> Iterator[PortChoice]:
    """Choose the site's port, and lock it against other checkouts of the same system user until the block ends.

    `requested` is the number of a port, or empty for the first free one from 8000. The lock is needed because the site
    listens only some seconds after its port was chosen.
    Raises CannotStart if the requested port is in use or invalid, or if no port is free.
    """
    locks = make_private(make_private(runtime_folder(), 0o711) / "ports")
    for port in candidate_ports(requested):
        if is_free(port) and (lock := supervise.hold(locks / str(port))):
            note = (
                ""
                if requested or port == FIRST_PORT
                else f"Port {FIRST_PORT} is taken by {describe_listener(FIRST_PORT)}, so this is {port}."
            )
            try:
                yield PortChoice(port, note)
            finally:
                lock.close()
            return
    if requested:
        raise CannotStart(
            f"Port {requested} is taken by {describe_listener(int(requested))}. Choose another one: make run PORT=8001"
        )
    raise CannotStart(f"No port from {FIRST_PORT} to {FIRST_PORT + TRIES - 1} is free. Choose one: make run PORT=9000")


def candidate_ports(requested: str) -> range:
    """Return the ports to try. Raises CannotStart if the requested one is not a port that we can listen on."""
    if not requested:
        return range(FIRST_PORT, FIRST_PORT + TRIES)
    lowest = 1 if os.geteuid() == 0 else 1024
    if not requested.isdecimal() or not lowest <= int(requested) <= 65535:
        raise CannotStart(f"PORT={requested} is not a port from {lowest} to 65535. Try: make run PORT=8001")
    return range(int(requested), int(requested) + 1)


def ensure_sandbox_ports(data_dir: DataDir) -> dict[str, str]:
    """Return the sandbox's ports: those of the last run that are free, else new ones, which are stored."""
    stored = envfile.read_env_file(data_dir.ports)
    ports = {name: stored.get(name, "") for name in SANDBOX_PORTS}
    chosen = {name: port if port and is_free(int(port)) else find_free_port() for name, port in ports.items()}
    if chosen != stored:
        envfile.write_env_file(data_dir.ports, chosen, "Chosen by `make run`; free when last looked at.")
    return chosen


def find_free_port() -> str:
    """Return a free port that the operating system chooses."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
