"""How a test learns which day was asked for."""

from typing import Final

ASKED: Final = "PLUMBLINE_ASKED_DAY"
