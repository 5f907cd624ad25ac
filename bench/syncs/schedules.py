"""Ten thousand random schedules of syncs: whether the site shows what the bank has after each, to the cent and the row.

They are those of ``config/tests/test_sync_schedules.py``, with other seeds than in the tests, and new ones each day.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

from bench.harness.rounds import goal_at_least, goal_at_most, print_result

SCHEDULES = 10_000
TESTS = "config/tests/test_sync_schedules.py"
SECONDS_A_DAY = 86_400


def run_schedules(first_seed: int, results: Path) -> None:
    """Run the schedules in two test processes. What pytest prints, with the shortest failing one, goes to stderr."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--no-browser", f"--junitxml={results}"]
    command += [f"--schedules={SCHEDULES}", f"--first-schedule={first_seed}", TESTS]
    subprocess.run(command, stdout=sys.stderr, check=False)


def sum_property(results: Path, name: str) -> int:
    """Add up what the tests recorded under this name. A test that crashed has recorded nothing."""
    properties = ElementTree.parse(results).iterfind(f".//property[@name='{name}']")
    return sum(int(element.attrib["value"]) for element in properties)


def main() -> None:
    first_seed = int(time.time()) // SECONDS_A_DAY * SCHEDULES
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        started = time.perf_counter()
        run_schedules(first_seed, results)
        seconds = time.perf_counter() - started
        schedules, steps, failures = (sum_property(results, name) for name in ("schedules", "steps", "failures"))
    print_result(
        "syncs.schedules",
        {"schedules": goal_at_least(SCHEDULES, [schedules]), "failures": goal_at_most(0, [failures])},
        first_seed=first_seed,
        steps=steps,
        seconds=round(seconds),
    )


if __name__ == "__main__":
    main()
