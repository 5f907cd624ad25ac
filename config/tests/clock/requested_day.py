"""The environment variable that names the day on which a test should run."""

from typing import Final

REQUESTED_DAY: Final = "PLUMBLINE_ASKED_DAY"
