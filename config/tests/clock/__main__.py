"""Run the tests marked ``dates`` on each of three days, in processes that all believe in that day.

Everything is started under libfaketime: pytest and what it starts, PostgreSQL, Redis, the sandbox. What measures how
long something takes keeps the machine's own time. ``test_clock.py`` is among the tests and fails where a clock does
not show the day that was asked for. The days are run side by side. Options are passed on to pytest.
"""

import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config.tests.clock.asked import ASKED

# A 31st on which Europe's clocks are moved a minute later; a year's last minute; a day that most years lack.
DAYS = ("2027-10-31T00:59:00Z", "2027-12-31T23:59:00Z", "2028-02-29T12:00:00Z")
PLACES = ("usr/lib/*/faketime/libfaketimeMT.so.1", "usr/lib*/faketime/libfaketimeMT.so.1")
MISSING = "libfaketime is missing. `apt-get install libfaketime` brings it; it has no use on macOS."
HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]
MARK = "pytest.mark.dates"
RUN = ("-m", "devservices", "exec", "--", sys.executable, "-m", "pytest", "-m", "dates", "--no-browser")


@dataclass(frozen=True)
class Run:
    """The tests on one day, under way."""

    day: str
    process: "subprocess.Popen[str]"

    def report(self) -> bool:
        """Wait for the end, print what was said, and say whether all tests passed."""
        said, _ = self.process.communicate()
        sys.stdout.write(f"The tests about dates, from {self.day} on:\n{said}\n")
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
    """The library that shifts the time of whoever loads it."""
    return next((path for place in PLACES for path in Path("/").glob(place)), None)


def start(stack: ExitStack, day: str, library: Path, options: list[str]) -> Run:
    """Start the tests from a day and time on."""
    command = [sys.executable, *RUN, *list_marked_files(), *options]
    shifted = os.environ | shifted_clock(day, library)
    process = subprocess.Popen(
        command, cwd=CHECKOUT, env=shifted, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return Run(day, stack.enter_context(process))


def list_marked_files() -> list[str]:
    """The files that have such tests; to read all the others takes longer than these tests do."""
    files = CHECKOUT.glob("*/tests/test_*.py")
    return sorted(str(file.relative_to(CHECKOUT)) for file in files if MARK in file.read_text())


def shifted_clock(day: str, library: Path) -> dict[str, str]:
    """The environment in which programs believe in a day. A shift, and no start: so all agree, whenever they start."""
    shift = round((datetime.fromisoformat(day) - datetime.now(UTC)).total_seconds())
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{shift:+d}",
        # Two versions, two names.
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # With its remedy for an old glibc, whoever waits until a moment does not wait at all but asks again and again.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        "PYTHONPATH": str(HERE),
        ASKED: day,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
