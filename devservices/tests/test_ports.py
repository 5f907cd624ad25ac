"""Free ports are chosen and kept for the next start; for a port in use, its process is named."""

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
def _separate_runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_it_detects_a_port_in_use(used_port: int) -> None:
    assert not ports.is_free(used_port)


def test_it_detects_a_port_in_use_in_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        assert not ports.is_free(server.getsockname()[1])


def test_it_detects_a_port_that_is_free_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert ports.is_free(port)


def test_it_names_the_process_that_uses_a_port(used_port: int) -> None:
    assert ports.describe_listener(used_port).startswith(f"process {os.getpid()} (")


def test_it_refuses_a_requested_port_that_is_in_use(used_port: int) -> None:
    with (
        pytest.raises(CannotStart, match=f"Port {used_port} is taken by process {os.getpid()} .* make run PORT=8001"),
        ports.reserve_port(str(used_port)),
    ):
        pass


def test_it_takes_the_next_free_port_and_says_so(used_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "FIRST_PORT", used_port)
    with ports.reserve_port("") as choice:
        assert choice.port > used_port
        assert choice.note.startswith(f"Port {used_port} is taken by process {os.getpid()} ")
        assert choice.note.endswith(f"so this is {choice.port}.")


@pytest.mark.parametrize("requested", ["http", "-1", "0", "65536", "8000x", "80 00"])
def test_it_refuses_an_invalid_port(requested: str) -> None:
    with pytest.raises(CannotStart, match=r"is not a port"), ports.reserve_port(requested):
        pass


def test_it_chooses_different_ports_for_two_that_start_at_once() -> None:
    both = [
        subprocess.Popen([sys.executable, "-c", RESERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    chosen = {process.stdout.readline() for process in both if process.stdout}
    for process in both:
        process.communicate("\n")
    assert len(chosen) == 2


def test_it_keeps_the_ports_of_the_sandbox(tmp_path: Path) -> None:
    first = ports.ensure_sandbox_ports(DataDir(tmp_path))
    assert ports.ensure_sandbox_ports(DataDir(tmp_path)) == first
    assert len(set(first.values())) == 2


def test_it_replaces_only_the_port_that_is_in_use_now(tmp_path: Path) -> None:
    first = ports.ensure_sandbox_ports(DataDir(tmp_path))
    with socket.create_server(("127.0.0.1", int(first["SANDBOX_PORT"]))):
        second = ports.ensure_sandbox_ports(DataDir(tmp_path))
    assert second["SANDBOX_PORT"] != first["SANDBOX_PORT"]
    assert second["SANDBOX_SMTP_PORT"] == first["SANDBOX_SMTP_PORT"]
