"""`devservices exec` runs a command with its own services, and leaves nothing behind, however it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.tests.processes import list_processes_below, temporary_data_homes, wait_until
from devservices.data_dir import CHECKOUT

PRINT_SERVICES = """
import os, psycopg, redis
for role in ("", "OWNER_", "OPS_", "VIEWER_", "ADMIN_"):
    with psycopg.connect(os.environ[f"DATABASE_{role}URL"]) as connection:
        print(*connection.execute("SELECT current_user, current_database(), current_setting('fsync')").fetchone())
print(redis.Redis.from_url(os.environ["REDIS_URL"]).ping(), len(os.environ["SECRET_KEY"]) > 50)
"""


@pytest.fixture(scope="module")
def data_home() -> Iterator[Path]:
    """A data directory for these tests only, so that the template is created once and no other run is in it."""
    with temporary_data_homes() as folder:
        yield folder / "data"


def start(data_home: Path, *command: str) -> "subprocess.Popen[str]":
    """Start a command with ``devservices exec``, in an environment without services."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "devservices", "exec", "--", *command],
        cwd=CHECKOUT,
        env={**inherited, "PLUMBLINE_HOME": str(data_home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def list_runs(data_home: Path) -> list[Path]:
    return list((data_home / "test").glob("run-*"))


def test_it_gives_the_command_a_database_with_roles_and_a_redis(data_home: Path) -> None:
    process = start(data_home, sys.executable, "-c", PRINT_SERVICES)
    stdout, _ = process.communicate()
    assert stdout.splitlines() == [
        "app_rw plumbline off",
        "app_owner plumbline off",
        "app_ops plumbline off",
        "app_viewer plumbline off",
        "postgres postgres off",
        "True True",
    ]
    assert process.returncode == 0
    assert list_runs(data_home) == []
    assert list_processes_below(data_home) == []


def test_it_returns_the_exit_code_of_the_command(data_home: Path) -> None:
    process = start(data_home, "sh", "-c", "exit 7")
    process.communicate()
    assert process.returncode == 7


def test_it_requires_a_command(data_home: Path) -> None:
    process = start(data_home)
    _, stderr = process.communicate()
    assert process.returncode == 2
    assert "name a command to run" in stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_stops_everything_on_a_signal(data_home: Path, number: signal.Signals) -> None:
    process = start(data_home, "sh", "-c", "echo up; exec sleep 600")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(number)
    process.communicate()
    assert process.returncode != 0
    assert list_processes_below(data_home) == []
    assert list_runs(data_home) == []


def test_it_leaves_nothing_running_when_it_is_killed_and_deletes_the_data_in_the_next_run(data_home: Path) -> None:
    process = start(data_home, "sh", "-c", "echo up; exec sleep 600")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.kill()
    process.communicate()
    wait_until(lambda: list_processes_below(data_home) == [])
    (left,) = list_runs(data_home)

    start(data_home, "true").communicate()
    assert not left.exists()


def test_it_runs_two_commands_at_once_with_their_own_services(data_home: Path) -> None:
    both = [start(data_home, "sh", "-c", "echo $REDIS_URL; exec sleep 600") for _ in range(2)]
    addresses = {process.stdout.readline() for process in both if process.stdout}
    assert len(addresses) == 2
    assert len(list_runs(data_home)) == 2
    for process in both:
        process.terminate()
        process.communicate()
    assert list_processes_below(data_home) == []
