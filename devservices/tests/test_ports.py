"""Ports are taken when they are free, named when they are not, and kept for the next start."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devservices import CannotStart, ports
from devservices.data_dir import DataDir

RESERVER = """
import sys
from devservices import ports
with ports.reserve_port("") as choice:
    print(choice.port, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def used_port() -> Iterator[int]:
    """A port on which this process listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(autouse=True)
def _marks_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_it_sees_that_a_port_is_taken(used_port: int) -> None:
    assert not ports.is_free(used_port)


def test_it_sees_that_a_port_is_taken_in_the_other_protocol() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        assert not ports.is_free(server.getsockname()[1])


def test_it_sees_that_a_port_is_free_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert ports.is_free(port)


def test_it_names_who_has_a_port(used_port: int) -> None:
    assert ports.user_of(used_port).startswith(f"process {os.getpid()} (")


def test_it_refuses_a_port_that_was_asked_for_and_is_taken(used_port: int) -> None:
    with (
        pytest.raises(CannotStart, match=f"Port {used_port} is taken by process {os.getpid()} .* make run PORT=8001"),
        ports.reserve_port(str(used_port)),
    ):
        pass


def test_it_takes_the_next_free_port_and_says_so(used_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "FIRST", used_port)
    with ports.reserve_port("") as choice:
        assert choice.port > used_port
        assert choice.note.startswith(f"Port {used_port} is taken by process {os.getpid()} ")
        assert choice.note.endswith(f"so this is {choice.port}.")


@pytest.mark.parametrize("asked", ["http", "-1", "0", "65536", "8000x", "80 00"])
def test_it_refuses_what_is_no_port(asked: str) -> None:
    with pytest.raises(CannotStart, match=r"is not a port"), ports.reserve_port(asked):
        pass


def test_it_gives_two_that_start_at_once_different_ports() -> None:
    both = [
        subprocess.Popen([sys.executable, "-c", RESERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    chosen = {process.stdout.readline() for process in both if process.stdout}
    for process in both:
        process.communicate("\n")
    assert len(chosen) == 2


def test_it_remembers_the_ports_of_the_sandbox(tmp_path: Path) -> None:
    first = ports.ensure_sandbox_ports(DataDir(tmp_path))
    assert ports.ensure_sandbox_ports(DataDir(tmp_path)) == first
    assert len(set(first.values())) == 2


def test_it_replaces_only_the_port_that_somebody_took(tmp_path: Path) -> None:
    first = ports.ensure_sandbox_ports(DataDir(tmp_path))
    with socket.create_server(("127.0.0.1", int(first["SANDBOX_PORT"]))):
        second = ports.ensure_sandbox_ports(DataDir(tmp_path))
    assert second["SANDBOX_PORT"] != first["SANDBOX_PORT"]
    assert second["SANDBOX_SMTP_PORT"] == first["SANDBOX_SMTP_PORT"]
