"""The environment variable by which a test learns on which day it should run."""

from typing import Final

ASKED: Final = "PLUMBLINE_ASKED_DAY"
