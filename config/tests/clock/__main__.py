"""Run the tests marked ``dates`` on each of three days, with all clocks shifted to that day.

libfaketime shifts pytest and every program that it starts: PostgreSQL, Redis, the sandbox. Monotonic clocks keep the
machine's time. ``test_clock.py`` is among the tests and fails if a clock does not show the requested day. The three
days run in parallel. Options are passed on to pytest.
"""

import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config.tests.clock.requested_day import REQUESTED_DAY

# A minute before Europe's clocks change on a 31st; the last minute of a year; a leap day.
DAYS = ("2027-10-31T00:59:00Z", "2027-12-31T23:59:00Z", "2028-02-29T12:00:00Z")
PLACES = ("usr/lib/*/faketime/libfaketimeMT.so.1", "usr/lib*/faketime/libfaketimeMT.so.1")
MISSING = "libfaketime is missing. `apt-get install libfaketime` brings it; it has no use on macOS."
HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]
MARK = "pytest.mark.dates"
RUN = ("-m", "devservices", "exec", "--", sys.executable, "-m", "pytest", "-m", "dates", "--no-browser")


@dataclass(frozen=True)
class Run:
    """A running pytest process and its day."""

    day: str
    process: "subprocess.Popen[str]"

    def report(self) -> bool:
        """Wait for the end, print the output, and return whether all tests passed."""
        output, _ = self.process.communicate()
        sys.stdout.write(f"The tests about dates, from {self.day} on:\n{output}\n")
        sys.stdout.flush()
        return self.process.returncode == 0


def main(options: list[str]) -> int:
    """Return 0 when the tests passed on each day."""
    library = find_library()
    if library is None:
        sys.stderr.write(f"{MISSING}\n")
        return 1
    with ExitStack() as stack:
        runs = [start(stack, day, library, options) for day in DAYS]
        failed = [run.day for run in runs if not run.report()]
    for day in failed:
        sys.stderr.write(f"Failed on {day}.\n")
    return 1 if failed else 0


def find_library() -> Path | None:
    """Return the path of libfaketime; ``None`` if it is not installed."""
    return next((path for place in PLACES for path in Path("/").glob(place)), None)


def start(stack: ExitStack, day: str, library: Path, options: list[str]) -> Run:
    """Start the tests with the clocks at a day and time."""
    command = [sys.executable, *RUN, *list_marked_files(), *options]
    shifted = os.environ | shifted_clock(day, library)
    process = subprocess.Popen(
        command, cwd=CHECKOUT, env=shifted, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return Run(day, stack.enter_context(process))


def list_marked_files() -> list[str]:
    """List the files with marked tests. Collecting all other files takes longer than running these tests."""
    files = CHECKOUT.glob("*/tests/test_*.py")
    return sorted(str(file.relative_to(CHECKOUT)) for file in files if MARK in file.read_text())


def shifted_clock(day: str, library: Path) -> dict[str, str]:
    """The environment variables that shift the clock to a day.

    They hold an offset instead of a start time, so that programs agree whenever they start.
    """
    shift = round((datetime.fromisoformat(day) - datetime.now(UTC)).total_seconds())
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{shift:+d}",
        # Versions of libfaketime differ in the name.
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # The workaround for an old glibc turns timed waits into busy loops.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        "PYTHONPATH": str(HERE),
        REQUESTED_DAY: day,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
