"""The bench reports a missing requirement before it starts anything."""

import subprocess
import sys

from config.tests.programs import build_environment
from devservices.data_dir import CHECKOUT

TIMEOUT_SECONDS = 60


def test_it_says_that_chromium_is_missing_before_it_starts_anything() -> None:
    without_chromium = {"PATH": "", "BROWSER_PATH": "", "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
    completed = subprocess.run(
        [sys.executable, "-m", "bench.pages"],
        cwd=CHECKOUT,
        env=build_environment() | without_chromium,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert (completed.returncode, completed.stdout) == (1, "")
    assert completed.stderr == "This bench needs Chromium: install it, or set BROWSER_PATH.\n"
