"""What measures the site says what it lacks before it starts anything."""

import subprocess
import sys

from config.tests.programs import environment
from devservices.data_dir import CHECKOUT

TIMEOUT_SECONDS = 60


def test_it_says_that_chromium_is_missing_before_it_starts_anything() -> None:
    nothing = {"PATH": "", "BROWSER_PATH": "", "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
    ended = subprocess.run(
        [sys.executable, "-m", "bench.pages"],
        cwd=CHECKOUT,
        env=environment() | nothing,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "This bench needs Chromium: install it, or set BROWSER_PATH.\n"
