"""A supervised program ends when its owner does."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from config.tests.processes import has_ended, wait_until
from devservices import supervise

OWNER = """
import subprocess, sys, time
from pathlib import Path
from devservices import supervise
lock = Path(sys.argv[1])
lock_file = supervise.hold(lock)
process = subprocess.Popen(supervise.build_command(lock, sys.argv[2:]), start_new_session=True)
print("started", flush=True)
time.sleep(600)
"""
# Writes its process id to a file for the test.
SLEEPER = "sh -c 'echo $PPID' > {pid}.draft; mv {pid}.draft {pid}; exec sleep 600"
STUBBORN = "trap '' TERM; echo $$ > {pid}.draft; mv {pid}.draft {pid}; while :; do sleep 0.05; done"


@pytest.fixture
def held_lock(tmp_path: Path) -> Iterator[IO[str]]:
    """A lock that the test holds."""
    file = supervise.hold(tmp_path / "lock")
    assert file is not None
    with file:
        yield file


def start_supervised(tmp_path: Path, *program: str, **options: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(supervise.build_command(tmp_path / "lock", program, **options))


def shell_command(script: str, pid: Path) -> tuple[str, str, str]:
    return "sh", "-c", script.format(pid=pid)


def read_process_id(file: Path) -> int:
    wait_until(file.exists)
    return int(file.read_text())


def start_owner(tmp_path: Path, *program: str) -> "subprocess.Popen[str]":
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "lock"), *program], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == "started\n"
    return owner


def test_it_ends_its_program_when_the_owner_is_killed(tmp_path: Path) -> None:
    owner = start_owner(tmp_path, *shell_command(SLEEPER, tmp_path / "pid"))
    program = read_process_id(tmp_path / "pid")
    owner.kill()
    owner.communicate()
    wait_until(lambda: has_ended(program))


def test_it_holds_the_lock_until_its_program_has_ended(tmp_path: Path) -> None:
    owner = start_owner(tmp_path, *shell_command(STUBBORN, tmp_path / "pid"))
    program = read_process_id(tmp_path / "pid")
    owner.kill()
    owner.communicate()
    wait_until(lambda: (lock := supervise.hold(tmp_path / "lock")) and not lock.close())
    assert has_ended(program)


@pytest.mark.usefixtures("held_lock")
def test_it_returns_the_exit_code_of_the_program(tmp_path: Path) -> None:
    assert start_supervised(tmp_path, "sh", "-c", "exit 7").wait() == 7


@pytest.mark.usefixtures("held_lock")
def test_it_reports_a_program_that_a_signal_ended_as_a_shell_does(tmp_path: Path) -> None:
    assert start_supervised(tmp_path, "sh", "-c", "kill -KILL $$").wait() == 128 + signal.SIGKILL


@pytest.mark.usefixtures("held_lock")
def test_it_stops_the_program_with_the_given_signal(tmp_path: Path) -> None:
    script = "trap 'exit 3' INT; echo $$ > {pid}.draft; mv {pid}.draft {pid}; while :; do sleep 0.05; done"
    supervisor = start_supervised(tmp_path, *shell_command(script, tmp_path / "pid"), stop="INT")
    read_process_id(tmp_path / "pid")
    supervisor.terminate()
    assert supervisor.wait() == 3


@pytest.mark.usefixtures("held_lock")
def test_it_kills_a_program_that_ignores_the_stop_signal(tmp_path: Path) -> None:
    supervisor = start_supervised(tmp_path, *shell_command(STUBBORN, tmp_path / "pid"), grace=0.2)
    program = read_process_id(tmp_path / "pid")
    supervisor.terminate()
    assert supervisor.wait() == 128 + signal.SIGKILL
    assert has_ended(program)


@pytest.mark.usefixtures("held_lock")
def test_it_kills_processes_that_the_program_left(tmp_path: Path) -> None:
    script = f"({SLEEPER}) & while ! [ -e {{pid}} ]; do sleep 0.02; done"
    assert start_supervised(tmp_path, *shell_command(script, tmp_path / "pid")).wait() == 0
    orphan = read_process_id(tmp_path / "pid")
    wait_until(lambda: has_ended(orphan))


@pytest.mark.usefixtures("held_lock")
def test_it_leaves_ctrl_c_in_the_foreground_to_the_program(tmp_path: Path) -> None:
    supervisor = start_supervised(tmp_path, *shell_command(SLEEPER, tmp_path / "pid"), foreground=True)
    program = read_process_id(tmp_path / "pid")
    supervisor.send_signal(signal.SIGINT)
    assert not has_ended(program)
    os.kill(program, signal.SIGINT)
    assert supervisor.wait() == 128 + signal.SIGINT


@pytest.mark.usefixtures("held_lock")
def test_it_says_that_a_program_is_missing(tmp_path: Path) -> None:
    command = supervise.build_command(tmp_path / "lock", ["no-such-program"])
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 127
    assert result.stderr == "no-such-program: No such file or directory\n"


def test_it_refuses_a_second_holder(tmp_path: Path) -> None:
    owner = start_owner(tmp_path, "sleep", "600")
    assert supervise.hold(tmp_path / "lock") is None
    owner.kill()
    owner.communicate()


@pytest.mark.usefixtures("held_lock")
def test_it_starts_a_service_with_a_log_that_only_its_owner_reads(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    log.write_text("of the last run\n")
    log.chmod(0o644)
    assert supervise.start(tmp_path / "lock", ["sh", "-c", "echo up; echo down >&2"], log=log).wait() == 0
    assert log.read_text() == "up\ndown\n"
    assert log.stat().st_mode & 0o777 == 0o600
