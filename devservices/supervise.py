"""Runs a program that is stopped when its owner ends, even by ``kill -9``.

The owner holds a POSIX lock on a file as long as it runs. A supervisor waits for that lock: when it gets the lock, the
owner has ended, and the supervisor stops its program. It holds the lock until the program has ended, so that the next
owner finds nothing running.

This works on Linux and macOS, with any number of processes in between; a parent-death signal does not exist on macOS,
and is cleared when the user changes. It uses only the standard library and is run by its path, to need little memory:
each service has a supervisor as long as it runs.
"""

import argparse
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

# Tests that run on another day with libfaketime need services on the same day.
FAKETIME_VARIABLES = (
    "FAKETIME", "LD_PRELOAD", "DONT_FAKE_MONOTONIC", "FAKETIME_DONT_FAKE_MONOTONIC", "FAKETIME_FORCE_MONOTONIC_FIX",
)  # fmt: skip


def build_command(
    lock: Path,
    program: Sequence[str],
    *,
    stop: str = "TERM",
    grace: float = 4,
    user: tuple[int, int] | None = None,
    foreground: bool = False,
) -> list[str]:
    """Return the command line that runs `program` under a supervisor that watches `lock`.

    `stop` is the signal that stops the program, `grace` the seconds until it is killed, `user` the uid and gid it runs
    as. A `foreground` program stays in the terminal's process group, gets Ctrl-C from it and can read from it.
    """
    options = ["--lock", str(lock), "--stop", stop, "--grace", str(grace)]
    if user is not None:
        options += ["--uid", str(user[0]), "--gid", str(user[1])]
    if foreground:
        options += ["--foreground"]
    return [sys.executable, "-I", "-S", __file__, *options, "--", *program]


def start(lock: Path, program: Sequence[str], *, log: Path, **options: Any) -> "subprocess.Popen[bytes]":
    """Start a supervised service with a new log, in its own session, so that it gets no Ctrl-C.

    The options are those of `build_command`.
    """
    log.unlink(missing_ok=True)
    log.touch(mode=0o600)
    with log.open("wb") as output:
        return subprocess.Popen(
            build_command(lock, program, **options),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            # None of our secrets. On macOS, PostgreSQL does not start without a locale.
            env={"LC_ALL": "C", "PATH": os.defpath} | read_faketime_variables(),
            start_new_session=True,
        )


def read_faketime_variables() -> dict[str, str]:
    """Return the environment variables of libfaketime; none if it is not used."""
    if "FAKETIME" not in os.environ:
        return {}
    return {name: os.environ[name] for name in FAKETIME_VARIABLES if name in os.environ}


def hold(lock: Path) -> IO[str] | None:
    """Lock the file until it is closed or this process ends. Returns None if another process holds the lock."""
    file = lock.open("a+")
    lock.chmod(0o600)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        file.close()
        return None
    return file


class Supervisor:
    """Runs one program, and stops it when its owner has ended or on a signal."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Start the program. A signal that arrives during the start stops it afterwards."""
        self.options = options
        self.program: subprocess.Popen[bytes] | None = None
        self.stop_requested = False
        self.handle_signals()
        as_user: dict[str, Any] = (
            {} if options.uid is None else {"user": options.uid, "group": options.gid, "extra_groups": []}
        )
        self.program = subprocess.Popen(options.program, start_new_session=not options.foreground, **as_user)
        if self.stop_requested:
            self.stop()

    def handle_signals(self) -> None:
        """Stop the program on the signals that would end this process."""
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGHUP, self.stop)
        signal.signal(signal.SIGALRM, self.kill)
        # In the foreground the terminal sends SIGINT to the program too, and the program decides how to handle it.
        signal.signal(signal.SIGINT, (lambda *_: None) if self.options.foreground else self.stop)

    def stop(self, *_: object) -> None:
        """Send the stop signal to the program, and start the timer of `grace`, unless it is running already."""
        self.stop_requested = True
        if self.program is None:
            return
        self.program.send_signal(getattr(signal, f"SIG{self.options.stop}"))
        if signal.getitimer(signal.ITIMER_REAL)[0] == 0:
            signal.setitimer(signal.ITIMER_REAL, self.options.grace)

    def kill(self, *_: object) -> None:
        """Kill the program and, unless it is in our process group, all processes that it has started."""
        if self.program is None:
            return
        if self.options.foreground:
            self.program.kill()
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.program.pid, signal.SIGKILL)

    def watch_owner(self) -> None:
        """Wait until the owner releases the lock, then stop the program. This process holds the lock until it ends."""
        with Path(self.options.lock).open("r+") as file:
            fcntl.lockf(file, fcntl.LOCK_SH)
            os.kill(os.getpid(), signal.SIGTERM)
            threading.Event().wait()

    def wait(self) -> int:
        """Wait until the program has ended, kill the processes that it left, and return its exit code."""
        assert self.program is not None  # noqa: S101 (started in __init__)
        threading.Thread(target=self.watch_owner, daemon=True).start()
        code = self.program.wait()
        if not self.options.foreground:
            self.kill()
        return code if code >= 0 else 128 - code


def main() -> int:
    """Run the supervisor with the arguments of `build_command`; return its exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lock", required=True)
    parser.add_argument("--stop", required=True)
    parser.add_argument("--grace", type=float, required=True)
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("--foreground", action="store_true")
    parser.add_argument("program", nargs="+")
    options = parser.parse_args()
    try:
        return Supervisor(options).wait()
    except (FileNotFoundError, PermissionError) as error:
        sys.stderr.write(f"{options.program[0]}: {error.strerror}\n")
        return 127


if __name__ == "__main__":
    sys.exit(main())
