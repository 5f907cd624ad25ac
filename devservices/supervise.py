"""Run a program that ends when its owner does, however the owner ends.

The owner holds a POSIX lock on a file for as long as it lives. A supervisor waits for that lock: when the kernel hands
it over, the owner is gone, be it by ``kill -9``, and the supervisor stops its program. It keeps the lock until
its program has gone too, so the process that gets the lock next finds nothing running.

It works on Linux and macOS, through any number of processes in between (unlike a parent-death signal, which macOS
lacks and a change of user clears). Standard library only and run by its path, because one of these lives as long
as each service does.
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

# Where libfaketime makes tests live on another day, a service must not live on today's.
FAKED = (
    "FAKETIME", "LD_PRELOAD", "DONT_FAKE_MONOTONIC", "FAKETIME_DONT_FAKE_MONOTONIC", "FAKETIME_FORCE_MONOTONIC_FIX",
)  # fmt: skip


def command(
    lock: Path,
    program: Sequence[str],
    *,
    stop: str = "TERM",
    grace: float = 4,
    user: tuple[int, int] | None = None,
    foreground: bool = False,
) -> list[str]:
    """Return the command line that runs `program` under a supervisor that watches `lock`.

    `stop` is the signal that asks the program to end, `grace` the seconds until it is killed, `user` the uid and
    gid it runs as. A `foreground` program stays in the terminal's group: it sees Ctrl-C itself, and may read keys.
    """
    options = ["--lock", str(lock), "--stop", stop, "--grace", str(grace)]
    if user is not None:
        options += ["--uid", str(user[0]), "--gid", str(user[1])]
    if foreground:
        options += ["--foreground"]
    return [sys.executable, "-I", "-S", __file__, *options, "--", *program]


def start(lock: Path, program: Sequence[str], *, log: Path, **options: Any) -> "subprocess.Popen[bytes]":
    """Start a supervised service, away from the terminal and its Ctrl-C, with a fresh log. Options as in `command`."""
    log.unlink(missing_ok=True)
    log.touch(mode=0o600)
    with log.open("wb") as output:
        return subprocess.Popen(
            command(lock, program, **options),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            # None of our secrets, and the plain locale: without one, PostgreSQL does not start on macOS.
            env={"LC_ALL": "C", "PATH": os.defpath} | faked_clock(),
            start_new_session=True,
        )


def faked_clock() -> dict[str, str]:
    """What tells a service of another day; nothing where the machine's own holds."""
    return {name: os.environ[name] for name in FAKED if name in os.environ} if "FAKETIME" in os.environ else {}


def hold(lock: Path) -> IO[str] | None:
    """Take the lock for the life of this process, or until the file is closed. None when somebody has it."""
    file = lock.open("a+")
    lock.chmod(0o600)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        file.close()
        return None
    return file


class Supervisor:
    """One program, its stop signal, and the time it may take to obey."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Start the program. Signals that arrive while it starts are kept for it."""
        self.options = options
        self.program: subprocess.Popen[bytes] | None = None
        self.asked_to_stop = False
        self.listen()
        as_user: dict[str, Any] = (
            {} if options.uid is None else {"user": options.uid, "group": options.gid, "extra_groups": []}
        )
        self.program = subprocess.Popen(options.program, start_new_session=not options.foreground, **as_user)
        if self.asked_to_stop:
            self.stop()

    def listen(self) -> None:
        """Turn the signals that end a process into a request to our program."""
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGHUP, self.stop)
        signal.signal(signal.SIGALRM, self.kill)
        # In the foreground the terminal sends Ctrl-C to the program as well, and the program decides what it means.
        signal.signal(signal.SIGINT, (lambda *_: None) if self.options.foreground else self.stop)

    def stop(self, *_: object) -> None:
        """Ask the program to end, and start the clock. Asking again does not restart the clock."""
        self.asked_to_stop = True
        if self.program is None:
            return
        self.program.send_signal(getattr(signal, f"SIG{self.options.stop}"))
        if signal.getitimer(signal.ITIMER_REAL)[0] == 0:
            signal.setitimer(signal.ITIMER_REAL, self.options.grace)

    def kill(self, *_: object) -> None:
        """End the program and, unless it shares our group, all that it has started."""
        if self.program is None:
            return
        if self.options.foreground:
            self.program.kill()
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.program.pid, signal.SIGKILL)

    def watch_owner(self) -> None:
        """Wait until the owner lets go, then stop. The lock stays ours until this process ends."""
        with Path(self.options.lock).open("r+") as file:
            fcntl.lockf(file, fcntl.LOCK_SH)
            os.kill(os.getpid(), signal.SIGTERM)
            threading.Event().wait()

    def wait(self) -> int:
        """Stay until the program has ended, sweep up what it left behind, and return its exit code."""
        assert self.program is not None  # noqa: S101 (started in __init__)
        threading.Thread(target=self.watch_owner, daemon=True).start()
        code = self.program.wait()
        if not self.options.foreground:
            self.kill()
        return code if code >= 0 else 128 - code


def main() -> int:
    """Read the command line that `command` wrote."""
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
